"""The part of the bench: what is printed and what is in its document."""

import io
import json

from rich.console import Console

from bench.quality.goals import GoalRow, QualityGoal
from bench.quality.worth import QualityFigures, show_quality
from evals.bootstrap import EvalEstimate
from evals.outcome import SetOutcome

GOAL = QualityGoal("rewriting", "cast2020", "ROUGE-1 recall", "≥", 0.76)


def figures():
    talks = SetOutcome("conversations", 2, counts={"right": 3})
    talks.add("right, all turns", "playhead", EvalEstimate(0.5, 0.0, 1.0, 2))
    row = GoalRow(GOAL, EvalEstimate(0.75, 0.7, 0.8, 216), EvalEstimate(0.65, 0.6, 0.7, 216))
    return QualityFigures([talks], [row], ["transcript: here"])


def test_the_document_has_conversations_goals_and_notes():
    document = json.loads(json.dumps(figures().as_json()))
    assert [one["counts"] for one in document["conversations"]] == [{"right": 3}]
    [goal] = document["goals"]
    assert (goal["goal"], goal["reached"], goal["value"], goal["baseline"]["value"]) == (
        "≥ 0.76",
        False,
        0.75,
        0.65,
    )
    assert document["notes"] == ["transcript: here"]


def test_the_tables_are_for_people():
    shown = io.StringIO()
    show_quality(figures(), Console(file=shown, width=160))
    text = shown.getvalue()
    assert ".500 [.000, 1.000]" in text
    assert "cast2020: ROUGE-1 recall" in text
    assert ".750 [.700, .800]" in text
    assert "transcript: here" in text
