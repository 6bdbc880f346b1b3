"""What waits on the log, and what follows from it, by a clock of the test's own."""

from __future__ import annotations

import itertools

import pytest

from edge.load.backlog import DOCUMENT, QUESTION, SEARCH, Backlog, LaneLimits, Track
from streams.operations.lag import Lag
from streams.settings import Settings
from streams.topics import step_reading, topic_of

ASKED, REDACTED = QUESTION[0], QUESTION[1]


def a_track(records=100, age_s=60.0, window=16):
    return Track("redact", window, LaneLimits(records, age_s))


def read(track, *readings, onward=False):
    """Feed (second, committed, end) to a track."""
    for at, committed, end in readings:
        track.take(committed, end, at, onward=onward)
    return track


# ---------------------------------------------------------------------- one lane


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
    assert track.wait_s(62) < 60  # it is not taken to stand still either


def test_what_a_step_works_on_does_not_wait():
    track = read(a_track(window=16), (0, 0, 16), *((at, 0, 16) for at in range(1, 5)))
    assert (track.waited_s(4), track.wait_s(4)) == (0, 0)


def test_a_new_record_waits_for_those_before_it_at_the_rate_of_late():
    track = read(a_track(window=16), (0, 0, 100), *((at, 2 * at, 100) for at in range(1, 11)))
    assert track.lag == 80
    assert track.wait_s(10) == pytest.approx((80 - 16) / 2, rel=0.01)


def test_a_step_that_stands_still_makes_even_one_record_wait():
    track = read(a_track(), (0, 0, 1), *((at, 0, 1) for at in range(1, 9)))
    assert (track.waited_s(8), track.wait_s(8)) == (8, 8)


def test_a_slow_record_that_others_overtake_is_no_queue():
    track = read(a_track(), (0, 0, 10), *((at, 0, 10) for at in range(1, 9)), onward=True)
    assert (track.waited_s(8), track.wait_s(8)) == (0, 0)


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


# ---------------------------------------------------------------------- all lanes


def lags_of(path, lane=0, **more):
    """Readings of a path on which nothing waits, but for those named: index in path -> lag."""
    steps = {topic_of(record): step_reading(record) for record in step_records()}
    return [
        Lag(steps[topic].name, topic, lane, 1_000, 1_000 + more.get(f"at{number}", 0))
        for number, topic in enumerate(path)
    ]


def step_records():
    from streams.topics import STEPS

    return [record for step in STEPS for record in step.reads]


def test_every_topic_of_a_path_is_read_by_a_step_and_follows_the_one_before():
    from streams.topics import STEPS, by_name

    for path in (QUESTION, DOCUMENT):
        for topic, following in itertools.pairwise(path):
            step = step_reading(by_name()[topic].record)
            assert following in {topic_of(record) for record in step.writes}
        assert step_reading(by_name()[path[-1]].record) in STEPS
    assert QUESTION[:3] == SEARCH


def a_backlog(**settings):
    return Backlog(Settings(**{"question_lag_max": 100, "document_lag_max": 500, **settings}))


def test_a_lane_that_is_behind_refuses_what_would_pass_it_and_nothing_else():
    backlog = a_backlog()
    backlog.take(lags_of(QUESTION, lane=2, at3=101), 0)
    refusal = backlog.refusal(QUESTION, 2, 0)
    assert refusal.reason == "lag"
    assert "generate is behind: 101 records wait" in refusal.detail
    assert backlog.refusal(SEARCH, 2, 0) is None  # a search ends before generate
    assert backlog.refusal(QUESTION, 1, 0) is None
    assert backlog.refusal(DOCUMENT, 2, 0) is None
    assert backlog.shedding(QUESTION) == {2: "generate (lag)"}


def test_documents_have_limits_of_their_own():
    backlog = a_backlog()
    backlog.take(lags_of(DOCUMENT, at2=500), 0)
    assert backlog.refusal(DOCUMENT, 0, 0) is None
    backlog.take(lags_of(DOCUMENT, at2=501), 1)
    assert backlog.refusal(DOCUMENT, 0, 1).reason == "lag"


@pytest.mark.parametrize(
    ("leave", "come", "retry_s"),
    [
        (20, 30, 12),  # 290 wait, 50 may: 240 at 20 a second
        (2, 12, 60),  # 120 s, but none is told to wait longer than a minute
        (400, 410, 1),  # nor less than a second
    ],
)
def test_a_client_comes_back_when_the_backlog_will_be_half_its_limit(leave, come, retry_s):
    backlog = a_backlog(question_age_max_s=1_000)
    for at in range(30):
        backlog.take([Lag("redact", ASKED, 0, leave * at, come * at)], at)
    refusal = backlog.refusal(QUESTION, 0, 29)
    assert refusal.reason == "lag"
    assert refusal.retry_s == pytest.approx(retry_s, rel=0.01)
    backlog.take([Lag("redact", ASKED, 0, come * 29 - 50, come * 29)], 30)
    assert backlog.refusal(QUESTION, 0, 30) is None


def test_the_waits_of_a_path_add_up_against_the_deadline():
    backlog = a_backlog(question_lag_max=1_000, question_age_max_s=1_000)
    for at in range(20):  # 40 beyond the window, 1 a second: about 40 s in each of two steps
        backlog.take([Lag("x", t, 0, at, at + 56) for t in (ASKED, REDACTED)], at)
    refusal = backlog.refusal(QUESTION, 0, 19, budget_s=60)
    assert refusal.reason == "deadline"
    assert "about 80 s" in refusal.detail
    assert refusal.retry_s == pytest.approx(20, abs=2)
    assert backlog.refusal(QUESTION, 0, 19, budget_s=90) is None
    assert backlog.refusal(SEARCH, 0, 19, budget_s=60) is not None


def test_a_step_moves_while_the_lane_that_it_writes_to_grows():
    backlog = a_backlog()
    for at in range(10):
        backlog.take([Lag("redact", ASKED, 0, 0, 1), Lag("rewrite", REDACTED, 0, at, at)], at)
    assert backlog.tracks[ASKED, 0].wait_s(9) == 0
    for at in range(10, 20):
        backlog.take([Lag("redact", ASKED, 0, 0, 1), Lag("rewrite", REDACTED, 0, 9, 9)], at)
    assert backlog.tracks[ASKED, 0].wait_s(19) == 19
