"""Documents that were erased as a whole: a rebuild writes what came before that without its chunks.

The index in force has deleted them, and the log still holds their redacted texts and vectors. What
is handed in after the erasure, under the same address, is a document like any other. What counts as
an erasure is what counts for a worker (see `replay.recorded_erasures`).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from agents.errors import Permanent
from replay.log import Log
from replay.rebuild.lane_inputs import IndexInput
from replay.recorded_erasures import RecordedErasures
from schemas import PersonErased
from streams.log.codec import Codec


class ErasedDocuments:
    """Which documents were erased, and when; read from the log again at each look."""

    def __init__(self, codec: Codec) -> None:
        self._read = RecordedErasures(codec)
        self._until_us: dict[tuple[str, str], int] = {}
        """By tenant and document: when it was erased last."""
        self.erasures = 0
        """How many were told of that name documents."""

    def learn(self, log: Log) -> None:
        """Read what was told since the last call."""
        if self._read.learn(log):
            told = self._read.told.erasures.values()
            self._sum_up([one.erased[0] for one in told if one.documents])

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
