"""A fair queue before what can do only so much at once: a model, a thread, a process.

Whoever has a deadline goes first, but for every BULK_TURNS-th turn, which is left to those who have
none; among either, tenants take turns. So one tenant's thousand documents neither keep another
tenant's one waiting behind all of them, nor anybody's question.

The bound of a call counts its work and not its waiting, where its asker has no deadline: what waits
behind others has not failed (see `world`).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Protocol

BULK_TURNS = 4

WaitedTurn = asyncio.Future[None]


class Asker(Protocol):
    """On whose behalf something is asked; a `world.Call` is one."""

    @property
    def tenant(self) -> str:
        """Whose turn it takes."""

    @property
    def deadline(self) -> int:
        """When an answer is no longer of use; 0: never."""


class Bound:
    """The bound of a call, in which waiting does not count."""

    def __init__(self, timeout: asyncio.Timeout) -> None:
        self._timeout = timeout
        self._waiting = 0
        self._left_s = 0.0

    def suspend(self) -> None:
        """Let it not run, until `resume` was called as often."""
        if not self._waiting and (when := self._timeout.when()) is not None:
            self._left_s = when - asyncio.get_running_loop().time()
            self._timeout.reschedule(None)
        self._waiting += 1

    def resume(self) -> None:
        """Let it run on, with the time that it had left."""
        self._waiting -= 1
        if not self._waiting and not self._timeout.expired():
            self._timeout.reschedule(asyncio.get_running_loop().time() + self._left_s)


current_bound: ContextVar[Bound | None] = ContextVar("current_bound", default=None)
"""That of the call under way; None where waiting counts."""


class FairQueue:
    """Lets so many work at once, on one event loop."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting = {True: _ByTenant(), False: _ByTenant()}
        """Whether there is a deadline -> who waits."""
        self._since_bulk = 0

    @asynccontextmanager
    async def turn(self, asker: Asker) -> AsyncIterator[None]:
        """Wait for a turn, and hold it."""
        if self._free and not any(self._waiting.values()):
            self._free -= 1
        else:
            await self._wait(asker)
        try:
            yield
        finally:
            self._free += 1
            self._pass_on()

    async def _wait(self, asker: Asker) -> None:
        turn: WaitedTurn = asyncio.get_running_loop().create_future()
        self._waiting[asker.deadline > 0].add(asker.tenant, turn)
        bound = current_bound.get()
        if bound is not None:
            bound.suspend()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was given a turn at the same moment
                self._free += 1
                self._pass_on()
            else:
                self._waiting[asker.deadline > 0].remove(asker.tenant, turn)
            raise
        finally:
            if bound is not None:
                bound.resume()

    def _pass_on(self) -> None:
        while self._free and (turn := self._next()) is not None:
            if not turn.done():  # else who waited was cancelled
                self._free -= 1
                turn.set_result(None)

    def _next(self) -> WaitedTurn | None:
        hurried, bulk = self._waiting[True], self._waiting[False]
        if hurried and (not bulk or self._since_bulk < BULK_TURNS - 1):
            self._since_bulk += 1
            return hurried.next()
        self._since_bulk = 0
        return bulk.next() if bulk else None


class _ByTenant:
    """Who waits, by tenant; whose turn it is stands first."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[WaitedTurn]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._queues)

    def add(self, tenant: str, turn: WaitedTurn) -> None:
        self._queues.setdefault(tenant, deque()).append(turn)

    def remove(self, tenant: str, turn: WaitedTurn) -> None:
        """Forget one who waits no longer."""
        queue = self._queues[tenant]
        queue.remove(turn)
        if not queue:
            del self._queues[tenant]

    def next(self) -> WaitedTurn:
        tenant, queue = self._queues.popitem(last=False)
        turn = queue.popleft()
        if queue:
            self._queues[tenant] = queue
        return turn
