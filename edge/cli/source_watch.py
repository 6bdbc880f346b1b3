"""Watching a run go on, and waiting for the next one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.sources.findings import DocumentSource

DEBOUNCE_MS = 1_600  # changes that come closer together are one
LOOK_MS = 500
"""How long a look at what a folder told takes at most. The first one begins the watch."""


class Awake:
    """Sleeps until something may have changed: a folder tells, anything else is looked at again."""

    def __init__(
        self,
        folder: Path | None,
        every_s: float,
        *,
        pause: Callable[[float], None] = time.sleep,
        changes: Callable[..., Iterator[Any]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Watch a folder from now on; `changes` is watchfiles.watch, which begins when read."""
        self._pause, self._every_s, self._clock = pause, every_s, clock
        self._changes: Iterator[Any] | None = None
        if folder is not None:
            from watchfiles import watch

            self._changes = (changes or watch)(
                folder,
                debounce=DEBOUNCE_MS,
                rust_timeout=LOOK_MS,
                yield_on_timeout=True,
                raise_interrupt=True,
                ignore_permission_denied=True,
            )
            self._changed()

    def wait(self) -> None:
        """Return when it is time to look again: untold, too, since some file systems don't tell."""
        ends_s = self._clock() + self._every_s
        while self._changes is not None:
            if self._changed() or self._clock() >= ends_s:
                return
        self._pause(self._every_s)

    def _changed(self) -> bool:
        """Look what the folder told since the last look."""
        assert self._changes is not None
        try:
            return bool(next(self._changes))
        except (StopIteration, FileNotFoundError, RuntimeError):
            self._changes = None  # the folder went: it may come back
            return False


@contextmanager
def following(name: str) -> Iterator[Callable[[DocumentSource], Callable[[], None]]]:
    """Show on a terminal how far a run is, with the time that it still takes where that is known.

    Gives what a run tells of its source, and what that returns of each finding.
    """
    if not sys.stderr.isatty():
        yield lambda _: lambda: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    progress = Progress(
        "[progress.description]{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with progress:

        def begun(source: DocumentSource) -> Callable[[], None]:
            task = progress.add_task(name, total=source.expected())
            return lambda: progress.advance(task)

        yield begun
