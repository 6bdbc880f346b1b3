"""Goals beside what was measured."""

import pytest

from bench.quality import goals
from bench.quality.goals import (
    GOALS,
    GoalRow,
    QualityGoal,
    data_folder,
    measure_sets,
    rows_of_goals,
)
from evals.bootstrap import EvalEstimate
from evals.outcome import SetOutcome
from tests.evals.sets import PUBLIC, needs_public_sets, write_question_set, write_rows


def an_estimate(value):
    return EvalEstimate(value, value, value, 1)


@pytest.mark.parametrize(
    ("bound", "value", "reached"),
    [("≥", 0.76, True), ("≥", 0.759, False), ("≤", 0.76, True), ("≤", 0.761, False)],
)
def test_a_goal_is_reached_or_not(bound, value, reached):
    row = GoalRow(QualityGoal("k", "s", "f", bound, 0.76), an_estimate(value), None)
    assert row.reached is reached
    assert row.cells()[2:] == (f"{bound} 0.76", "yes" if reached else "no", "")


def test_figures_are_found_by_kind_set_and_system():
    outcome = SetOutcome("cast2020", 1)
    outcome.add("ROUGE-1 recall", "playhead", an_estimate(0.8))
    outcome.add("ROUGE-1 recall", "raw question", an_estimate(0.6))
    [row] = rows_of_goals([("rewriting", outcome), ("answers", outcome)])
    assert (row.value.value, row.baseline.value, row.reached) == (0.8, 0.6, True)
    assert rows_of_goals([]) == []


def test_sets_that_are_missing_are_left_out_with_words(tmp_path):
    write_question_set(tmp_path / "qa" / "squad2_dev")
    write_rows(
        tmp_path / "injection" / "deepset_a.jsonl", [{"id": "1", "text": "Hello", "label": 0}]
    )
    said = []
    measured = measure_sets(tmp_path, tuple, said.append)
    assert [(kind, one.name) for kind, one in measured] == [
        ("answers", "squad2_dev"),
        ("injection", "deepset_a"),
    ]
    assert any(f"{tmp_path / 'rewrite/cast2020.'} is not there: left out" in line for line in said)
    assert "answers: qa/squad2_dev" in said


def test_where_the_sets_lie_can_be_said(tmp_path, monkeypatch):
    monkeypatch.setenv(goals.DATA_VARIABLE, str(tmp_path))
    assert data_folder() == tmp_path
    monkeypatch.setenv(goals.DATA_VARIABLE, str(tmp_path / "none"))
    assert data_folder() is None


@needs_public_sets
def test_each_goal_is_of_a_set_that_exists():
    for goal in GOALS:
        assert list(PUBLIC.glob(f"*/{goal.set}*")), goal
