"""A fair queue before what can do only so much at once: a model, a thread, a process.

Who waits has a rank, and the lowest one goes first:

    ALONE   somebody waits for it, and nothing else is asked here for its tenant but by this request
    CROWD   somebody waits for it, as for other requests of its tenant
    BULK    nobody waits for it: it has no deadline

Among one rank tenants take turns. So neither a tenant's thousand documents nor its five hundred
questions keep another tenant's one question waiting for more than what runs already. No rank
starves: while one waits, at least a share of the time that is worked goes to it. Time and not turns
are counted, since a batch of a document may take a hundred times as long as a question; but what a
rank is owed, or had too much, is forgotten beyond some seconds.

Some places may be reserved to ALONE. What runs at once on one core slows each other down, so before
such a thing a crowd is kept to few places, however many are free.

The bound of a call counts its work and not its waiting, where its asker has no deadline: what waits
behind others has not failed. Who has one and gives up waiting does not blame what it waited for
(see `world`).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Sized
from contextlib import asynccontextmanager
from contextvars import ContextVar
from enum import IntEnum
from typing import Protocol

SHARE = 1 / 8
"""Of the time that is worked while a rank waits, what goes to it at least; with a quarter the 95th
of 100 single questions took 1.7 times as long beside a crowd, with this 1.5 (test_flood.py)."""

OWED_S_MAX = 10.0
"""Most that a rank is owed, or has had ahead. One long turn of a tenant is not what others of its
rank pay for: without a bound, 600 s of one document kept all later ones behind 4,200 s of others'
questions. A batch takes two seconds, so that what is usual is paid in full."""


class Rank(IntEnum):
    """Who goes first."""

    ALONE = 0
    CROWD = 1
    BULK = 2


OWED = (Rank.CROWD, Rank.BULK)
"""Ranks that others go before, and to whom a share of the time is owed for it."""


class Asker(Protocol):
    """On whose behalf something is asked; a `world.Call` is one."""

    @property
    def tenant(self) -> str:
        """Whose turn it takes."""

    @property
    def request(self) -> str:
        """What it is a part of: a question may be searched for in several wordings at once."""

    @property
    def deadline(self) -> int:
        """When an answer is no longer of use; 0: never."""


class Bound:
    """The bound of a call, in which waiting counts for those who are in a hurry alone."""

    def __init__(self, timeout: asyncio.Timeout, *, hurried: bool = False) -> None:
        self.waited_in_vain = False
        """Whether it ended before there was a turn."""
        self._timeout = timeout
        self._runs_on = hurried or timeout.when() is None
        self._waiting = 0
        self._left_s = 0.0

    def suspend(self) -> None:
        """Let it not run, until `resume` was called as often."""
        if not self._runs_on and not self._waiting and (when := self._timeout.when()) is not None:
            self._left_s = when - asyncio.get_running_loop().time()
            self._timeout.reschedule(None)
        self._waiting += 1

    def resume(self) -> None:
        """Let it run on, with the time that it had left."""
        self._waiting -= 1
        if not (self._runs_on or self._waiting or self._timeout.expired()):
            self._timeout.reschedule(asyncio.get_running_loop().time() + self._left_s)


current_bound: ContextVar[Bound | None] = ContextVar("current_bound", default=None)
"""That of the call under way; None where there is none."""


class _Turn:
    """One asker's turn: waited for, then held."""

    __slots__ = ("began_s", "given", "rank", "repays", "request", "tenant", "waits")

    def __init__(self, asker: Asker) -> None:
        self.tenant = asker.tenant
        self.request = asker.request
        self.rank = Rank.BULK
        self.given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waits = False
        """Whether it stands among those that wait."""
        self.began_s: float | None = None
        """When it was given."""
        self.repays: Rank | None = None
        """The rank that it was given to before lower ones, which was owed time."""


