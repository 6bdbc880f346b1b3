"""The lease: after a standstill nothing is written until the group says that the lanes are ours.

A process that stood still (stopped, or on a machine that slept) may have been given up by its
group: others run its lanes by now. It would go on where it was, and the log would hold its outcomes
beside those of the new owner, superseded (see `streams.delivery.epochs`) and paid for twice. The
broker tells it too late, with the next heartbeat.

    well        the last tick is recent: records leave
    in doubt    it is not, or was not: what is handed over waits in the publishers, and the group is
                asked, by a commit of what was committed before
    well again  the group has taken the commits of all steps that hold lanes; of lanes that it took
                away, what waits is forgotten before (see `runner`)

So a machine that is merely slow costs a wait and no restart: what counts is the group's last
answer, not the clock.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

from streams.delivery.slot import HEARTBEAT_S, SESSION_S
from streams.watching.logs import logger

log = logger("lease")

LEASE_S = SESSION_S - 2 * HEARTBEAT_S  # the last heartbeat was up to one before the standstill
TICK_S = 0.1
PROOF_PAUSE_S = 0.2  # between two questions to the group


def _boottime_s() -> float:
    """Read a clock that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lease:
    """Says whether records may leave this process.

    A thread keeps the time, so that a loop which is merely busy loses nothing. After a standstill
    whoever looks first notices, the thread or who wants to write.
    """

    def __init__(self, limit_s: float = LEASE_S, clock: Callable[[], float] = _boottime_s) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._ticked_s = clock()
        self._in_doubt = False

    def sure(self) -> bool:
        """Say whether the lanes are ours, up to this moment."""
        return self._sure_at(self._clock())

    def _sure_at(self, now_s: float) -> bool:
        if not self._in_doubt and now_s - self._ticked_s <= self._limit_s:
            return True
        self._in_doubt = True
        return False

    def tick(self) -> None:
        """Note that the process runs."""
        now_s = self._clock()  # read once: it may stand still between two readings
        if self._sure_at(now_s):
            self._ticked_s = now_s

    def hold(self) -> None:
        """Watch the time from now on, in a thread."""
        self._ticked_s = self._clock()
        threading.Thread(target=self._keep_ticking, name="lease", daemon=True).start()

    async def renew(self, prove: Callable[[], Awaitable[bool]]) -> None:
        """End each doubt as soon as `prove` says that the lanes are ours; runs for ever."""
        while True:
            await asyncio.sleep(TICK_S)
            if self.sure():
                continue
            log.warning("stood still for too long: nothing is written until the group has answered")
            began_s = self._clock()
            while not await self._proven(prove):  # noqa: ASYNC110 - the group is asked again
                await asyncio.sleep(PROOF_PAUSE_S)
            log.info("the lanes are known again", after_s=round(self._clock() - began_s, 3))

    async def _proven(self, prove: Callable[[], Awaitable[bool]]) -> bool:
        """Ask the group once; an answer counts for the time at which it was asked."""
        asked_s = self._clock()
        if not await prove():
            return False
        self._ticked_s = asked_s
        self._in_doubt = False
        return self.sure()

    def _keep_ticking(self) -> None:
        while True:
            self.tick()
            time.sleep(TICK_S)
