"""Figures of what gives scores and verdicts."""

import pytest

from evals.detector_figures import ScoredRow, add_curves, add_verdicts
from evals.outcome import SetOutcome

ROWS = [
    ScoredRow(True, "a", 0.9, True),
    ScoredRow(False, "b", 0.5, True),
    ScoredRow(True, "c", 0.4, False),
    ScoredRow(False, "d", 0.1, False),
]


def test_curves_and_verdicts_are_those_of_the_rows():
    outcome = SetOutcome("x", 4)
    add_curves(outcome, "s", ROWS, 0)
    add_verdicts(outcome, "s", ROWS, 0)
    assert outcome.figure("AUPRC", "s").value == pytest.approx((1 + 2 / 3) / 2)
    assert outcome.figure("ROC area", "s").value == 0.75
    assert outcome.figure("recall at 1 % false", "s").value == 0.5
    assert outcome.figure("found, positive", "s").value == 0.5
    assert outcome.figure("found, negative", "s").value == 0.5


@pytest.mark.parametrize(("kept", "name"), [(True, "found, positive"), (False, "found, negative")])
def test_rows_of_one_kind_have_no_curve(kept, name):
    rows = [row for row in ROWS if row.positive is kept]
    outcome = SetOutcome("x", 2)
    add_curves(outcome, "s", rows, 0)
    add_verdicts(outcome, "s", rows, 0)
    assert [one.name for one in outcome.figures] == [name]
    assert outcome.figures[0].estimate.value == 0.5
