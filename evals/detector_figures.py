"""Figures of anything that gives each row a score and a verdict, beside others on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evals import curves
from evals.bootstrap import Floats, statistic_of
from evals.outcome import SetOutcome

CURVES = {
    "AUPRC": curves.average_precision,
    "ROC area": curves.roc_area,
    "recall at 1 % false": curves.recall_at,
}


@dataclass(frozen=True)
class ScoredRow:
    """What one detector says about one row."""

    positive: bool
    """Whether it should be found."""
    group: str
    """What the row belongs to."""
    score: float
    found: bool
    """The verdict."""


def add_curves(outcome: SetOutcome, system: str, rows: Sequence[ScoredRow], seed: int) -> None:
    """Take in how well scores part the labels, where there are both."""
    labels = [float(row.positive) for row in rows]
    if 0 < sum(labels) < len(labels):
        scores, groups = [row.score for row in rows], [row.group for row in rows]
        for name, figure in CURVES.items():
            outcome.add(
                name, system, statistic_of(figure, labels, scores, groups=groups, seed=seed)
            )


def add_verdicts(outcome: SetOutcome, system: str, rows: Sequence[ScoredRow], seed: int) -> None:
    """Take in what is found of either kind, with the bounds in force."""
    labels = [float(row.positive) for row in rows]
    found, groups = [float(row.found) for row in rows], [row.group for row in rows]
    for name, kind in (("found, positive", 1.0), ("found, negative", 0.0)):
        if kind in labels:

            def figure(labels: Floats, found: Floats, kind: float = kind) -> float:
                return curves.share(labels, found, kind)

            outcome.add(name, system, statistic_of(figure, labels, found, groups=groups, seed=seed))
