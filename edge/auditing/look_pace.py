"""Look pace: how many looks a key may put on the log, which keeps each for ever."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

from edge.problems import Problem, too_many

LOOKS_MAX = 300
"""In a minute: who reads takes a few, the proofs of all records of an answer some thirty."""
MINUTE_S = 60.0


class LookPace:
    """Counts the looks of each key within the last minute; lives on one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looks: dict[tuple[str, str], deque[float]] = {}
        self._tidied_s = clock()

    def take(self, tenant: str, key: str) -> None:
        """Count one more look; raises Problem where there were too many."""
        now_s = self._clock()
        self._tidy(now_s)
        looks = self._looks.setdefault((tenant, key), deque())
        while looks and looks[0] <= now_s - MINUTE_S:
            looks.popleft()
        if len(looks) >= LOOKS_MAX:
            raise self._refusal(looks[0] + MINUTE_S - now_s)
        looks.append(now_s)

    def _tidy(self, now_s: float) -> None:
        """Forget, once a minute, the keys that have not looked within it."""
        if now_s < self._tidied_s + MINUTE_S:
            return
        self._tidied_s = now_s
        self._looks = {
            whose: looks for whose, looks in self._looks.items() if looks[-1] > now_s - MINUTE_S
        }

    def _refusal(self, wait_s: float) -> Problem:
        what = f"this key has looked {LOOKS_MAX} times within a minute: each look stays on the log"
        return too_many(what, math.ceil(wait_s))
