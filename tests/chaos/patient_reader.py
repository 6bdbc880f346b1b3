"""Reads back, once the load is over, what had no end for its client: a client that gave up is no answer that is lost.

Few at a time, each with as much time as a busy machine may want, and again and again as long as any more is read. Only
what is then missing is a loss.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from tests.chaos.gateway_tale import DONE, Tale

AT_ONCE = 2
LOOK_TIMEOUT_S = 90.0
"""For one look: longer than the gateway itself waits for a broker that says nothing."""
PATIENCE_S = 180.0  # in which not one more is read
PAUSE_S = 0.5  # between looks that brought nothing


class PatientReader:
    """Looks at requests until each has its end, or no more comes."""

    def __init__(
        self,
        look: Callable[[Tale], Awaitable[bool]],
        ended: Callable[[], bool] = lambda: False,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`look` tells whether a request has its end; `ended` whether nobody is to look any more."""
        self._look = look
        self._ended = ended
        self._clock = clock
        self._pause = pause
        self._read_s = clock()
        self.tried = 0
        """Requests that had no end for their client."""

    async def read(self, tales: Sequence[Tale]) -> None:
        """Read what was accepted and is not known to be done."""
        unread = deque(t for t in tales if t.accepted and t.final.get("status") not in DONE)
        self.tried = len(unread)
        self._read_s = self._clock()
        await asyncio.gather(*(self._work_off(unread) for _ in range(AT_ONCE)))

    async def _work_off(self, unread: deque[Tale]) -> None:
        while unread and not self._ended() and self._clock() - self._read_s <= PATIENCE_S:
            tale = unread.popleft()
            if await self._look(tale):
                self._read_s = self._clock()
            else:
                unread.append(tale)
                await self._pause(PAUSE_S)
