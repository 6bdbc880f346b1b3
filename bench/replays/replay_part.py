"""The part `replay` of the bench: figures of verifying and of sealing, beside their goals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console

from bench.answers.figures import Figure, show_figures
from bench.replays.long_tree import TreePlan, tree_cost
from bench.replays.seal_cost import SealPlan, seal_cost
from bench.replays.verify_cost import VerifyPlan, verify_figures

GOALS = (
    "goals: verify 10,000 records/s in one process, 1.8 times that in two, memory within 1.3 times;"
    " sealing 10,000 records/s; a proof out of 10,000,000 records in 10 ms and 2,048 bytes"
)


def measure_replay(records: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure all, verify with logs of up to so many records.

    Raises MeasurementFailed where a log is not as its steps wrote it.
    """
    return [
        *verify_figures(VerifyPlan.up_to(records), say),
        *seal_cost(SealPlan(), say).figures(),
        *tree_cost(TreePlan(), say).figures(),
    ]


def show_replay(figures: Sequence[Figure], console: Console) -> None:
    """Print the figures, and what is wanted of them."""
    show_figures(figures, console)
    console.print(GOALS)
