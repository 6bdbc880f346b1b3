"""Frames on their way to one client, in order: so many wait at most.

A connection that nothing is sent on has neither queue nor task for it: most are idle mostly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from edge.answering.cursors import Frame


class FramesOut:
    """A bounded queue and the task that empties it, both there only while they are needed."""

    def __init__(
        self,
        most: int,
        send: Callable[[Frame], Awaitable[None]],
        begin: Callable[[Coroutine[Any, Any, None]], Any],
        more_may_come: Callable[[], bool],
    ) -> None:
        """`send` hands one frame to the client; `begin` runs a task beside all else.

        While `more_may_come` says so, the task waits for further frames.
        """
        self._most = most
        self._send = send
        self._begin = begin
        self._more_may_come = more_may_come
        self._queue: asyncio.Queue[Frame | None] | None = None
        self._putting = 0

    async def put(self, frame: Frame) -> None:
        """Add a frame; waits while too many wait already."""
        if self._queue is None:
            self._queue = asyncio.Queue(self._most)
            self._begin(self._write(self._queue))
        self._putting += 1
        try:
            await self._queue.put(frame)
        finally:
            self._putting -= 1

    def look(self) -> None:
        """End the task where it waits for frames and none may come any more."""
        if self._queue is not None and self._queue.empty():
            self._queue.put_nowait(None)

    async def _write(self, queue: asyncio.Queue[Frame | None]) -> None:
        while True:
            frame = await queue.get()
            if frame is not None:
                await self._send(frame)
            if queue.empty() and not self._putting and not self._more_may_come():
                self._queue = None
                return
