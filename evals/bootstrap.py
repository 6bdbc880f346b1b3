"""Bootstrap: how far a figure might be off, had other rows been drawn.

Rows of one conversation or one passage are alike, so whole groups are drawn, with replacement. The
interval is that of percentiles over DRAWS draws, the same for the same seed.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 and 8.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

DRAWS = 1_000
LEVEL = (2.5, 97.5)  # percentiles that hold 95 %

Floats = npt.NDArray[np.float64]
Statistic = Callable[..., float]
"""Takes columns of equal length; may return NaN for a draw that has no such figure."""


@dataclass(frozen=True)
class EvalEstimate:
    """A figure and the interval that holds it in 95 of 100 such samples."""

    value: float
    low: float
    high: float
    rows: int
    """How many rows it is of."""

    def as_json(self) -> dict[str, Any]:
        """Return the figure as a part of a document, rounded far below its own noise."""
        value, low, high = (round(float(x), 4) for x in (self.value, self.low, self.high))
        return {"value": value, "low": low, "high": high, "rows": self.rows}


def mean_of(
    values: Sequence[float], groups: Sequence[Hashable] | None = None, seed: int = 0
) -> EvalEstimate:
    """EvalEstimate a mean of at least one value."""
    column = np.asarray(values, dtype=np.float64)
    group = _numbered(groups, len(column))
    sums = np.bincount(group, weights=column)
    sizes = np.bincount(group).astype(np.float64)
    generator = np.random.default_rng(seed)
    means = np.empty(DRAWS)
    for draw in range(DRAWS):
        chosen = generator.integers(0, len(sums), len(sums))
        means[draw] = sums[chosen].sum() / sizes[chosen].sum()
    return _estimate(float(column.mean()), means, len(column))


def statistic_of(
    statistic: Statistic,
    *columns: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> EvalEstimate:
    """EvalEstimate any figure of columns of equal length."""
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    group = _numbered(groups, len(arrays[0]))
    order = np.argsort(group, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(group))[:-1])
    generator = np.random.default_rng(seed)
    drawn = np.empty(DRAWS)
    for draw in range(DRAWS):
        chosen = generator.integers(0, len(members), len(members))
        rows = np.concatenate([members[index] for index in chosen])
        drawn[draw] = statistic(*(array[rows] for array in arrays))
    return _estimate(float(statistic(*arrays)), drawn, len(arrays[0]))


def _numbered(groups: Sequence[Hashable] | None, length: int) -> npt.NDArray[np.int64]:
    """Give each row the number of its group; without groups, each row is its own."""
    if groups is None:
        return np.arange(length)
    numbers: dict[Hashable, int] = {}
    return np.asarray([numbers.setdefault(group, len(numbers)) for group in groups])


def _estimate(value: float, drawn: Floats, rows: int) -> EvalEstimate:
    defined = drawn[~np.isnan(drawn)]
    if not len(defined):
        return EvalEstimate(value, value, value, rows)
    low, high = np.percentile(defined, LEVEL)
    return EvalEstimate(value, float(low), float(high), rows)
