"""What was acknowledged before its outcome, or without one."""

import pytest

from schemas import (
    QuestionAsked,
    QuestionRedacted,
)
from streams.topics import topic_of
from tests.chaos.commits import closings_of, left_behind, too_early, went_back
from tests.chaos.judge import judge
from tests.chaos.judgement import Sample
from tests.chaos.rows import Row
from tests.chaos.steps import chain


def test_what_is_acknowledged_without_an_outcome_is_told(log):
    log.ask("r-3")
    assert any("left no outcome" in wrong for wrong in judge(log, chain()).offsets)
    log.acknowledged["redact"] = 2
    judged = judge(log, chain())
    assert judged.offsets == []
    assert judged.pending == 1


def sample(offset, end):
    committed = {step.name: {} for step in chain()}
    committed["redact"] = {(topic_of(QuestionAsked), 0): offset}
    ends = {step.name: {} for step in chain()}
    ends["redact"] = {(topic_of(QuestionRedacted), 0): end}
    return Sample(committed, ends)


def test_what_was_acknowledged_before_its_outcome_is_told(log):
    assert judge(log, chain(), samples=[sample(1, 1), sample(2, 2)]).offsets == []
    [wrong] = judge(log, chain(), samples=[sample(1, 1), sample(2, 1)]).offsets
    assert wrong.endswith("before its outcome")


def test_a_commit_position_that_goes_back_is_told(log):
    [wrong] = judge(log, chain(), samples=[sample(2, 2), sample(1, 2)]).offsets
    assert "redact went back" in wrong


# ---------------------------------------------------------------------- the rules by themselves

TOPIC, OUT = "asked", "redacted"


def row(offset, **more):
    return Row(TOPIC, offset, b"", readable=True, **{"id": f"i-{offset}", **more})


def outcome(offset, *, last=True):
    return Row(OUT, offset, b"", readable=True, last=last)


def seen(*positions, end=99):
    """Return samples of these commit positions, with so many outcomes on the log at each."""
    return [Sample({"redact": {(TOPIC, 0): at}}, {"redact": {(OUT, 0): end}}) for at in positions]


def test_an_input_is_closed_where_its_complete_attempts_end():
    by_cause = {
        (TOPIC, 0): {1: {0: outcome(5)}},
        (TOPIC, 1): {1: {0: outcome(6, last=False)}, 2: {0: outcome(7)}},
        (TOPIC, 2): {1: {0: outcome(8, last=False)}},
    }
    rows = [row(0), row(1), row(2), row(3), row(4, id="i-0")]
    assert closings_of(rows, by_cause) == {
        0: [(OUT, 5)],
        1: [(OUT, 7)],
        2: [],
        3: [],
        4: None,  # a copy of the first
    }


@pytest.mark.parametrize(
    ("committed", "behind"), [(0, []), (1, []), (2, [1]), (3, [1]), (4, [1, 3]), (9, [1, 3])]
)
def test_only_what_lies_below_the_commit_position_is_left_behind(committed, behind):
    closings = {0: [(OUT, 0)], 1: [], 2: None, 3: []}
    assert left_behind(closings, committed) == behind


@pytest.mark.parametrize(
    ("positions", "back"),
    [
        ([], []),
        ([3, 3, 4], []),
        ([5, 3], [(5, 3)]),
        ([5, 3, 4, 6], [(5, 3), (5, 4)]),  # it is still behind where it was
    ],
)
def test_a_position_goes_back_behind_the_highest_seen(positions, back):
    assert went_back(seen(*positions), "redact", TOPIC, 0) == back


@pytest.mark.parametrize(
    ("positions", "end", "early"),
    [([2], 2, []), ([2], 1, [1]), ([2], 0, [0, 1]), ([1, 2], 1, [1]), ([2, 2], 0, [0, 1])],
)
def test_an_input_is_acknowledged_after_one_of_its_outcomes(positions, end, early):
    closings = {0: [(OUT, 0)], 1: [(OUT, 1), (OUT, 7)], 2: []}
    assert too_early(closings, seen(*positions, end=end), "redact", TOPIC, 0) == early
