"""When an input is tried again, and when it is given up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import Transient
from schemas import Ask, DocumentWithdrawn, QueryRewritten
from streams.running.retry import (
    LAST_ATTEMPT_S,
    PAUSE_MAX_S,
    QUESTION_BUDGET_MAX_S,
    SPREAD_S,
    Retry,
)
from streams.settings import Settings
from tests.fake_clock import FakeClock
from tests.fakes import NOW_US, a_meta

SETTINGS = Settings(attempts_max=5, backoff_ms=100, patience_ms=60_000)
AWAY = Transient("away")
COUNTS = st.integers(1, 10_000)


def a_question(left_s):
    deadline = NOW_US + int(left_s * 1_000_000) if left_s is not None else 0
    return QueryRewritten(
        meta=a_meta(),
        outcome="rewritten",
        subject="s",
        question="q",
        query="q",
        ask=Ask(deadline=deadline),
    )


def a_document():
    return DocumentWithdrawn(meta=a_meta(), document="d")


def a_retry(event, settings=SETTINGS):
    clock = FakeClock()
    return Retry(settings, event, now_us=NOW_US, clock=clock), clock


def attempts_of(retry, clock, error=AWAY, took_s=0.0, at_most=10_000):
    """Try as the runner does, in vain; return when each attempt began, in seconds from the first."""
    began, starts = clock.now, [0.0]
    while len(starts) < at_most:
        clock.now += took_s
        pause_s = retry.next_pause(error, len(starts))
        if pause_s is None:
            break
        clock.now += pause_s
        starts.append(clock.now - began)
    return starts


@given(COUNTS, st.integers(1, 60_000))
def test_a_pause_lies_between_nothing_and_the_doubled_backoff_under_its_cap(tries, backoff_ms):
    settings = Settings(attempts_max=20_000, backoff_ms=backoff_ms)
    retry, _ = a_retry(a_document(), settings)
    widest = min(PAUSE_MAX_S, backoff_ms / 1_000 * 2 ** min(tries - 1, 60))
    assert 0 <= retry.next_pause(AWAY, tries) <= widest


def test_pauses_are_spread_over_their_whole_range():
    retry, _ = a_retry(a_document())
    pauses = [retry.next_pause(AWAY, 7) for _ in range(400)]  # up to 6.4 s
    assert min(pauses) < 0.5
    assert max(pauses) > 5.9


@given(st.floats(0, 120), COUNTS)
def test_an_error_that_says_when_to_come_back_is_believed(asked_s, tries):
    settings = Settings(attempts_max=20_000)
    retry, _ = a_retry(a_document(), settings)
    pause_s = retry.next_pause(Transient("busy", retry_after_s=asked_s), tries)
    assert asked_s <= pause_s <= asked_s + SPREAD_S


@given(st.floats(2, 120), st.floats(0, 5))
def test_a_question_is_tried_until_its_last_useful_moment_and_not_after(left_s, took_s):
    retry, clock = a_retry(a_question(left_s))
    starts = attempts_of(retry, clock, took_s=took_s)
    assert starts[-1] <= left_s - LAST_ATTEMPT_S + 1e-6
    # the next attempt would have begun too late, since the last one ended too late
    assert starts[-1] + took_s >= left_s - LAST_ATTEMPT_S - 1e-6


def test_a_question_is_tried_more_often_than_attempts_max_while_there_is_time():
    retry, clock = a_retry(a_question(30))
    assert len(attempts_of(retry, clock)) > SETTINGS.attempts_max


@pytest.mark.parametrize("left_s", [-60, 0, 0.5, LAST_ATTEMPT_S])
def test_a_question_without_time_left_is_given_up_at_once(left_s):
    retry, _ = a_retry(a_question(left_s))
    assert retry.next_pause(AWAY, 1) is None


def test_a_question_is_given_up_at_once_when_the_service_comes_back_too_late():
    retry, _ = a_retry(a_question(30))
    assert retry.next_pause(Transient("closed", retry_after_s=29.5), 1) is None
    assert retry.next_pause(Transient("closed", retry_after_s=28), 1) >= 28


def test_a_deadline_far_away_does_not_hold_a_lane():
    retry, clock = a_retry(a_question(10_000_000))
    assert attempts_of(retry, clock)[-1] <= QUESTION_BUDGET_MAX_S


@given(st.integers(1, 50), st.integers(0, 120_000), st.floats(0, 100))
def test_what_has_no_deadline_is_tried_often_enough_and_long_enough(
    attempts_max, patience_ms, took_s
):
    settings = Settings(attempts_max=attempts_max, patience_ms=patience_ms)
    retry, clock = a_retry(a_document(), settings)
    starts = attempts_of(retry, clock, took_s=took_s)
    over_s = clock.now - 1_000.0
    if len(starts) < 10_000:
        assert len(starts) >= attempts_max
        assert over_s >= patience_ms / 1_000 - 1e-6
        # and no longer than it takes for both to be true
        assert len(starts) == attempts_max or starts[-2] + took_s < patience_ms / 1_000


def test_a_question_without_a_deadline_is_patient():
    retry, clock = a_retry(a_question(None))
    assert attempts_of(retry, clock)[-1] >= 50
