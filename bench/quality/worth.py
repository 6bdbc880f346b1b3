"""`make bench ONLY=quality`: conversations over a stack, and the goals on evaluation sets."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bench.child import MeasurementFailed
from bench.figure_tables import figure_table
from bench.quality.conversations import (
    FIRST,
    FOURTH,
    SECOND,
    THIRD,
    TalkSet,
    machine_documents,
)
from bench.quality.goals import DATA_VARIABLE, GoalRow, data_folder, measure_sets, rows_of_goals
from bench.quality.talks_held import hand_in, hold_talks, talks_outcome, transcript
from connectors.triton import Triton
from edge.client.gateway_client import connect
from evals.outcome import SetOutcome, show_sets
from streams.running.world import Connector
from streams.settings import Settings

TENANT = "quality"


@dataclass(frozen=True)
class QualityFigures:
    """What was measured."""

    talks: Sequence[SetOutcome]
    goals: Sequence[GoalRow]
    notes: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """Return a part of the document."""
        return {
            "conversations": [one.as_json() for one in self.talks],
            "goals": [
                {
                    "set": row.goal.set,
                    "figure": row.goal.figure,
                    "goal": f"{row.goal.bound} {row.goal.goal}",
                    "reached": row.reached,
                    **row.value.as_json(),
                    "baseline": row.baseline and row.baseline.as_json(),
                }
                for row in self.goals
            ],
            "notes": list(self.notes),
        }


def measure_quality(
    settings: Settings, say: Callable[[str], None], folder: Path | None = None
) -> QualityFigures:
    """Hold the conversations and measure the sets; raises MeasurementFailed."""
    folder = folder or Path(tempfile.gettempdir())
    talks, notes = [], []
    for chosen in (FIRST, SECOND, THIRD, FOURTH):
        say(chosen.name)
        outcome, written = _talked(settings, chosen, folder)
        talks.append(outcome)
        notes.append(f"transcript, for an eye to judge: {written}")
    sets: list[tuple[str, SetOutcome]] = []
    data = data_folder()
    if data is None:
        notes.append(
            f"no evaluation sets: set {DATA_VARIABLE} to their folder (docs/evaluation.md)"
        )
    else:

        def connectors() -> Sequence[Connector]:
            return (Triton(settings),)

        sets = measure_sets(data, connectors, say)
    return QualityFigures(talks, rows_of_goals(sets), notes)


def _talked(settings: Settings, chosen: TalkSet, folder: Path) -> tuple[SetOutcome, Path]:
    """Hold the conversations of a set in a tenant of their own, and write them down."""
    name = chosen.name.replace(" ", "-")
    documents = machine_documents(chosen)
    gateway = connect(settings, f"{TENANT}-{name}")
    try:
        hand_in(gateway, documents)
        held = hold_talks(gateway, documents, chosen.talks)
    except click.ClickException as error:
        raise MeasurementFailed(f"{chosen.name}: {error.message}") from None
    written = folder / f"playhead-{name}.md"
    written.write_text(transcript(held), encoding="utf-8")
    return talks_outcome(chosen.name, held), written


def show_quality(figures: QualityFigures, console: Console) -> None:
    """Print what was measured, for people."""
    show_sets(figures.talks, console)
    if figures.goals:
        table = figure_table("figure", "value [95 %]", "goal", "reached", "baseline [95 %]")
        for row in figures.goals:
            table.add_row(*row.cells())
        console.print(table)
    for note in figures.notes:
        console.print(note, highlight=False, markup=False, soft_wrap=True)
