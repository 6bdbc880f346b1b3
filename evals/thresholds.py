"""Thresholds from labelled scores: the best one, how sure it is, and what it is worth elsewhere.

Best is what makes balanced accuracy highest, the mean of the shares of either kind that are decided
rightly: a sample of a good system holds few wrong answers, and plain accuracy would leave them all.
What is reported of a proposal was measured on rows that it was not chosen on, fold by fold; rows of
one conversation are in one fold.

Source: Youden, "Index for rating diagnostic tests", Cancer 3(1), 1950 (balanced accuracy is
(J + 1) / 2); Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, for the intervals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evals.bootstrap import EvalEstimate, Floats, statistic_of

FOLDS = 5
DIGITS = 4
"""Of a threshold: far below what so few rows can tell."""


@dataclass(frozen=True)
class LabelledScore:
    """A score, and whether it should be at or above the threshold."""

    score: float
    above: bool
    group: str
    """What it belongs to."""


@dataclass(frozen=True)
class TunedThreshold:
    """A threshold, and what it is worth."""

    value: EvalEstimate
    """Chosen on all rows."""
    present: EvalEstimate
    """Balanced accuracy of the threshold in force."""
    held_out: EvalEstimate
    """Balanced accuracy of thresholds chosen on the other folds."""
    gain: EvalEstimate
    """The difference, row by row."""

    @property
    def is_better(self) -> bool:
        """Whether it is better beyond what chance explains."""
        return self.gain.low > 0


def balanced(labels: Floats, decided: Floats) -> float:
    """Return balanced accuracy; NaN where one kind is missing."""
    positive = labels == 1.0
    if positive.all() or not positive.any():
        return float("nan")
    return float((decided[positive].mean() + 1 - decided[~positive].mean()) / 2)


def best_threshold(labels: Floats, scores: Floats, present: float) -> float:
    """Return the threshold of the highest balanced accuracy; the present one where none is better.

    Thresholds lie in the middle between two scores; of equal ones the nearest to the present one is
    taken, for least changes with it.
    """
    if len(set(labels.tolist())) < 2:
        return present
    order = np.argsort(scores, kind="stable")
    ordered, positive = scores[order], labels[order] == 1.0
    ends = np.flatnonzero(ordered[1:] > ordered[:-1]) + 1
    below_positive = np.cumsum(positive)[ends - 1] / positive.sum()
    below_negative = np.cumsum(~positive)[ends - 1] / (~positive).sum()
    worth = (1 - below_positive + below_negative) / 2
    middles = np.round((ordered[ends - 1] + ordered[ends]) / 2, DIGITS)
    now = balanced(labels, (scores >= present).astype(np.float64))
    if not len(worth) or worth.max() <= now + 1e-12:
        return present
    best = np.flatnonzero(worth >= worth.max() - 1e-12)
    nearest = best[np.argmin(np.abs(middles[best] - present))]
    return float(middles[nearest])


def fold_of(group: str) -> int:
    """Tell which fold something belongs to, wherever and whenever it is asked."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") % FOLDS


def tuned(rows: Sequence[LabelledScore], present: float, seed: int = 0) -> TunedThreshold:
    """Choose a threshold for rows of both kinds."""
    labels = np.asarray([float(row.above) for row in rows])
    scores = np.asarray([row.score for row in rows])
    folds = np.asarray([fold_of(row.group) for row in rows])
    groups = [row.group for row in rows]
    decided = np.empty(len(rows))
    for fold in range(FOLDS):
        held, others = folds == fold, folds != fold
        chosen = best_threshold(labels[others], scores[others], present)
        decided[held] = scores[held] >= chosen
    now = (scores >= present).astype(np.float64)
    lists = labels.tolist(), now.tolist(), decided.tolist()

    def gain(labels: Floats, now: Floats, decided: Floats) -> float:
        return balanced(labels, decided) - balanced(labels, now)

    def threshold(labels: Floats, scores: Floats) -> float:
        return best_threshold(labels, scores, present)

    return TunedThreshold(
        value=statistic_of(threshold, lists[0], scores.tolist(), groups=groups, seed=seed),
        present=statistic_of(balanced, lists[0], lists[1], groups=groups, seed=seed),
        held_out=statistic_of(balanced, lists[0], lists[2], groups=groups, seed=seed),
        gain=statistic_of(gain, *lists, groups=groups, seed=seed),
    )
