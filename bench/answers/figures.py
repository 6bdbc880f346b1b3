"""Figures with their baselines, and how they are shown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console

from bench.figure_tables import figure_table

Breakdown = Mapping[str, Mapping[str, float]]
"""Step -> milliseconds queued, running, and of the latter in effects."""


@dataclass(frozen=True)
class Figure:
    """A measured value beside its baseline."""

    name: str
    value: float
    unit: str
    baseline: float
    against: str
    quartiles: tuple[float, float] | None = None
    """Of the value, where it was measured several times: how noisy it is."""

    @property
    def ratio(self) -> float:
        """Value over baseline."""
        return self.value / self.baseline if self.baseline else float("nan")


def median(values: Iterable[float]) -> float:
    """Return the median of at least one value."""
    return float(statistics.median(values))


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """Return the first and the third quartile of at least two values."""
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def compared(
    name: str, ours_ms: Sequence[float], theirs_ms: Sequence[float], against: str
) -> tuple[Figure, Figure]:
    """Compare times of pairs: their medians, and the median of what ours adds in each pair."""
    added_ms = [one - other for one, other in zip(ours_ms, theirs_ms, strict=True)]
    base = median(theirs_ms)
    return (
        Figure(f"{name}, p50", median(ours_ms), "ms", base, against, quartiles(ours_ms)),
        Figure(f"{name}: added, p50", median(added_ms), "ms", base, against, quartiles(added_ms)),
    )


def show_figures(figures: Sequence[Figure], console: Console) -> None:
    """Print figures beside their baselines."""
    table = figure_table("figure", "value", "quartiles", "baseline", "ratio")
    table.add_column("baseline is")
    for figure in figures:
        table.add_row(
            figure.name,
            f"{figure.value:,.1f} {figure.unit}",
            "–".join(f"{value:,.1f}" for value in figure.quartiles or ()),
            f"{figure.baseline:,.1f}",
            f"{figure.ratio:.2f}",
            figure.against,
        )
    console.print(table)


def show(figures: Sequence[Figure], steps: Breakdown, console: Console) -> None:
    """Print the figures for people, and where the time goes."""
    show_figures(figures, console)
    table = figure_table("step", "queued ms", "running ms", "of which effects ms")
    for name, row in steps.items():
        table.add_row(name, *(f"{value:.1f}" for value in row.values()))
    console.print()
    console.print(table)