class FairQueue:
    """Lets so many work at once, on one event loop."""

    def __init__(
        self, at_once: int, reserved: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Of `at_once` places, the `reserved` ones are for ALONE, and for what a rank is owed."""
        self._at_once = at_once
        self._open = max(1, at_once - reserved)
        self._clock = clock
        self._running = 0
        self._waiting = {rank: _ByTenant() for rank in Rank}
        self._in_a_hurry: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """Turns waited for and held by those with a deadline, by tenant and request."""
        self._owed_s = dict.fromkeys(OWED, 0.0)
        """Time for which a rank may work before lower ones."""
        self._repaying: set[Rank] = set()

    @asynccontextmanager
    async def turn(self, asker: Asker) -> AsyncIterator[None]:
        """Wait for a turn, and hold it."""
        turn = self._enter(asker)
        self._pass_on()
        try:
            if not turn.given.done():
                await self._wait(turn)
            yield
        finally:
            self._leave(turn)
            self._pass_on()

    async def _wait(self, turn: _Turn) -> None:
        bound = current_bound.get()
        if bound is not None:
            bound.suspend()
        try:
            await turn.given
        except asyncio.CancelledError:
            if bound is not None:
                bound.waited_in_vain = True
            raise
        finally:
            if bound is not None:
                bound.resume()

    # ------------------------------------------------------------------ who waits

    def _enter(self, asker: Asker) -> _Turn:
        """Count one more, and let it wait."""
        turn = _Turn(asker)
        if asker.deadline:
            turn.rank = self._count(turn, 1)
        self._waiting[turn.rank].add(turn)
        return turn

    def _leave(self, turn: _Turn) -> None:
        """Count one less: it has worked, or was cancelled."""
        if turn.began_s is not None:
            self._running -= 1
            self._account(turn, self._clock() - turn.began_s)
        elif turn.waits:
            self._waiting[turn.rank].remove(turn)
        if turn.rank is not Rank.BULK:
            self._count(turn, -1)

    def _count(self, turn: _Turn, more: int) -> Rank:
        """Count what a tenant asks for in a hurry; what waits of it takes the rank of that."""
        tenant, requests = turn.tenant, self._in_a_hurry[turn.tenant]
        before = _rank_of(requests)
        requests[turn.request] += more
        if not requests[turn.request]:
            del requests[turn.request]
        if not requests:
            del self._in_a_hurry[tenant]
        rank = _rank_of(requests)
        if rank is not before:
            for waiting in self._waiting[before].take_all(tenant):
                waiting.rank = rank
                self._waiting[rank].add(waiting)
        return rank

    # ------------------------------------------------------------------ whose turn it is

    def _pass_on(self) -> None:
        while self._running < self._at_once:
            owed = self._owed_rank()
            rank = self._first_rank() if owed is None else owed
            if rank is None:
                return
            turn = self._waiting[rank].next()
            if turn.given.done():  # it was cancelled, and will leave by itself
                continue
            self._running += 1
            turn.began_s = self._clock()
            if owed is not None:
                turn.repays = owed
                self._repaying.add(owed)
            turn.given.set_result(None)

    def _owed_rank(self) -> Rank | None:
        """Return a rank that works off what it is owed, one turn at a time: none knows its end."""
        for rank in OWED:
            if self._waiting[rank] and self._owed_s[rank] > 0 and rank not in self._repaying:
                return rank
        return None

    def _first_rank(self) -> Rank | None:
        for rank in Rank:
            if self._waiting[rank]:
                return rank if rank is Rank.ALONE or self._running < self._open else None
        return None

    def _account(self, turn: _Turn, took_s: float) -> None:
        """Owe a share of what was worked to the ranks that waited meanwhile."""
        if turn.repays is not None:
            self._repaying.remove(turn.repays)
            self._owed_s[turn.repays] -= took_s
        for rank in OWED:
            if not self._waiting[rank]:
                self._owed_s[rank] = min(0.0, self._owed_s[rank])
            elif rank is not turn.rank:
                self._owed_s[rank] += took_s * SHARE / (1 - SHARE)
            self._owed_s[rank] = max(-OWED_S_MAX, min(OWED_S_MAX, self._owed_s[rank]))


def _rank_of(requests: Sized) -> Rank:
    return Rank.CROWD if len(requests) > 1 else Rank.ALONE


class _ByTenant:
    """Who waits, by tenant; whose turn it is stands first."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[_Turn]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._queues)

    def add(self, turn: _Turn) -> None:
        """Let a turn wait behind the others of its tenant."""
        self._queues.setdefault(turn.tenant, deque()).append(turn)
        turn.waits = True

    def remove(self, turn: _Turn) -> None:
        """Forget one that waits no longer."""
        queue = self._queues[turn.tenant]
        queue.remove(turn)
        turn.waits = False
        if not queue:
            del self._queues[turn.tenant]

    def take_all(self, tenant: str) -> Iterable[_Turn]:
        """Take out what waits of a tenant, in its order."""
        return self._queues.pop(tenant, ())

    def next(self) -> _Turn:
        """Take out the turn that is next; its tenant stands last from now on."""
        tenant, queue = self._queues.popitem(last=False)
        turn = queue.popleft()
        turn.waits = False
        if queue:
            self._queues[tenant] = queue
        return turn
