"""Documents that were erased as a whole: a rebuild writes what came before that without its chunks.

The index in force has deleted them, and the log still holds their redacted texts and vectors. What
is handed in after the erasure, under the same address, is a document like any other.

What counts as an erasure is what counts for a worker: somebody asked for it, signed where producers
must sign, and what is said to have come of it is of that request. Else whoever may write one record
could keep any document out of an index that is built anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from agents.errors import Permanent
from replay.log import Log, Stored
from replay.producers_in_force import READ
from replay.proved_records import ProvedRecords
from replay.rebuild.lane_inputs import IndexInput, records_from
from schemas import ErasureRefused, ErasureRequested, Event, PersonErased
from streams.log.codec import Codec
from streams.log.offsets import Partition
from streams.operations.erasures.erasure_log import ErasureLog
from streams.topics import topic, topic_of

TOLD: tuple[type[Event], ...] = (ErasureRequested, PersonErased, ErasureRefused)


def read_of(lanes: int) -> Iterator[Partition]:
    """List what is read of erasures on a log of so many lanes."""
    yield from READ
    for kind in TOLD:
        name = topic_of(kind)
        yield from ((name, lane) for lane in range(lanes if topic(name).partitioned else 1))


class ErasedDocuments:
    """Which documents were erased, and when; read from the log again at each look."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._told = ErasureLog()
        self._next: dict[Partition, int] = {}
        self._until_us: dict[tuple[str, str], int] = {}
        """By tenant and document: when it was erased last."""
        self.erasures = 0
        """How many were told of that name documents."""

    def learn(self, log: Log) -> None:
        """Read what was told since the last call."""
        new = [
            (kind, stored)
            for kind in TOLD
            for name, lane in sorted(log.extents())
            if name == topic_of(kind)
            for stored in self._new(log, name, lane)
        ]
        if not new:
            return
        proved = ProvedRecords(log, self._codec)
        for kind, stored in new:
            event = proved.admitted(kind, stored)
            if event is not None:
                self._told.take(event, stored.topic, stored.partition, stored.offset)
        self._sum_up([one.erased[0] for one in self._told.erasures.values() if one.documents])

    def _new(self, log: Log, name: str, lane: int) -> Iterator[Stored]:
        for stored in records_from(log, name, lane, self._next.get((name, lane), 0)):
            self._next[name, lane] = stored.offset + 1
            yield stored

    def _sum_up(self, told: Sequence[PersonErased]) -> None:
        self.erasures = len(told)
        for event in told:
            for document in event.documents:
                name = event.meta.tenant, document
                self._until_us[name] = max(event.meta.at, self._until_us.get(name, 0))

    def hold_to(self, begun_with: int, generation: int) -> None:
        """Raise Permanent where somebody was erased after a generation was begun."""
        if self.erasures != begun_with:
            raise Permanent(
                f"a person's documents were erased after generation {generation} was begun, and it "
                "may hold them: drop it, and build another one"
            )

    def without(self, one: IndexInput) -> IndexInput:
        """Return an input without its chunks, if its document was erased after it."""
        event = one.event
        until_us = self._until_us.get((event.meta.tenant, event.document.document), 0)
        if event.meta.at > until_us:
            return one
        return IndexInput(one.given._replace(event=replace(event, chunks=())), one.code)
