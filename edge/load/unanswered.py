"""Questions that were taken in and have no answer yet: how many, whose, and how fast they end."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from edge.listening.entries import Entry
from edge.load.backlog import RETRY_UNKNOWN_S, retry_after_s
from edge.requests.identity import Whose
from schemas import AnswerReleased, AnswerRetracted, ChunksRetrieved, EventRejected
from streams.settings import Settings

LEAST = 1 / 16
"""Of a tenant's share: what each may have unanswered while others fill the gateway or a lane."""
REOPEN = 0.8  # of the unanswered questions at which none was taken any more
ANSWERS_KEPT = 64  # times of the newest answers: the rate of late
RATE_S = 60.0  # how far back that goes
ANSWER = (AnswerReleased, AnswerRetracted, EventRejected)
PASSAGES = (ChunksRetrieved, EventRejected)


@dataclass(frozen=True)
class _Waiting:
    until_s: float
    closes: tuple[type, ...]


@dataclass(frozen=True)
class NoRoom:
    """Too many wait: of one tenant or in all, and in how many seconds there may be room."""

    of_tenant: bool
    count: int
    room_in_s: float


class Unanswered:
    """Counts questions until they are answered or their time is over.

    Lives on the event loop, but for `awaits`.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._most = settings.unanswered_max
        self._most_of_tenant = settings.unanswered_per_tenant_max
        self._least_of_tenant = max(1, math.floor(LEAST * self._most_of_tenant))
        self._clock = clock
        self._waiting: dict[Whose, _Waiting] = {}
        self._of_tenant: Counter[str] = Counter()
        self._closed = False
        self._closed_tenants: set[str] = set()
        self._answers: deque[float] = deque(maxlen=ANSWERS_KEPT)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether one more is too many."""
        return _full(len(self), self._most, self._closed)

    def awaits(self, whose: Whose) -> bool:
        """Tell whether a request counts as unanswered; may be asked from any thread."""
        return whose in self._waiting

    def is_within_minimum(self, tenant: str) -> bool:
        """Tell whether a tenant has so few unanswered that no other's crowd concerns it."""
        return self._of_tenant[tenant] < self._least_of_tenant

    def crowd(self, tenant: str) -> NoRoom | None:
        """Say why a tenant's question can't be taken; None where it can."""
        mine, every = self._of_tenant[tenant], len(self)
        if _full(mine, self._most_of_tenant, tenant in self._closed_tenants):
            self._closed_tenants.add(tenant)
            ahead = mine - _low(self._most_of_tenant)
            return NoRoom(True, mine, self._answered_in_s(ahead, mine / max(1, every)))
        self._closed_tenants.discard(tenant)
        self._closed = self.full
        if self._closed and not self.is_within_minimum(tenant):
            return NoRoom(False, every, self._answered_in_s(every - _low(self._most), 1.0))
        return None

    def add(self, whose: Whose, limit_s: float, *, search: bool) -> bool:
        """Count a question until it is answered or its time is over; False where it counts."""
        if whose in self._waiting:
            return False
        until_s = self._clock() + limit_s
        self._waiting[whose] = _Waiting(until_s, PASSAGES if search else ANSWER)
        self._of_tenant[whose[0]] += 1
        return True

    def take(self, entry: Entry) -> None:
        """Learn from an entry of the log that a question was answered."""
        waiting = self._waiting.get(entry.whose)
        if waiting is not None and isinstance(entry.event, waiting.closes):
            self._answers.append(self._clock())
            self.forget(entry.whose)

    def forget(self, whose: Whose) -> None:
        """Count a question no longer."""
        tenant, _ = whose
        if self._waiting.pop(whose, None) is None:
            return
        self._of_tenant[tenant] -= 1
        if not self._of_tenant[tenant]:
            del self._of_tenant[tenant]
            self._closed_tenants.discard(tenant)

    def forget_the_late(self) -> None:
        """Count those no longer whose time is over."""
        now_s = self._clock()
        for whose in [key for key, one in self._waiting.items() if one.until_s < now_s]:
            self.forget(whose)

    def _answered_in_s(self, count: int, share: float) -> float:
        """Return how long `count` answers take at the rate of late, of which a share is meant."""
        now_s = self._clock()
        recent = [at for at in self._answers if now_s - at <= RATE_S]
        if len(recent) < 2:
            return RETRY_UNKNOWN_S
        rate = (len(recent) - 1) / max(now_s - recent[0], 0.001)
        return retry_after_s(count / (rate * share))


def _full(count: int, most: int, closed: bool) -> bool:
    """Tell whether one more is too many: once there are `most`, until there are well fewer."""
    return count >= most or (closed and count > _low(most))


def _low(most: int) -> int:
    return math.floor(most * REOPEN)
