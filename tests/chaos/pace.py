"""The clock of a plan: load and faults come by it, so that a machine that is slow meets them in the same proportion."""

import math
import time
from collections.abc import Callable

from tests.chaos.load import FLOOD
from tests.chaos.plan import Plan

BEHIND_S = 60.0  # of steady load that may wait for its ends, besides a flood
FLOODS = 2


class Pace:
    """A clock that goes as any other does, and stands while more waits for its end than may.

    By the wall, a machine that is busy would get kill after kill while no worker has come up yet: then nothing is tried.
    """

    def __init__(
        self,
        waiting: Callable[[], int] = lambda: 0,
        waiting_max: float = math.inf,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._waiting = waiting
        self._waiting_max = waiting_max
        self._now_s = now_s
        self._looked_s = now_s()
        self.last_s = 0.0
        """What had passed at the last look; other threads may read it."""
        self.stood_s = 0.0
        """How long it has stood, in seconds."""

    def passed_s(self) -> float:
        """Look what waits, and return what has passed in seconds of the plan."""
        now_s = self._now_s()
        since_s, self._looked_s = now_s - self._looked_s, now_s
        if self._waiting() > self._waiting_max:
            self.stood_s += since_s
        else:
            self.last_s += since_s
        return self.last_s


def waiting_max_of(plan: Plan) -> float:
    """Say how much of a plan may wait; in an outage all does."""
    if plan.outage:
        return math.inf
    return plan.requests * (FLOODS * FLOOD + BEHIND_S / plan.seconds)
