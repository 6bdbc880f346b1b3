"""Circuit breaker: ask a service that is away seldom, and fail at once meanwhile.

Closed, every call goes through. After FAILURES_MAX Transient failures in a row the circuit opens:
calls fail at once as Transient, with the time after which to come back. When the pause is over the
circuit is half open: one call goes through as a probe, the others still fail at once. If the probe
is answered the circuit closes, else it opens for a longer pause.

Only Transient failures count. A Permanent error says something about the request, and a call that
was cancelled or whose asker ran out of time says nothing about the service. Any answer closes the
circuit, that of a call begun before it opened too: a process that was stopped answers those first.
A failure of such a call counts for nothing, since what it tells is old.

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from opentelemetry import metrics

from agents.errors import Transient
from streams.watching.logs import logger

FAILURES_MAX = 5  # in a row; fewer would open on one unlucky batch of events
PAUSE_FIRST_S = 0.25  # a connection that was reset is often back at once
PAUSE_MAX_S = 5.0  # what is back is used again within this time and a call's
ASKED_MAX_S = (
    60.0  # of what a service asked for itself: a mistaken Retry-After must not shut it out
)
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


class Circuit:
    """The circuit breaker of one service, within one event loop."""

    def __init__(self, service: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.service = service
        self.state = CLOSED
        self._clock = clock
        self._failures = 0
        self._epoch = 0
        """Grows with each opening and closing: tells calls of the past from those of now."""
        self._pauses = 0
        self._until = 0.0
        """When the pause ends; half open, when another probe is let through."""
        self._away_since = ""
        self._last = ""
        _state.set(CLOSED, {"service": service})

    @contextmanager
    def guard(self) -> Iterator[Callable[[], None]]:
        """Let one call through, and learn from how it ends; raises Transient while open.

        A call in parts reports its first answer by the function that it is given; the end of the
        block without an error reports it too.
        """
        epoch = self._admit()
        try:
            yield self._answered
        except Transient as error:
            if epoch == self._epoch:
                self._failed(error)
            raise
        except BaseException:
            if epoch == self._epoch and self.state == HALF_OPEN:
                self._until = self._clock()  # this probe told nothing: the next call is one
            raise
        self._answered()

    def _admit(self) -> int:
        if self.state != CLOSED:
            now = self._clock()
            if now < self._until:
                wait_s = self._until - now
                raise Transient(
                    f"{self.service} is away since {self._away_since} and is not asked for "
                    f"{wait_s:.1f} s; the last error was: {self._last}",
                    retry_after_s=wait_s if self.state == OPEN else min(wait_s, PROBE_S),
                )
            self._until = now + PAUSE_MAX_S
            self._become(HALF_OPEN)
        return self._epoch

    def _answered(self) -> None:
        self._failures = self._pauses = 0
        if self.state != CLOSED:
            self._epoch += 1
            self._become(CLOSED)
            log.info("circuit closed", service=self.service, away_since=self._away_since)
            _changes.add(1, {"service": self.service, "state": "closed"})

    def _failed(self, error: Transient) -> None:
        self._failures += 1
        if self.state == CLOSED and self._failures < FAILURES_MAX:
            return
        self._last = str(error)
        if self.state == CLOSED:
            self._away_since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            log.warning("circuit opened", service=self.service, error=self._last)
            _changes.add(1, {"service": self.service, "state": "open"})
        widest_s = min(PAUSE_MAX_S, PAUSE_FIRST_S * 2 ** min(self._pauses, 16))
        pause_s = widest_s * random.uniform(0.5, 1)  # noqa: S311 - no secret
        asked_s = min(error.retry_after_s or 0.0, ASKED_MAX_S)
        self._until = self._clock() + max(pause_s, asked_s)
        self._pauses += 1
        self._epoch += 1
        self._become(OPEN)

    def _become(self, state: int) -> None:
        self.state = state
        _state.set(state, {"service": self.service})
