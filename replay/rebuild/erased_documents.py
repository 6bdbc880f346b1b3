"""Documents that were erased as a whole: a rebuild writes what came before that without its chunks.

The index in force has deleted them, and the log still holds their redacted texts and vectors. What
is handed in after the erasure, under the same address, is a document like any other.
"""

from __future__ import annotations

from msgspec.structs import replace

from agents.errors import Permanent
from replay.log import Log
from replay.rebuild.lane_inputs import IndexInput, records_from
from schemas import PersonErased
from streams.log.codec import Codec, Undecodable
from streams.topics import topic_of

ERASURES = topic_of(PersonErased)


class ErasedDocuments:
    """Which documents were erased, and when; read from the log again at each look."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._until_us: dict[tuple[str, str], int] = {}
        """By tenant and document: when it was erased last."""
        self._next: dict[int, int] = {}
        self.erasures = 0
        """How many were told of."""

    def learn(self, log: Log) -> None:
        """Read what was told since the last call."""
        for topic, lane in sorted(log.extents()):
            if topic != ERASURES:
                continue
            for stored in records_from(log, ERASURES, lane, self._next.get(lane, 0)):
                self._next[lane] = stored.offset + 1
                self._take(stored.value)

    def _take(self, value: bytes | None) -> None:
        try:
            event = self._codec.decode_any(value)
        except Undecodable:
            return
        if not isinstance(event, PersonErased) or not event.documents:
            return
        self.erasures += 1
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
