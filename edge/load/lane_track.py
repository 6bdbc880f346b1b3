"""One lane that a step reads, over time: what waits there, and how fast the step has lately been.

Why it is so:

* A step works on a window of records at once, and a slow one holds back the committed offset of
  those that were finished after it. What is done beyond a commit is written with it, so it is taken
  off; a lag within the window is no queue, unless nothing moves: neither what is finished nor the
  lane that the step writes to.
* What is not finished need not be a queue either: records of one tenant that wait for something of
  their own (a schema, a service) hold nobody. Steps let tenants take turns, so before a new record
  of a tenant go, for each of its own that is under way, one of every tenant that has any. That, and
  what lies beyond the reach of the step, is its queue; a limit by age counts its own oldest.
* The rate of a step is what it did while it had something to do. A quiet lane is not a slow one.
* A limit that was passed holds until half of it is reached: a gateway on the brink does not take
  every other request.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import NamedTuple

from streams.delivery.lane import REACH

MOVING_S = 5.0  # a record that came in so long ago and moved nothing: the step stands still
HALF_LIFE_S = 30.0  # of what is remembered of a step's rate: some answers long
GAP_S = 5.0  # readings further apart say nothing about rates: the broker was away
SAMPLES_MAX = 128  # of one lane's growth; then every other is forgotten
REOPEN = 0.5  # of a limit
OTHERS_LEAST = 2  # tenants in a lane where one's own records are not all: what no gateway counts
RETRY_S = (1.0, 60.0)  # bounds of what a client is told to wait
SPREAD = 1.25  # clients that were refused together come back spread over a quarter more
RETRY_UNKNOWN_S = 5.0  # where nothing is known of the rate: a worker starts within seconds


@dataclass(frozen=True)
class LaneLimits:
    """How far a lane may be behind before new requests are refused."""

    records: int
    age_s: float


class Mine(NamedTuple):
    """What the tenant of a new request has under way in its lane."""

    pending: int = 0
    tenants: int = 1
    """How many tenants have anything under way there, this one among them."""
    age_s: float = 0.0
    """Of its oldest."""
    is_few: bool = True
    """So few that it takes its turn before any crowd, however it is made up."""


NOTHING = Mine()


@dataclass
class Track:
    """One lane that a step reads, over time; times are seconds of a monotonic clock."""

    step: str
    window: int
    limits: LaneLimits
    committed: int = 0
    end: int = 0
    finished: int = 0
    """Records that are done, those beyond the commit among them."""
    closed: str = ""
    """lag or age, where a limit was passed and its half not reached since; else empty."""
    _samples: list[tuple[float, int]] = field(default_factory=list)
    """(when it was seen, end): everything before that end was there by then."""
    _read_s: float | None = None
    _unmoved_s: float | None = None
    """Since when a record has been there that moved nothing."""
    _done: float = 0.0
    _busy_s: float = 0.0

    @property
    def lag(self) -> int:
        """Records that are not finished."""
        return max(0, self.end - self.finished)

    @property
    def beyond_reach(self) -> int:
        """Records that the step does not look at yet: they lie too far ahead of its commit."""
        return max(0, self.end - self.committed - REACH)

    @property
    def rate(self) -> float | None:
        """Records a second while there was something to do; None where nothing was done yet."""
        return self._done / self._busy_s if self._done > 0 and self._busy_s > 0 else None

    def take(
        self,
        committed: int,
        end: int,
        now_s: float,
        *,
        onward: bool,
        age_s: float = 0.0,
        done: int = 0,
    ) -> None:
        """Learn from a reading.

        `onward`: the lane that the step writes to has grown. `done`: records beyond the commit that
        are finished. `age_s`: that of the oldest record, where it is known; used at the first
        reading alone.
        """
        finished = committed + done
        if self._read_s is None or end < self.end or committed < self.committed:
            self._samples = [(now_s - age_s, end)]  # new, or made anew on the broker
            self._done, self._busy_s = 0.0, 0.0
            self._unmoved_s = now_s if end > finished else None
        else:
            passed_s = now_s - self._read_s
            self._learn_rate(finished, end, passed_s)
            self._learn_moves(finished, end, now_s, told=onward or passed_s > GAP_S)
            if end > self.end:
                self._samples.append((now_s, end))
        self.committed, self.end, self.finished, self._read_s = committed, end, finished, now_s
        self._samples = [sample for sample in self._samples if sample[1] > committed]
        if len(self._samples) > SAMPLES_MAX:
            del self._samples[1:-1:2]
        self._judge(now_s)

    def _learn_rate(self, finished: int, end: int, passed_s: float) -> None:
        busy = self.lag > 0 or end > finished
        if busy and 0 < passed_s <= GAP_S:
            kept = 0.5 ** (passed_s / HALF_LIFE_S)
            # an older note beside a newer commit tells of less than it did
            self._done = self._done * kept + max(0, finished - self.finished)
            self._busy_s = self._busy_s * kept + passed_s

    def _learn_moves(self, finished: int, end: int, now_s: float, *, told: bool) -> None:
        if finished > self.finished or told or end <= finished:
            self._unmoved_s = None
        elif end > self.end and self._unmoved_s is None:
            self._unmoved_s = now_s

    def _judge(self, now_s: float) -> None:
        share = REOPEN if self.closed else 1.0
        if self.lag > self.limits.records * share:
            self.closed = "lag"
        elif self.waited_s(now_s) > self.limits.age_s * share:
            self.closed = "age"
        else:
            self.closed = ""

    def age_s(self, now_s: float) -> float:
        """Return the age of the oldest record that is not finished; 0 where there is none."""
        return now_s - self._samples[0][0] if self._samples else 0.0

    def stands_still(self, now_s: float) -> bool:
        """Tell whether a record came in and moved nothing for too long."""
        return self._unmoved_s is not None and now_s - self._unmoved_s > MOVING_S

    def waited_s(self, now_s: float) -> float:
        """Return for how long records have waited for the step; those it works on do not wait."""
        waits = self.lag > self.window or self.stands_still(now_s)
        return self.age_s(now_s) if waits else 0.0

    def queue_of(self, mine: Mine) -> int:
        """Count the records that a new one of a tenant would wait for."""
        ahead = 0 if mine.is_few else min(self.lag, mine.pending * max(OTHERS_LEAST, mine.tenants))
        return max(0, ahead - self.window) + self.beyond_reach

    def is_closed(self, now_s: float, mine: Mine) -> bool:
        """Tell whether a tenant's request is refused: for its own crowd, or since nothing moves."""
        if self.stands_still(now_s) or (self.beyond_reach and self.rate is None):
            return bool(self.closed)
        match self.closed:
            case "lag":
                crowd = self.queue_of(mine) > self.limits.records * REOPEN
            case "age":
                crowd = mine.age_s > self.limits.age_s * REOPEN
            case _:
                crowd = False
        return crowd and not mine.is_few

    def wait_s(self, now_s: float, mine: Mine) -> float:
        """Return for how long a new record of a tenant would wait, at the rate of late."""
        queue = self.queue_of(mine)
        by_rate = queue / self.rate if queue and self.rate else 0.0
        return max(by_rate, self.age_s(now_s) if self.stands_still(now_s) else 0.0)

    def reopens_s(self) -> float:
        """Return in how many seconds a closed lane may be open again."""
        if self.rate is None:
            return RETRY_UNKNOWN_S
        left = self.lag - self.limits.records * REOPEN if self.closed == "lag" else self.lag
        return left / self.rate


def retry_after_s(wait_s: float) -> float:
    """Keep a wait within what a client may be told."""
    return min(RETRY_S[1], max(RETRY_S[0], wait_s))


def spread(wait_s: float, most: float = SPREAD) -> int:
    """Return the seconds that one of many clients is told to wait, up to `most` times as long."""
    return math.ceil(wait_s * random.uniform(1.0, most))  # noqa: S311 - no secret
