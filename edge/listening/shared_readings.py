"""Shared readings: what several wait for in one lane is read back at once.

Readers who return after a restart want stretches of the same few lanes, and nearly the same ones.
So whoever comes before a reading has its turn joins it, and what it costs the broker and us does
not grow with them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from edge.listening.known_requests import KnownRequest
from edge.listening.reading_turns import ReadingTurns, Unwanted
from edge.requests.identity import Whose
from schemas import Event

TOGETHER_MAX = 32
"""Requests of one reading: what is found of them is in memory until it is opened."""

Kinds = tuple[type[Event], ...]
FoundT = TypeVar("FoundT")
ReadsAtOnce = Callable[[Sequence[KnownRequest], Kinds, Unwanted], dict[Whose, FoundT]]
"""Reads several requests of a lane on a thread."""


@dataclass
class _Gathering(Generic[FoundT]):
    """Requests that will be read together."""

    requests: dict[Whose, KnownRequest] = field(default_factory=dict)
    wanted: int = 0
    """How many wait for it."""
    reading: asyncio.Task[dict[Whose, FoundT]] | None = None


class SharedReadings(Generic[FoundT]):
    """Gathers requests by lane and kinds until their reading begins; lives on one event loop."""

    def __init__(self, turns: ReadingTurns, read: ReadsAtOnce[FoundT]) -> None:
        self._turns = turns
        self._read = read
        self._gathering: dict[tuple[int, Kinds], _Gathering[FoundT]] = {}

    async def read(self, request: KnownRequest, kinds: Kinds) -> FoundT:
        """Return what is found of a request; raises Transient."""
        place = request.lane, kinds
        gathering = self._gathering.get(place)
        if gathering is None or len(gathering.requests) >= TOGETHER_MAX:
            gathering = self._gathering[place] = _Gathering()
            begin = partial(self._begin, place, gathering)
            gathering.reading = asyncio.create_task(self._turns.read(begin))
            gathering.reading.add_done_callback(_let_go)
        gathering.requests[request.whose] = request
        gathering.wanted += 1
        assert gathering.reading is not None
        try:
            found = await asyncio.shield(gathering.reading)
        finally:
            gathering.wanted -= 1
            if not gathering.wanted:
                self._close(place, gathering)
                gathering.reading.cancel()
        return found[request.whose]

    def _begin(
        self, place: tuple[int, Kinds], gathering: _Gathering[FoundT]
    ) -> Callable[[Unwanted], dict[Whose, FoundT]]:
        """Let nobody join any more, and say what is read."""
        self._close(place, gathering)
        return partial(self._read, list(gathering.requests.values()), place[1])

    def _close(self, place: tuple[int, Kinds], gathering: _Gathering[FoundT]) -> None:
        if self._gathering.get(place) is gathering:
            del self._gathering[place]


def _let_go(reading: asyncio.Task[dict[Whose, FoundT]]) -> None:
    if not reading.cancelled():
        reading.exception()  # whoever waited has it; where nobody did, it is nobody's
