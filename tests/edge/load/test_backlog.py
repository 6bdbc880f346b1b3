"""What waits on the log, and what follows from it, by a clock of the test's own."""

from __future__ import annotations

import itertools

import pytest

from edge.load.backlog import (
    DOCUMENT,
    QUESTION,
    SEARCH,
    Backlog,
)
from streams.operations.lag import Lag
from streams.settings import Settings
from streams.topics import step_reading, topic_of
from tests.edge.load.test_lane_track import CROWD

ASKED, REDACTED = QUESTION[0], QUESTION[1]


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
    refusal = backlog.refusal(QUESTION, 2, 0, mine=CROWD)
    assert refusal.reason == "lag"
    assert "generate is behind: 101 records wait" in refusal.detail
    assert backlog.refusal(SEARCH, 2, 0, mine=CROWD) is None  # a search ends before generate
    assert backlog.refusal(QUESTION, 1, 0, mine=CROWD) is None
    assert backlog.refusal(DOCUMENT, 2, 0, mine=CROWD) is None
    assert backlog.shedding(QUESTION) == {2: "generate (lag)"}


def test_documents_have_limits_of_their_own():
    backlog = a_backlog()
    backlog.take(lags_of(DOCUMENT, at2=500), 0)
    assert backlog.refusal(DOCUMENT, 0, 0, mine=CROWD) is None
    backlog.take(lags_of(DOCUMENT, at2=501), 1)
    assert backlog.refusal(DOCUMENT, 0, 1, mine=CROWD).reason == "lag"


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
    refusal = backlog.refusal(QUESTION, 0, 29, mine=CROWD)
    assert refusal.reason == "lag"
    assert refusal.retry_s == pytest.approx(retry_s, rel=0.01)
    backlog.take([Lag("redact", ASKED, 0, come * 29 - 50, come * 29)], 30)
    assert backlog.refusal(QUESTION, 0, 30, mine=CROWD) is None


def test_the_waits_of_a_path_add_up_against_the_deadline():
    backlog = a_backlog(question_lag_max=1_000, question_age_max_s=1_000)
    for at in range(20):  # 40 beyond the window, 1 a second: about 40 s in each of two steps
        backlog.take([Lag("x", t, 0, at, at + 56) for t in (ASKED, REDACTED)], at)
    refusal = backlog.refusal(QUESTION, 0, 19, budget_s=60, mine=CROWD)
    assert refusal.reason == "deadline"
    assert "about 80 s" in refusal.detail
    assert refusal.retry_s == pytest.approx(20, abs=2)
    assert backlog.refusal(QUESTION, 0, 19, budget_s=90, mine=CROWD) is None
    assert backlog.refusal(SEARCH, 0, 19, budget_s=60, mine=CROWD) is not None


def test_a_step_moves_while_the_lane_that_it_writes_to_grows():
    backlog = a_backlog()
    for at in range(10):
        backlog.take([Lag("redact", ASKED, 0, 0, 1), Lag("rewrite", REDACTED, 0, at, at)], at)
    assert backlog.tracks[ASKED, 0].wait_s(9, CROWD) == 0
    for at in range(10, 20):
        backlog.take([Lag("redact", ASKED, 0, 0, 1), Lag("rewrite", REDACTED, 0, 9, 9)], at)
    assert backlog.tracks[ASKED, 0].wait_s(19, CROWD) == 0  # nothing came that it could move
    for at in range(20, 30):
        backlog.take([Lag("redact", ASKED, 0, 0, 2), Lag("rewrite", REDACTED, 0, 9, 9)], at)
    assert backlog.tracks[ASKED, 0].wait_s(29, CROWD) == 29
