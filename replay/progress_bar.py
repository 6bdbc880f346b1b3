"""A bar of records on a terminal; nothing where standard error is a pipe or a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from streams.operations.printing import console


def new_bar(doing: str, unit: str = "records") -> Progress:
    """Make a bar that says what is being done; it goes when it is through."""
    return Progress(
        SpinnerColumn(),
        TextColumn(doing),
        BarColumn(),
        TextColumn(f"{{task.completed}} of {{task.total}} {unit}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


@contextmanager
def records_bar(doing: str, total: int, unit: str = "records") -> Iterator[Callable[[int], None]]:
    """Show a bar; yields what is told how many records were dealt with so far."""
    bar = new_bar(doing, unit)
    task = bar.add_task(doing, total=total)
    with bar:
        yield lambda records: bar.update(task, completed=records)
