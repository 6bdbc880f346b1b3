"""Circuit breaker: ask a service that is away seldom, and fail at once meanwhile.

Closed, every call goes through. After FAILURES_MAX Transient failures in a row the circuit opens:
calls fail at once as Transient, with the time after which to come back. When the pause is over the
circuit is half open: one call goes through as a probe, the others still fail at once. If the probe
is answered the circuit closes, else it opens for a longer pause.

Whose circuit an error opens follows from its kind:

    refused, reset, 5xx    the service's: every call would meet it
    Overdue                its tenant's: the call's own input may be what takes so long. It counts
                           for the service too where several tenants meet it and nobody is answered
    Permanent              nobody's: it says something about the request, and comes at once
    cancelled, hurried     nobody's: whoever asked had no time
    from a cache           nobody's: the service was not asked

Any other answer closes the circuit of the service and of its tenant, that of a call begun before it
opened too: a process that was stopped answers those first. A failure of such a call counts for
nothing, since what it tells is old.

A probe that is not answered within PAUSE_MAX_S keeps its chance, but others are let through beside
it, one each PAUSE_MAX_S: on a network that swallows packets a call may take its whole bound to
fail, and the service must not be away for longer than it is.

Why it is so, and not a library: in November 2026 pybreaker 1.4 has no asyncio (its issue 7),
aiobreaker 1.2 is of 2021, hyx is at 0.0.2, and purgatory 3.0 pauses for a fixed time, lets any
number of probes through at once and counts cancellations as failures.

Sources: Nygard, "Release It!", 2nd edition 2018, chapter 5; resilience4j and Polly for the states.
"""

from __future__ import annotations

import random
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from opentelemetry import metrics

from agents.errors import Transient
from streams.running.cache_mark import nobody_was_asked
from streams.watching.logs import logger

FAILURES_MAX = 5  # in a row; fewer would open on one unlucky batch of events
PAUSE_FIRST_S = 0.25  # a connection that was reset is often back at once
PAUSE_MAX_S = 5.0  # what is back is used again within this time and a call's
ASKED_MAX_S = (
    60.0  # of what a service asked for itself: a mistaken Retry-After must not shut it out
)
OVERDUE_OF_TENANT_MAX = 2  # that count for the service: so at least three tenants must meet it
TENANTS_MAX = 1_000  # of whom it is remembered that their calls were overdue
PROBE_S = 1.0  # when to come back while a probe is under way

CLOSED, HALF_OPEN, OPEN = 0, 1, 2
"""States, as the gauge shows them."""

log = logger("breaker")
_meter = metrics.get_meter("playhead")
_state = _meter.create_gauge(
    "playhead.circuit", "1", "State of a service's circuit: 0 closed, 1 half open, 2 open"
)
_changes = _meter.create_counter(
    "playhead.circuit.changes", "{change}", "Times that a circuit opened or closed"
)


class Overdue(Transient):
    """A call took as long as it may; the world tells it to a step as any other Transient."""


class _Breaker:
    """The states of one circuit."""

    def __init__(self, clock: Callable[[], float], told: Callable[[int], None]) -> None:
        """`told` hears of each state."""
        self.state = CLOSED
        self.away_since = ""
        self.last = ""
        self.epoch = 0
        """Grows with each opening and closing: tells calls of the past from those of now."""
        self._clock = clock
        self._told = told
        self._failures = 0
        self._pauses = 0
        self._until = 0.0
        """When the pause ends; half open, when another probe is let through."""

    def left_s(self) -> float:
        """Return in how many seconds a call may go through; 0: now."""
        return 0.0 if self.state == CLOSED else max(0.0, self._until - self._clock())

    def admit(self) -> int:
        """Let a call through, of which `left_s` says that it may; return the epoch it begins in."""
        if self.state != CLOSED:
            self._until = self._clock() + PAUSE_MAX_S
            self._become(HALF_OPEN)
        return self.epoch

    def answered(self) -> bool:
        """Learn of an answer; True where it closes the circuit."""
        self._failures = self._pauses = 0
        if self.state == CLOSED:
            return False
        self.epoch += 1
        self._become(CLOSED)
        return True

    def told_nothing(self, epoch: int) -> None:
        """Learn of a call that says nothing: if it was a probe, the next call is one."""
        if epoch == self.epoch and self.state == HALF_OPEN:
            self._until = self._clock()

    def failed(self, error: Transient, epoch: int) -> bool:
        """Learn of a failure; True where it opens a closed circuit."""
        if epoch != self.epoch:
            return False
        self._failures += 1
        if self.state == CLOSED and self._failures < FAILURES_MAX:
            return False
        opens = self.state == CLOSED
        self.last = str(error)
        if opens:
            self.away_since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        widest_s = min(PAUSE_MAX_S, PAUSE_FIRST_S * 2 ** min(self._pauses, 16))
        pause_s = widest_s * random.uniform(0.5, 1)  # noqa: S311 - no secret
        asked_s = min(error.retry_after_s or 0.0, ASKED_MAX_S)
        self._until = self._clock() + max(pause_s, asked_s)
        self._pauses += 1
        self.epoch += 1
        self._become(OPEN)
        return opens

    def _become(self, state: int) -> None:
        self.state = state
        self._told(state)


