"""What an evaluation found: figures by system, beside their baselines, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.bootstrap import EvalEstimate
from streams.version import CODE

OURS = "playhead"


@dataclass(frozen=True)
class EvalFigure:
    """One figure of one system."""

    name: str
    system: str
    estimate: EvalEstimate


@dataclass
class SetOutcome:
    """What came of one evaluation set."""

    name: str
    rows: int
    figures: list[EvalFigure] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """What happened how often, by name."""
    notes: list[str] = field(default_factory=list)
    """What a reader of the figures must know."""
    by_row: dict[str, dict[str, float]] = field(default_factory=dict)
    """Columns of what this system's figures are computed from, by the rows' ids: what a later run
    is compared with."""
    seed: int = 0
    """Draws the intervals."""

    def add(self, name: str, system: str, estimate: EvalEstimate) -> None:
        """Take in a figure."""
        self.figures.append(EvalFigure(name, system, estimate))

    def figure(self, name: str, system: str = OURS) -> EvalEstimate:
        """Return a figure; raises KeyError where there is none."""
        for one in self.figures:
            if (one.name, one.system) == (name, system):
                return one.estimate
        raise KeyError(name, system)

    def as_json(self) -> dict[str, Any]:
        """Return a part of the JSON document."""
        return {
            "set": self.name,
            "rows": self.rows,
            "figures": [
                {"figure": one.name, "system": one.system, **one.estimate.as_json()}
                for one in self.figures
            ],
            "counts": self.counts,
            "notes": self.notes,
            **({"by_row": self.by_row} if self.by_row else {}),
        }


def document(kind: str, sets: Sequence[SetOutcome], about: Mapping[str, Any]) -> dict[str, Any]:
    """Make the JSON document of an evaluation."""
    return {"eval": kind, "code": CODE, **about, "sets": [one.as_json() for one in sets]}


def show_sets(sets: Sequence[SetOutcome], console: Console) -> None:
    """Print figures for people: a table a set, a column a system."""
    for one in sets:
        console.print(_table_of(one))
        if one.counts:
            said = ", ".join(f"{name} {count:,}" for name, count in sorted(one.counts.items()))
            console.print(f"  {said}", highlight=False, markup=False)
        for note in one.notes:
            console.print(f"  {note}", highlight=False, markup=False)
        console.print()


def _table_of(outcome: SetOutcome) -> Table:
    systems = list(dict.fromkeys(one.system for one in outcome.figures))
    names = list(dict.fromkeys(one.name for one in outcome.figures))
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(f"{outcome.name} ({outcome.rows:,})", no_wrap=True)
    for system in systems:
        table.add_column(system, justify="right")
    shown = {(one.name, one.system): spelled(one.estimate) for one in outcome.figures}
    for name in names:
        table.add_row(name, *(shown.get((name, system), "") for system in systems))
    return table


def spelled(estimate: EvalEstimate) -> str:
    """Spell a figure with its interval: .749 [.723, .774]."""
    value, low, high = (_short(x) for x in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value == value else "–"  # noqa: PLR0124 - not NaN
