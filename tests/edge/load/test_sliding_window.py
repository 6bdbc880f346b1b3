"""A window of a minute in slots: what it holds, when there is room, and clocks that go back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.load.sliding_window import SLOT_MS, SLOTS, WINDOW_MS, SlidingWindow

NOW_MS = 1_700_000_000_000
USE = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3 * WINDOW_MS)), max_size=30)


@given(USE, st.integers(0, 3 * WINDOW_MS))
def test_it_holds_all_of_the_last_minute_and_nothing_that_is_a_slot_older(use, passed_ms):
    now_ms, window = NOW_MS + passed_ms, SlidingWindow()
    told = sorted((at_ms, amount) for amount, at_ms in use if at_ms <= passed_ms)
    for at_ms, amount in told:
        window.add(amount, NOW_MS + at_ms, NOW_MS + at_ms)
    aged = [(amount, passed_ms - at_ms) for at_ms, amount in told]
    least = sum(amount for amount, age_ms in aged if age_ms <= WINDOW_MS)
    most = sum(amount for amount, age_ms in aged if age_ms < WINDOW_MS + SLOT_MS)
    assert least <= window.used(now_ms) <= most


@given(USE, st.randoms(use_true_random=False))
def test_the_order_in_which_use_is_told_changes_nothing(use, random):
    shuffled = random.sample(use, len(use))
    windows = SlidingWindow(), SlidingWindow()
    for window, told in zip(windows, (use, shuffled), strict=True):
        for amount, at_ms in told:
            window.add(amount, NOW_MS + at_ms, NOW_MS + 3 * WINDOW_MS)
    assert windows[0].slots == windows[1].slots
    assert len(windows[0].slots) <= SLOTS


@given(USE, st.integers(-1, 100))
def test_there_is_room_when_it_says_so_and_not_a_millisecond_earlier(use, most):
    now_ms, window = NOW_MS + 3 * WINDOW_MS, SlidingWindow()
    for amount, at_ms in use:
        window.add(amount, NOW_MS + at_ms, now_ms)
    room_ms = round(window.room_in_s(most, now_ms) * 1_000)
    if most < 0:
        assert room_ms == (0 if window.used(now_ms) <= most else WINDOW_MS)
    elif room_ms == 0:
        assert window.used(now_ms) <= most
    else:
        assert SlidingWindow(window.slots).used(now_ms + room_ms - 1) > most
        assert SlidingWindow(window.slots).used(now_ms + room_ms) <= most


def test_what_was_used_ahead_of_a_clock_that_was_set_back_goes_with_a_window_of_the_new_time():
    window = SlidingWindow()
    window.add(3, NOW_MS, NOW_MS)
    for back_ms in (1, SLOT_MS, 10 * WINDOW_MS, NOW_MS - WINDOW_MS):
        set_back = SlidingWindow(window.slots)
        assert set_back.used(NOW_MS - back_ms) == 3
        assert set_back.used(NOW_MS - back_ms + WINDOW_MS + SLOT_MS) == 0


@pytest.mark.parametrize(("at_ms", "used"), [(NOW_MS + 10**12, 3), (NOW_MS - 10**9, 0), (-1, 0)])
def test_a_time_that_can_not_be_counts_as_now_or_not_at_all(at_ms, used):
    for later_ms, left in ((0, used), (WINDOW_MS + SLOT_MS, 0)):
        window = SlidingWindow()
        window.add(3, at_ms, NOW_MS)
        assert window.used(NOW_MS + later_ms) == left


@pytest.mark.parametrize("within_ms", [0, 1, SLOT_MS - 1])
@pytest.mark.parametrize(("age_ms", "used"), [(WINDOW_MS, 3), (WINDOW_MS + SLOT_MS, 0)])
def test_a_minute_is_whole_wherever_it_begins_within_a_slot(within_ms, age_ms, used):
    at_ms, window = NOW_MS + within_ms, SlidingWindow()
    window.add(3, at_ms, at_ms)
    assert window.used(at_ms + age_ms) == used


def test_nothing_and_less_than_nothing_is_no_use():
    window = SlidingWindow()
    window.add(0, NOW_MS, NOW_MS)
    window.add(-5, NOW_MS, NOW_MS)
    assert window.slots == {}
