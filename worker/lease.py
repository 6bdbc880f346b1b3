"""The lease: a process that stood still for too long ends, before it does what others do by now."""

from __future__ import annotations

import asyncio
import os
import threading
import time

from streams.delivery.reader import HEARTBEAT_S, SESSION_S

LEASE_S = SESSION_S - 2 * HEARTBEAT_S  # the last heartbeat was up to one before the standstill
LEASE_POLL_S = 0.1


class Lease:
    """Ends a process that stood still for so long that others may run its lanes by now.

    It would go on where it was stopped: its runs have the same attempt numbers as those of the new
    owner, and the log would hold two different records with the same id and attempt. The broker
    tells it too late, with the next heartbeat.

    A thread keeps the time, so that a loop which is merely busy loses nothing. After a standstill
    whoever comes first notices, the thread or the loop: no run takes a further step.
    """

    def __init__(self, limit_s: float = LEASE_S) -> None:
        self._limit_s = limit_s
        self._ticked_s = _boottime_s()

    def hold(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch from now on."""
        self._ticked_s = _boottime_s()
        threading.Thread(target=self._tick, name="lease", daemon=True).start()
        self._watch(loop)

    @property
    def lapsed(self) -> bool:
        """Whether the process stood still for too long, up to this moment."""
        return _boottime_s() - self._ticked_s > self._limit_s

    def _tick(self) -> None:
        while True:
            self._check()
            self._ticked_s = _boottime_s()
            time.sleep(LEASE_POLL_S)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        self._check()
        loop.call_later(LEASE_POLL_S, self._watch, loop)

    def _check(self) -> None:
        if self.lapsed:
            os.write(2, b"stood still for too long, others may run its lanes: ends at once\n")
            os._exit(1)


def _boottime_s() -> float:
    """Read a clock that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
