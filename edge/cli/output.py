"""What verbs print: JSON documents, and progress on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")


def print_json(content: Any) -> None:
    """Print one JSON document on stdout."""
    json.dump(content, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")


def with_progress(items: list[T], label: str) -> Iterator[T]:
    """Yield items, and show how many are done."""
    with progress_bar(len(items), label) as advance:
        for item in items:
            yield item
            advance()


@contextmanager
def progress_bar(total: int, label: str) -> Iterator[Callable[[], None]]:
    """Show a progress bar on a terminal's stderr, nothing elsewhere; gives what advances it."""
    with progress_on_terminal() as progress:
        task = progress.add_task(label, total=total)
        yield lambda: progress.advance(task)


@contextmanager
def progress_on_terminal() -> Iterator[Progress]:
    """Show on a terminal's stderr, and nowhere else, how far work is, and how fast."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from edge.cli.rate_column import RateColumn

    with Progress(
        "[progress.description]{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as progress:
        yield progress
