"""Retry: when an input that met a Transient error is tried again, and when that is given up.

The pauses grow exponentially with full jitter, so that events which failed together do not come
back together. An error that says when to come back is believed instead, jitter added: an open
circuit or an overloaded service knows better than a guess, and events that wait for it must neither
spin nor oversleep its return.

A question is tried until its deadline, however often, and what its asker hears in the end must get
there in time: the last attempt begins early enough for that. What has no deadline, a document say,
is tried for `patience_ms` at least and `attempts_max` times at least, since a service restarts
faster than its owner could submit it again.

Sources: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015; tenacity computes
the waits.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_random_exponential

from agents.errors import Transient
from schemas import Event
from streams.log import clock as wall_clock
from streams.settings import Settings

PAUSE_MAX_S = 10.0  # what is back for good is noticed within this time
LAST_ATTEMPT_S = 1.0  # what the last attempt of a question and its refusal take, on their way too
QUESTION_BUDGET_MAX_S = (
    600.0  # the gateway's longest budget; a foreign deadline must not hold a lane
)
SPREAD_S = 0.25  # jitter on top of a pause that the error asked for


def deadline_of(event: Event) -> int:
    """Return the deadline of a question, at whichever step, in µs of the Unix epoch; 0: none."""
    deadline: int = getattr(getattr(event, "ask", None), "deadline", 0)
    return deadline


class Retry:
    """The pauses between the attempts of one input. Make it when the first attempt begins."""

    def __init__(
        self,
        settings: Settings,
        event: Event,
        *,
        now_us: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the time that is left by the wall clock `now_us`, and watch it pass by `clock`.

        A jump of the wall clock during the attempts changes nothing.
        """
        self._clock = clock
        self._attempts_max = settings.attempts_max
        self._backoff = Retrying(
            wait=wait_random_exponential(settings.backoff_ms / 1_000, max=PAUSE_MAX_S)
        )
        self._patient_until = clock() + settings.patience_ms / 1_000
        self._last_start: float | None = None
        if deadline := deadline_of(event):
            now_us = wall_clock.now_us() if now_us is None else now_us
            left_s = min((deadline - now_us) / 1_000_000, QUESTION_BUDGET_MAX_S)
            self._last_start = clock() + left_s - LAST_ATTEMPT_S

    def next_pause(self, error: Transient, tries: int) -> float | None:
        """Return for how many seconds to wait after `tries` failures; None: give up.

        A pause that would end too late for a question is cut short, once, unless the error says
        that it is of no use to come back so early.
        """
        now = self._clock()
        asked_s = error.retry_after_s
        if asked_s is not None:
            pause_s = asked_s + random.uniform(0, SPREAD_S)  # noqa: S311 - no secret
        else:
            state = RetryCallState(self._backoff, None, (), {})
            state.attempt_number = tries
            pause_s = float(self._backoff.wait(state))
        if self._last_start is None:
            patient = now < self._patient_until or tries < self._attempts_max
            return pause_s if patient else None
        left_s = self._last_start - now
        if left_s <= 0 or (asked_s is not None and asked_s > left_s):
            return None
        return min(pause_s, left_s)