class Circuit:
    """The circuit breaker of one service, within one event loop; and one for each tenant."""

    def __init__(self, service: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.service = service
        self._clock = clock
        self._all = _Breaker(clock, lambda state: _state.set(state, {"service": service}))
        self._tenants: OrderedDict[str, _Breaker] = OrderedDict()
        """Those of tenants whose calls were overdue, the latest last."""
        self._overdue: Counter[str] = Counter()
        """Tenant -> its overdue calls since anybody was answered."""
        _state.set(CLOSED, {"service": service})

    @property
    def state(self) -> int:
        """The state of the service's own circuit."""
        return self._all.state

    @property
    def wait_s(self) -> float:
        """Seconds until the service may be asked again; 0: now."""
        return self._all.left_s()

    def state_of(self, tenant: str) -> int:
        """Return the state of a tenant's circuit."""
        return self._tenants[tenant].state if tenant in self._tenants else CLOSED

    @contextmanager
    def guard(self, tenant: str = "") -> Iterator[Callable[[], None]]:
        """Let a tenant's call through, and learn from how it ends; raises Transient while open.

        A call in parts reports its first answer by the function that it is given; the end of the
        block without an error reports it too.
        """
        mine = self._tenants.get(tenant)
        self._refuse(mine)
        my_epoch = mine.admit() if mine is not None else 0
        epoch = self._all.admit()
        try:
            yield lambda: None if nobody_was_asked() else self._answered(tenant)
        except Overdue as error:
            self._took_too_long(tenant, error, epoch, my_epoch)
            raise
        except Transient as error:
            if self._all.failed(error, epoch):
                log.warning("circuit opened", service=self.service, error=str(error))
                _changes.add(1, {"service": self.service, "state": "open"})
            self._told_nothing(mine, my_epoch)
            raise
        except BaseException:
            self._all.told_nothing(epoch)
            self._told_nothing(mine, my_epoch)
            raise
        if nobody_was_asked():
            self._all.told_nothing(epoch)
            self._told_nothing(mine, my_epoch)
        else:
            self._answered(tenant)

    def _refuse(self, mine: _Breaker | None) -> None:
        """Raise Transient where the service is away, or does not answer this tenant in time."""
        for breaker, how in ((self._all, "is away"), (mine, "answers this tenant too late")):
            if breaker is not None and (wait_s := breaker.left_s()) > 0:
                raise Transient(
                    f"{self.service} {how} since {breaker.away_since} and is not asked for "
                    f"{wait_s:.1f} s; the last error was: {breaker.last}",
                    retry_after_s=wait_s if breaker.state == OPEN else min(wait_s, PROBE_S),
                )

    def _answered(self, tenant: str) -> None:
        self._overdue.clear()
        self._tenants.pop(tenant, None)
        if self._all.answered():
            log.info("circuit closed", service=self.service, away_since=self._all.away_since)
            _changes.add(1, {"service": self.service, "state": "closed"})

    def _took_too_long(self, tenant: str, error: Overdue, epoch: int, my_epoch: int) -> None:
        mine = self._tenants.setdefault(tenant, _Breaker(self._clock, lambda _: None))
        self._tenants.move_to_end(tenant)
        if len(self._tenants) > TENANTS_MAX:
            self._tenants.popitem(last=False)
        if mine.failed(error, my_epoch):
            log.warning("circuit of one tenant opened", service=self.service, error=str(error))
            _changes.add(1, {"service": self.service, "state": "open for a tenant"})
        self._overdue[tenant] += 1
        of_all = sum(min(count, OVERDUE_OF_TENANT_MAX) for count in self._overdue.values())
        if of_all < FAILURES_MAX:
            self._all.told_nothing(epoch)
            return
        for _ in range(FAILURES_MAX):
            if self._all.failed(error, epoch):
                log.warning("circuit opened", service=self.service, error=str(error))
                _changes.add(1, {"service": self.service, "state": "open"})
        self._overdue.clear()

    @staticmethod
    def _told_nothing(mine: _Breaker | None, epoch: int) -> None:
        if mine is not None:
            mine.told_nothing(epoch)
