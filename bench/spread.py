"""A figure that was measured several times: its median, how far it spread, its ratio to another."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """A figure over the rounds of one run."""

    median: float
    low: float
    high: float
    ratio: float | None = None
    """Median of the rounds' own ratios to the baseline; None where there is no baseline."""

    def __str__(self) -> str:
        """Show the median, and the extremes where they differ."""
        if self.low == self.high:
            return number(self.median)
        return f"{number(self.median)} ({number(self.low)}–{number(self.high)})"

    @property
    def times(self) -> str:
        """Show the ratio."""
        return "" if self.ratio is None else f"{number(self.ratio)}x"


def spread(values: Sequence[float], baseline: Sequence[float | None] = ()) -> Spread:
    """Sum up one value a round; `baseline` has that of the same rounds, None where it has none.

    The ratios are taken round by round, since what slows a machine down meets the whole round.
    """
    ratios = [value / other for value, other in zip(values, baseline, strict=False) if other]
    return Spread(
        statistics.median(values),
        min(values),
        max(values),
        statistics.median(ratios) if ratios else None,
    )


def number(value: float) -> str:
    """Show three figures, or all that stand before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def percentiles(values: Iterable[float]) -> tuple[float, float, float]:
    """Return the 50th, 95th and 99th percentile, interpolated; of at least two values."""
    cut = statistics.quantiles(values, n=100, method="inclusive")
    return cut[49], cut[94], cut[98]
