"""Epochs: no two owners of a lane number their runs alike, and what comes late is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Cause
from streams.delivery.epochs import FLOOR_MAX, RUNS, LateInputs, floor_of
from streams.running.admit import ATTEMPT_MAX
from streams.topics import STEPS
from tests.fakes import a_meta


def an_input(cause, attempt):
    place = Cause(topic="t", partition=0, offset=0, id=cause)
    return a_meta(cause=place, attempt=attempt)


@given(st.integers(0, FLOOR_MAX // RUNS - 1), st.integers(1, RUNS), st.integers(1, RUNS))
def test_runs_of_a_later_owner_have_higher_numbers(epoch, earlier, later):
    assert floor_of(epoch) + earlier < floor_of(epoch + 1) + later


def test_however_many_owners_a_lane_had_what_comes_of_all_steps_is_admitted():
    assert len(STEPS) * floor_of(10**9) < ATTEMPT_MAX


@pytest.mark.parametrize(
    ("inputs", "late"),
    [
        ([("a", 1), ("a", 1)], [False, False]),
        ([("a", 2), ("a", 1)], [False, False]),  # of the first epoch: nobody has lost its lane
        ([("a", 1001), ("a", 1)], [False, True]),
        ([("a", 1), ("a", 1001), ("a", 1001)], [False, False, False]),
        ([("a", 1001), ("b", 1)], [False, False]),  # it was not run over again
        ([("a", 1001), ("b", 2001), ("a", 999), ("b", 1001)], [False, False, True, True]),
    ],
    ids=str,
)
def test_what_comes_after_a_later_run_over_its_cause_is_superseded(inputs, late):
    known = LateInputs()
    assert [known.superseded(an_input(*one)) for one in inputs] == late


def test_requests_supersede_nothing():
    known = LateInputs()
    assert not known.superseded(an_input("a", 1001))
    assert not known.superseded(a_meta())


def test_as_many_causes_are_remembered_as_there_may_be():
    known = LateInputs(size=2)
    for cause in ("a", "b", "a", "c"):
        known.superseded(an_input(cause, 1001))
    assert [known.superseded(an_input(cause, 1)) for cause in "abc"] == [True, False, True]
