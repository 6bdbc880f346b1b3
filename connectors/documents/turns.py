"""Turns: some things at once, the others wait, and tenants take turns.

However many wait for one tenant, the first of another comes next but one (round robin): nobody
waits behind all of somebody else's. Turns are given in the order in which the tenants' first ones
began to wait, so that nothing here is left to chance.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Lets `at_once` callers in; used by one event loop at a time."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """Who waits, by tenant; the tenant whose turn is next stands first."""

    @asynccontextmanager
    async def turn(self, tenant: str) -> AsyncIterator[None]:
        """Wait for a turn, and take it for what is done inside."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(tenant)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, tenant: str) -> None:
        given = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(given)
        try:
            await given
        except asyncio.CancelledError:
            if not given.cancelled():  # it was given the turn, and then cancelled itself
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Give a turn that has become free to the next tenant's first, or keep it."""
        while self._waiting:
            tenant = next(iter(self._waiting))
            waiting = self._waiting.pop(tenant)
            given = waiting.popleft()
            if waiting:
                self._waiting[tenant] = waiting  # behind the others
            if not given.done():
                given.set_result(None)
                return
        self._free += 1
