"""Questions that were taken in and have no answer yet: how many, whose, and how fast they end.

The log is counted, not what this process took in: a question that another gateway, a producer or
the inbox put there counts as well, so that what one tenant has under way is the same for every
gateway. Its own questions a gateway counts a moment earlier, while they are on their way there.

Why it is so: no gateway has to be told of the others, since each reads every question anyway. It
opens the closing record of each, which is one more record a question. What lay on the log before a
gateway had read it all does not count there: its answer may lie behind where results are read from.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from edge.listening.entries import Entry
from edge.listening.under_way import UnderWay, WorkByTenant
from edge.load.lane_track import RETRY_UNKNOWN_S, retry_after_s
from edge.requests.identity import Whose
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    ChunksRetrieved,
    Event,
    EventRejected,
    QuestionAsked,
)
from streams.log.clock import now_us
from streams.running.retry import QUESTION_BUDGET_MAX_S
from streams.settings import Settings

LEAST = 1 / 16
"""Of a tenant's share: what each may have unanswered while others fill the gateway or a lane."""
REOPEN = 0.8  # of the unanswered questions at which none was taken any more
KEPT_SHARES = 4  # of a tenant are counted at most: a producer may put any number on the log
ENDED_KEPT = 1_024  # more than end while a gateway comes to a question that it did not take in
ENDS_KEPT = 64  # of questions that ended: below that it is not worth while to sort them out
GRACE_S = 2.0  # after the deadline an outcome may still arrive: steps degrade at the deadline
ANSWERS_KEPT = 64  # times of the newest answers: the rate of late
RATE_S = 60.0  # how far back that goes
ANSWER = (AnswerReleased, AnswerRetracted, EventRejected)
PASSAGES = (ChunksRetrieved, EventRejected)


@dataclass(frozen=True)
class _Waiting:
    lane: int
    until_s: float
    closes: tuple[type, ...]
    key: str


