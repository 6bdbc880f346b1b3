"""Memory of the processes under fire: their peaks, and whether it grows with the requests of the run.

A worker that is killed every few seconds has no time to grow, so the growth is looked for over all lives of all
workers: what a life of some age holds, against how many requests the run has had by then. A worker that takes a lane
over reads back what was done, so a life begins larger while the log is short; that is bounded (`History`, 20,000
inputs a lane of a step) and is what the allowed slope leaves room for.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import psutil

MIB = 1 << 20
LOOK_S = 2.0
GROWN_S = 8.0  # age of a process from which it has imported and taken its lanes
SLOPE_MAX = 6.0
"""MiB for each 1,000 requests: what is read back of 1,000 requests takes 2.6 (docs/scaling.md), and as much again."""
SLOPES_MAX = {"gateway": 2.0}
"""Of roles that hold less: what a gateway knows of requests is in a file (docs/decisions/0052); what is left is what its
allocator has not given back of a run with thousands of cut connections."""
REQUESTS_MIN = 10_000  # below, a slope says more of the moment than of the run
PEAK_MAX_MIB = 1_100.0
"""Of a worker with all steps: what docs/scaling.md says that its queues and tables may take at worst."""


class Look(NamedTuple):
    """What a process held at a moment of the run."""

    requests: int
    """Requests of the run by then."""
    age_s: float
    mib: float


@dataclass
class RssWatch:
    """Looks at processes, each by the name of its role."""

    looks: dict[str, list[Look]] = field(default_factory=dict)
    _next_s: float = 0.0

    def look(self, now_s: float, requests: int, pids: Mapping[int, str]) -> None:
        """Look at processes, at most every LOOK_S; `now_s` is of the monotonic clock."""
        if now_s < self._next_s:
            return
        self._next_s = now_s + LOOK_S
        for pid, role in pids.items():
            try:
                process = psutil.Process(pid)
                age_s = time.time() - process.create_time()
                mib = process.memory_info().rss / MIB
            except psutil.Error:
                continue  # it ended in between
            self.looks.setdefault(role, []).append(Look(requests, age_s, mib))


@dataclass(frozen=True)
class Growth:
    """How the processes of a role grew."""

    role: str
    peak_mib: float
    slope: float
    """MiB for each 1,000 requests of the run."""
    requests: int
    """Over how many requests it was looked at."""

    @property
    def failures(self) -> list[str]:
        """What is wrong with it."""
        wrong = []
        slope_max = SLOPES_MAX.get(self.role, SLOPE_MAX)
        if self.requests >= REQUESTS_MIN and self.slope > slope_max:
            wrong.append(
                f"memory of a {self.role} grows by {self.slope:.1f} MiB for each 1,000 requests "
                f"over {self.requests}: at most {slope_max:g} are bounded by design"
            )
        if self.peak_mib > PEAK_MAX_MIB:
            wrong.append(
                f"a {self.role} held {self.peak_mib:.0f} MiB: at most {PEAK_MAX_MIB:g} are due"
            )
        return wrong

    def __str__(self) -> str:
        return f"{self.role} peak {self.peak_mib:.0f} MiB, {self.slope:+.2f} MiB for each 1,000 requests"


def growth_of(role: str, looks: Sequence[Look]) -> Growth:
    """Fit a line through what grown processes held: the least squares of memory over requests."""
    peak = max((look.mib for look in looks), default=0.0)
    grown = [look for look in looks if look.age_s >= GROWN_S]
    if len(grown) < 2:
        return Growth(role, peak, 0.0, 0)
    count = len(grown)
    mean_x = sum(look.requests for look in grown) / count
    mean_y = sum(look.mib for look in grown) / count
    spread = sum((look.requests - mean_x) ** 2 for look in grown)
    together = sum((look.requests - mean_x) * (look.mib - mean_y) for look in grown)
    span = max(look.requests for look in grown) - min(look.requests for look in grown)
    return Growth(role, peak, 1_000 * together / spread if spread else 0.0, span)
