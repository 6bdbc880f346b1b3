import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.delivery.memory import Memory


def holding(limit, *lanes):
    memory = Memory(limit)
    for held in lanes:
        memory.take(held, first=held > 0)
    return memory


@pytest.mark.parametrize(
    ("lanes", "waiting"),
    [
        ([100], []),
        ([101], [101]),
        ([90, 10, 0], []),
        ([90, 11, 0], [90]),
        ([60, 60, 1], [60, 60]),
        ([34, 34, 33], [34, 34]),
    ],
)
def test_over_the_limit_who_holds_more_than_an_equal_share_waits(lanes, waiting):
    memory = holding(100, *lanes)
    assert [held for held in lanes if memory.exceeded_by(held)] == waiting


@given(st.integers(1, 10_000), st.lists(st.integers(0, 10_000), min_size=1))
def test_over_the_limit_somebody_waits_and_never_who_holds_nothing(limit, lanes):
    memory = holding(limit, *lanes)
    waiting = [held for held in lanes if memory.exceeded_by(held)]
    assert bool(waiting) == (sum(lanes) > limit)
    assert 0 not in waiting
    assert not any(memory.has_room(held) for held in waiting)


@given(st.lists(st.integers(0, 100)))
def test_what_was_freed_counts_no_longer(lanes):
    memory = holding(50, *lanes)
    for held in lanes:
        memory.free(held, last=held > 0)
    assert (memory.used, memory.holders, memory.share) == (0, 0, 50)