@dataclass(frozen=True)
class NoRoom:
    """Too many wait: of one tenant or in all, and in how many seconds there may be room."""

    of_tenant: bool
    count: int
    room_in_s: float
    most: int


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
        self._ends: list[tuple[float, Whose]] = []
        """A heap of when the time of each is over; of those that ended, too, until half are such.
        """
        self._of_tenant: Counter[str] = Counter()
        self._of_key: Counter[tuple[str, str]] = Counter()
        self._total = 0
        """Of each tenant at most its share: what else it put on the log fills no place of others.
        """
        self._under_way = WorkByTenant()
        self._ended: OrderedDict[Whose, None] = OrderedDict()
        """Questions that ended lately: topics are read side by side, so the answer may come first.
        """
        self._unbounded_s = settings.deadline_ms / 1_000
        self._closed = False
        self._closed_tenants: set[str] = set()
        self._answers: deque[float] = deque(maxlen=ANSWERS_KEPT)

    def __len__(self) -> int:
        return self._total

    def under_way(self, lane: int, tenant: str) -> UnderWay:
        """Tell what a tenant has unanswered in a lane, by the clock that this was given."""
        return self._under_way.of(lane, tenant)

    @property
    def full(self) -> bool:
        """Whether one more is too many."""
        return _full(len(self), self._most, self._closed)

    def awaits(self, whose: Whose, kind: type[Event] | None = None) -> bool:
        """Tell whether a request counts as unanswered, and would not after a record of a kind.

        May be asked from any thread.
        """
        waiting = self._waiting.get(whose)
        return waiting is not None and (kind is None or kind in waiting.closes)

    def count(self, tenant: str, key: str = "") -> int:
        """Return how many a tenant has, or one of its keys."""
        return self._of_key[tenant, key] if key else self._of_tenant[tenant]

    def answered_in_s(self, tenant: str, key: str, count: int) -> float:
        """Return how long so many answers to a tenant's or a key's questions take."""
        share = min(1.0, self.count(tenant, key) / max(1, len(self)))
        return self._answered_in_s(count, share) if share else RETRY_UNKNOWN_S

    def is_within_minimum(self, tenant: str) -> bool:
        """Tell whether a tenant has so few unanswered that no other's crowd concerns it."""
        return self._of_tenant[tenant] < self._least_of_tenant

    def crowd(self, tenant: str) -> NoRoom | None:
        """Say why a tenant's question can't be taken; None where it can."""
        mine, every = self._of_tenant[tenant], len(self)
        if _full(mine, self._most_of_tenant, tenant in self._closed_tenants):
            self._closed_tenants.add(tenant)
            ahead = mine - _low(self._most_of_tenant)
            room_in_s = self._answered_in_s(ahead, min(1.0, mine / max(1, every)))
            return NoRoom(True, mine, room_in_s, self._most_of_tenant)
        self._closed_tenants.discard(tenant)
        self._closed = self.full
        if self._closed and not self.is_within_minimum(tenant):
            room_in_s = self._answered_in_s(every - _low(self._most), 1.0)
            return NoRoom(False, every, room_in_s, self._most)
        return None

    def add(self, whose: Whose, lane: int, limit_s: float, *, search: bool, key: str = "") -> bool:
        """Count a question until it is answered or its time is over; False where it counts."""
        if whose in self._waiting:
            return False
        now_s, tenant = self._clock(), whose[0]
        until_s = now_s + limit_s
        self._waiting[whose] = _Waiting(lane, until_s, PASSAGES if search else ANSWER, key)
        heapq.heappush(self._ends, (until_s, whose))
        self._under_way.begin(lane, *whose, now_s)
        self._total += self._of_tenant[tenant] < self._most_of_tenant
        self._of_tenant[tenant] += 1
        self._of_key[tenant, key] += 1
        return True

    def take(self, entry: Entry) -> None:
        """Learn from an entry of the log that a question was asked, or answered."""
        event = entry.event
        if isinstance(event, QuestionAsked):
            self._learn(entry.whose, event)
            return
        waiting = self._waiting.get(entry.whose)
        if isinstance(event, ANSWER if waiting is None else waiting.closes):
            self._ended[entry.whose] = None
            if len(self._ended) > ENDED_KEPT:
                self._ended.popitem(last=False)
        if waiting is not None and isinstance(event, waiting.closes):
            self._answers.append(self._clock())
            self.forget(entry.whose)

    def _learn(self, whose: Whose, question: QuestionAsked) -> None:
        """Count a question that lies on the log, by the deadline that it says itself."""
        kept = KEPT_SHARES * self._most_of_tenant
        if whose in self._ended or self._of_tenant[whose[0]] >= kept:
            return
        left_s = self._unbounded_s
        if question.ask.deadline > 0:
            left_s = (question.ask.deadline - now_us()) / 1_000_000
        if left_s > 0:
            limit_s = min(left_s, QUESTION_BUDGET_MAX_S) + GRACE_S
            is_search = question.ask.mode == "search"
            self.add(whose, question.meta.lane, limit_s, search=is_search, key=question.key)

    def forget(self, whose: Whose) -> None:
        """Count a question no longer."""
        waiting, tenant = self._waiting.pop(whose, None), whose[0]
        if waiting is None:
            return
        self._under_way.end(waiting.lane, *whose)
        self._of_tenant[tenant] -= 1
        self._of_key[tenant, waiting.key] -= 1
        if not self._of_key[tenant, waiting.key]:
            del self._of_key[tenant, waiting.key]
        self._total -= self._of_tenant[tenant] < self._most_of_tenant
        if not self._of_tenant[tenant]:
            del self._of_tenant[tenant]
            self._closed_tenants.discard(tenant)
        if len(self._ends) > 2 * len(self._waiting) + ENDS_KEPT:
            self._ends = [(one.until_s, key) for key, one in self._waiting.items()]
            heapq.heapify(self._ends)

    def forget_the_late(self) -> None:
        """Count those no longer whose time is over; looks at no other, but for the next."""
        now_s = self._clock()
        while self._ends and self._ends[0][0] < now_s:
            until_s, whose = heapq.heappop(self._ends)
            waiting = self._waiting.get(whose)
            if waiting is not None and waiting.until_s == until_s:  # else it was asked once more
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
