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

Column = npt.NDArray[np.float64]


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


def drawn_figure(statistic: Callable[..., float], *columns: Sequence[float]) -> WhatIfFigure | None:
    """Return a figure of columns of equal length; None where it has no value."""
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    count = len(arrays[0])
    value = statistic(*arrays) if count else math.nan
    if not math.isfinite(value):
        return None
    generator = np.random.default_rng(SEED)
    drawn = []
    for _ in range(DRAWS):
        rows = generator.integers(0, count, count)
        drawn.append(statistic(*(array[rows] for array in arrays)))
    finite = [one for one in drawn if math.isfinite(one)]
    low, high = np.percentile(finite, PERCENTILES) if finite else (value, value)
    return WhatIfFigure(float(value), float(low), float(high), count)


def mean(values: Column) -> float:
    """Return the mean."""
    return float(values.mean())


def ratio_at(percentile: float) -> Callable[[Column, Column], float]:
    """Return what compares a percentile of the second column with that of the first."""

    def ratio(then: Column, now: Column) -> float:
        return _ratio(np.percentile(now, percentile), np.percentile(then, percentile))

    return ratio


def ratio_of_sums(then: Column, now: Column) -> float:
    """Return how many times the first column's sum the second one's is."""
    return _ratio(now.sum(), then.sum())


def _ratio(now: Any, then: Any) -> float:
    """Divide; nothing beside nothing is the same, something beside nothing has no ratio."""
    if not then:
        return math.nan if now else 1.0
    return float(now / then)
