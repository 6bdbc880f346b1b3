"""Figures of a what-if, with intervals: how much changed, and how sure that is.

Sources: Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
the American Statistical Association 22, 1927, for shares; Efron and Tibshirani, "An Introduction to
the Bootstrap", 1993, for all else, over requests drawn with replacement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Z_TWO_SIDED = 1.959964
"""Standard errors to either side that hold 95 % of a normal distribution."""
DRAWS = 1_000
SEED = 16
PERCENTILES = (2.5, 97.5)

CELLS_MAX = 1_000_000  # of what is drawn at once: 8 MB

Column = npt.NDArray[np.float64]
ColumnStatistic = Callable[..., Column]
"""Takes columns, or tables of which each row is one draw of a column; computes along the rows."""


@dataclass(frozen=True)
class WhatIfFigure:
    """A figure, and the interval that holds it in 95 of 100 such samples."""

    value: float
    low: float
    high: float
    of: int
    """Requests that it is of."""

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`, rounded far below its own noise."""
        told = {name: round(getattr(self, name), 4) for name in ("value", "low", "high")}
        return {**told, "of": self.of}


def share_of(number: int, of: int) -> WhatIfFigure | None:
    """Return a share with Wilson's interval; None of nothing."""
    if not of:
        return None
    share, square = number / of, Z_TWO_SIDED**2
    middle = (share + square / (2 * of)) / (1 + square / of)
    spread = math.sqrt(share * (1 - share) / of + square / (4 * of**2))
    spread *= Z_TWO_SIDED / (1 + square / of)
    low = max(0.0, middle - spread) if number else 0.0
    high = min(1.0, middle + spread) if number < of else 1.0
    return WhatIfFigure(share, low, high, of)


def drawn_figure(statistic: ColumnStatistic, *columns: Sequence[float]) -> WhatIfFigure | None:
    """Return a figure of columns of equal length; None where it has no value."""
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    count = len(arrays[0])
    value = float(statistic(*arrays)) if count else math.nan
    if not math.isfinite(value):
        return None
    generator, drawn = np.random.default_rng(SEED), list[Column]()
    at_once = max(1, min(DRAWS, CELLS_MAX // count))
    for begin in range(0, DRAWS, at_once):
        rows = generator.integers(0, count, (min(at_once, DRAWS - begin), count))
        drawn.append(statistic(*(array[rows] for array in arrays)))
    found = np.concatenate(drawn)
    finite = found[np.isfinite(found)]
    low, high = np.percentile(finite, PERCENTILES) if len(finite) else (value, value)
    return WhatIfFigure(value, float(low), float(high), count)


def mean(values: Column) -> Column:
    """Return the mean."""
    return np.asarray(values.mean(axis=-1))


def ratio_at(percentile: float) -> ColumnStatistic:
    """Return what compares a percentile of the second column with that of the first."""

    def ratio(then: Column, now: Column) -> Column:
        return _ratio(
            np.percentile(now, percentile, axis=-1), np.percentile(then, percentile, axis=-1)
        )

    return ratio


def ratio_of_sums(then: Column, now: Column) -> Column:
    """Return how many times the first column's sum the second one's is."""
    return _ratio(now.sum(axis=-1), then.sum(axis=-1))


def _ratio(now: Any, then: Any) -> Column:
    """Divide; nothing beside nothing is the same, something beside nothing has no ratio."""
    now, then = np.asarray(now, dtype=np.float64), np.asarray(then, dtype=np.float64)
    beside_nothing = np.where(now == 0, 1.0, np.nan)
    return np.where(then == 0, beside_nothing, now / np.where(then == 0, 1.0, then))
