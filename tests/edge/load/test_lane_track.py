"""One lane over time, by a clock of the test's own."""

from __future__ import annotations

import pytest

from edge.load.lane_track import LaneLimits, Mine, Track
from streams.delivery.lane import REACH

CROWD = Mine(pending=10**6, tenants=1, age_s=10**6, is_few=False)
"""A tenant whose own records fill every lane."""


def a_track(records=100, age_s=60.0, window=16):
    return Track("redact", window, LaneLimits(records, age_s))


def read(track, *readings, onward=False):
    """Feed (second, committed, end) to a track."""
    for at, committed, end in readings:
        track.take(committed, end, at, onward=onward)
    return track


def test_lag_and_age_follow_from_the_offsets():
    track = read(a_track(), (0, 0, 0), (1, 0, 5), (2, 3, 9), (3, 3, 9))
    assert (track.lag, track.age_s(3)) == (6, 2)
    read(track, (4, 5, 9))
    assert track.age_s(4) == 2  # those of second 1 are done
    read(track, (5, 9, 9))
    assert (track.lag, track.age_s(9)) == (0, 0)


def test_what_lay_there_before_the_first_reading_has_the_age_of_its_record():
    track = a_track()
    track.take(0, 7, 100.0, onward=False, age_s=40.0)
    assert track.age_s(101) == 41


def test_ages_stay_right_however_long_a_lane_grows():
    track = a_track(records=10**9, age_s=10**9)
    read(track, *((at, 0, at + 1) for at in range(1_000)))
    assert track.age_s(1_000) == 1_000
    assert len(track._samples) <= 128
    read(track, (1_000, 500, 1_000))
    assert 400 < track.age_s(1_000) <= 501


def test_the_rate_is_that_of_the_time_with_something_to_do():
    track = read(a_track(), (0, 0, 0), (1, 0, 10), (2, 10, 10))
    assert track.rate == pytest.approx(5, rel=0.05)  # 10 records in 2 s
    read(track, *((at, 10, 10) for at in range(3, 300)))
    assert track.rate == pytest.approx(5, rel=0.05)  # rest does not count


def test_a_pause_of_the_broker_says_nothing_about_rates():
    track = read(a_track(), (0, 0, 0), (1, 0, 100), (2, 50, 100))
    before = track.rate
    read(track, (62, 50, 100))
    assert track.rate == before
    assert track.wait_s(62, CROWD) < 60  # it is not taken to stand still either


def test_what_a_step_works_on_does_not_wait():
    track = read(a_track(window=16), (0, 0, 16), *((at, 0, 16) for at in range(1, 5)))
    assert (track.waited_s(4), track.wait_s(4, CROWD)) == (0, 0)


def test_a_new_record_waits_for_those_before_it_at_the_rate_of_late():
    track = read(a_track(window=16), (0, 0, 100), *((at, 2 * at, 100) for at in range(1, 11)))
    assert track.lag == 80
    assert track.wait_s(10, CROWD) == pytest.approx((80 - 16) / 2, rel=0.01)


def test_a_step_that_stands_still_makes_even_one_record_wait():
    track = read(a_track(), (0, 0, 1), *((at, 0, 1) for at in range(1, 9)))
    assert (track.waited_s(8), track.wait_s(8, CROWD)) == (8, 8)


def test_a_slow_record_that_others_overtake_is_no_queue():
    track = read(a_track(), (0, 0, 10), *((at, 0, 10) for at in range(1, 9)), onward=True)
    assert (track.waited_s(8), track.wait_s(8, CROWD)) == (0, 0)


@pytest.mark.parametrize(
    ("lags", "closed"),
    [
        ([100], [""]),
        ([101], ["lag"]),
        ([101, 51, 50, 51, 100], ["lag", "lag", "", "", ""]),
    ],
)
def test_a_limit_holds_until_half_of_it_is_reached(lags, closed):
    track, found = a_track(records=100), []
    for at, lag in enumerate(lags):
        track.take(1_000 + 10 * at, 1_000 + 10 * at + lag, at, onward=True)
        found.append(track.closed)
    assert found == closed


def test_an_age_above_its_limit_closes_until_half_of_it():
    track = read(
        a_track(records=1_000, age_s=10), (0, 0, 50), *((at, 0, 50) for at in range(1, 11))
    )
    assert track.closed == ""
    read(track, (11, 0, 50))
    assert track.closed == "age"
    read(track, (12, 0, 60), (13, 50, 80))  # what is left came in second 12
    assert track.closed == ""


def test_a_topic_made_anew_is_a_new_lane():
    track = read(a_track(), (0, 0, 0), (1, 0, 500), (2, 0, 3))
    assert (track.lag, track.closed, track.age_s(3)) == (3, "", 1)


# ---------------------------------------------------------------------- what a tenant waits for


@pytest.mark.parametrize(
    ("mine", "queue"),
    [
        (Mine(), 0),  # its turn comes
        (Mine(pending=9, tenants=5), 0),  # however many another has
        (Mine(pending=9, tenants=5, is_few=False), 45 - 16),
        (Mine(pending=9, tenants=1, is_few=False), 18 - 16),  # not all in the lane is its own
        (Mine(pending=900, tenants=5, is_few=False), 500 - 16),  # no more than there are
    ],
)
def test_before_a_new_record_goes_a_turn_of_every_tenant_for_each_of_its_own(mine, queue):
    track = read(a_track(), (0, 0, 500))
    assert track.queue_of(mine) == queue


def test_what_lies_beyond_the_reach_of_a_step_is_before_everybody():
    track = read(a_track(), (0, 0, REACH + 7))
    assert track.queue_of(Mine()) == 7


def test_what_is_done_beyond_a_commit_does_not_wait():
    track = a_track()
    for at in range(10):
        track.take(0, 300 + at, at, onward=False, done=100 + at)
    assert (track.lag, track.rate) == (200, pytest.approx(1))
    assert not track.stands_still(9)


def test_an_older_note_beside_a_newer_commit_undoes_nothing():
    track = a_track()
    track.take(0, 300, 0, onward=False, done=200)
    track.take(100, 300, 1, onward=False, done=50)
    track.take(150, 300, 2, onward=False, done=50)
    assert track.rate == pytest.approx(25, rel=0.1)


def test_a_quiet_lane_with_records_that_wait_does_not_stand_still():
    track = read(a_track(), (0, 0, 0), (1, 0, 5))
    track.take(0, 5, 2, onward=True)
    read(track, *((at, 0, 5) for at in range(3, 60)))
    assert not track.stands_still(59)
    read(track, *((at, 0, 6) for at in range(60, 70)))
    assert track.stands_still(69)


@pytest.mark.parametrize(
    ("mine", "closed"),
    [
        (Mine(pending=99, tenants=9, age_s=99, is_few=True), False),
        (Mine(pending=99, tenants=9, age_s=31, is_few=False), True),
        (Mine(pending=99, tenants=9, age_s=29, is_few=False), False),  # its own are served
    ],
)
def test_a_lane_closed_for_its_age_is_closed_to_whose_own_are_old(mine, closed):
    track = read(a_track(), *((at, at, 90 + at) for at in range(100)))
    track.closed = "age"
    assert track.is_closed(99, mine) == closed
