"""The limit of a start: for how long a component may keep one waiting for its first answer.

A machine that is busy or short of memory makes everything slow, and to kill what is only slow and
begin it anew makes it slower. So the limit is doubled, up to a bound, as long as the component is
at work: it uses the CPU, or its log grows. What stands still has its limit, no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from infra.local.process_trees import cpu_s_of, tree_of

BUSY_SHARE = 0.02
"""Of a core: what hangs uses less (a JVM that waits, some tenths of a percent), and what works gets
more even where fifty others want the same core."""
LONGEST_S = 3_600.0


class WorkDone(NamedTuple):
    """What a component has done since it was started."""

    cpu_s: float
    """Of its process and of all that this has started."""
    log_bytes: int


def work_done_by(pid: int, log: Path) -> WorkDone:
    """Measure what a process has done; nothing where it has gone."""
    cpu_s = 0.0
    with suppress(psutil.Error):
        cpu_s = cpu_s_of(tree_of(pid))
    return WorkDone(cpu_s, log.stat().st_size if log.exists() else 0)


class StartLimit:
    """The limit of one start."""

    def __init__(
        self,
        limit_s: float,
        progress: Callable[[], WorkDone],
        clock: Callable[[], float] = time.monotonic,
        longest_s: float = LONGEST_S,
    ) -> None:
        """`limit_s`: what is allowed without progress."""
        self._clock = clock
        self._progress = progress
        self._longest_s = longest_s
        self._began_s = self._looked_s = clock()
        self._limit_s = limit_s
        self._seen = progress()

    @property
    def limit_s(self) -> float:
        """Seconds from the start, as they are now."""
        return self._limit_s

    def is_over(self) -> bool:
        """Say whether the limit has passed without progress; with it, the limit is doubled."""
        now_s = self._clock()
        if now_s - self._began_s < self._limit_s:
            return False
        if now_s - self._began_s >= self._longest_s:
            return True
        done = self._progress()
        # what a child that has ended used may be counted no more
        share = abs(done.cpu_s - self._seen.cpu_s) / max(1e-9, now_s - self._looked_s)
        moved = share >= BUSY_SHARE or done.log_bytes > self._seen.log_bytes
        self._seen, self._looked_s = done, now_s
        if moved:
            self._limit_s *= 2
        return not moved
