"""All WebSockets of a process: one task looks whether any has to end, so idle ones cost nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from edge.callers.standing import Standing

POLL_S = 0.2  # between looks


class Endable(Protocol):
    """A connection that may have to end."""

    @property
    def standing(self) -> Standing:
        """That of what its client came with."""

    def begin_to_end(self) -> None:
        """Say goodbye and close, beside all else; called once."""


class OpenConnections:
    """Tells each connection once when the gateway stops, or what its client came with has ended."""

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self._stopping = stopping
        self._open: set[Endable] = set()
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def hold(self, connection: Endable) -> Iterator[None]:
        """Look after a connection for as long as the block lasts."""
        self._open.add(connection)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_after())
        try:
            yield
        finally:
            self._open.discard(connection)

    async def _look_after(self) -> None:
        while self._open:
            self.look()
            await asyncio.sleep(POLL_S)

    def look(self) -> None:
        """Look at all once."""
        stopping = self._stopping()
        for connection in [one for one in self._open if stopping or one.standing.ended]:
            self._open.discard(connection)
            connection.begin_to_end()
