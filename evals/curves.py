"""Figures of a detector that gives each row a score: areas under curves, recall at a price.

Rows of equal score are one step: no threshold tells them apart. Labels are 1 (positive) and 0.
Each figure is NaN where one of the two is missing.
"""

from __future__ import annotations

import numpy as np

from evals.bootstrap import Floats


def _steps(labels: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Count the true and the false positives at each threshold, from the highest one down."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)])
    true = np.cumsum(labels[order])[ends]
    return true, ends + 1.0 - true


def average_precision(labels: Floats, scores: Floats) -> float:
    """Return the area under precision over recall (AUPRC), as a sum of steps."""
    true, false = _steps(labels, scores)
    if not len(true) or not true[-1]:
        return float("nan")
    gained = np.diff(true, prepend=0.0)
    return float((gained * true / (true + false)).sum() / true[-1])


def roc_area(labels: Floats, scores: Floats) -> float:
    """Return how often a positive row scores above a negative one; ties count half."""
    true, false = _steps(labels, scores)
    if not len(true) or not true[-1] or not false[-1]:
        return float("nan")
    true, false = np.insert(true, 0, 0.0), np.insert(false, 0, 0.0)
    area = (np.diff(false) * (true[1:] + true[:-1]) / 2).sum()
    return float(area / (true[-1] * false[-1]))


def recall_at(labels: Floats, scores: Floats, false_positives: float = 0.01) -> float:
    """Return the best recall at which at most so large a share of the negatives is caught."""
    true, false = _steps(labels, scores)
    if not len(true) or not true[-1] or not false[-1]:
        return float("nan")
    affordable = true[false <= false_positives * false[-1] + 1e-9]
    return float(affordable[-1] / true[-1]) if len(affordable) else 0.0


def share(labels: Floats, found: Floats, of: float = 1.0) -> float:
    """Return which share of the rows with a label was found: recall of 1, false alarms of 0."""
    chosen = found[labels == of]
    return float(chosen.mean()) if len(chosen) else float("nan")


def precision(labels: Floats, found: Floats) -> float:
    """Return which share of what was found is positive."""
    chosen = labels[found > 0]
    return float(chosen.mean()) if len(chosen) else float("nan")
