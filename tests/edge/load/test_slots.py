"""Slots: what one process and one key may hold at once."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.load.slots import Slots
from edge.problems import Problem


def held(slots, keys):
    """Hold one for each key in turn; the statuses of those that were refused."""
    with ExitStack() as stack:
        statuses = []
        for key in keys:
            try:
                stack.enter_context(slots.hold(key))
            except Problem as problem:
                statuses.append(problem.status)
        return statuses, len(slots)


@pytest.mark.parametrize(
    ("keys", "statuses"),
    [
        ("aab", []),
        ("aaa", [429]),
        ("aabbc", [503, 503]),
        ("aaabbb", [429, 503, 503]),
    ],
)
def test_a_key_has_its_share_and_all_have_a_limit(keys, statuses):
    slots = Slots("open connections", 3, 2)
    assert held(slots, keys) == (statuses, len(keys) - len(statuses))
    assert len(slots) == 0  # they were let go of


def test_a_refusal_says_what_there_is_too_much_of_and_when_to_come_back():
    slots = Slots("open connections", 9, 1)
    with slots.hold("a"), pytest.raises(Problem) as refused, slots.hold("a"):
        pass
    assert "1 open connections" in refused.value.detail
    assert refused.value.retryable
    assert int(refused.value.headers["Retry-After"]) >= 1


def test_what_goes_wrong_lets_go():
    slots = Slots("x", 1, 1)
    with pytest.raises(ZeroDivisionError), slots.hold("a"):
        _ = 1 / 0
    with slots.hold("a"):
        assert len(slots) == 1


@given(st.lists(st.sampled_from("abc"), max_size=20), st.integers(0, 9), st.integers(0, 9))
def test_never_more_are_held_than_may_be(keys, most, most_per_key):
    slots = Slots("x", most, most_per_key)
    statuses, count = held(slots, keys)
    assert count == len(keys) - len(statuses) <= most
    assert len(slots) == 0


def test_nothing_is_kept_of_a_key_that_holds_nothing():
    slots = Slots("x", 9, 9)
    held(slots, "aabc")
    assert not slots._held
