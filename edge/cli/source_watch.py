"""Watching a run go on, and waiting for the next one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.sources.findings import DocumentSource
from edge.cli.output import progress_on_terminal
from edge.sources.run_watcher import RunWatcher

if TYPE_CHECKING:
    from rich.progress import Progress

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
def following(name: str, *, wait: bool = False) -> Iterator[RunWatcher]:
    """Show on a terminal how far a run is, how fast, and how long it still takes, if that is known.

    With `wait` a second line shows how many of the documents are through all steps.
    """
    if not sys.stderr.isatty():
        yield RunWatcher()
        return
    with progress_on_terminal() as progress:
        yield ShownRun(progress, name, wait=wait)


class ShownRun(RunWatcher):
    """Moves the bars of a run."""

    def __init__(self, progress: Progress, name: str, *, wait: bool) -> None:
        self._progress, self._name = progress, name
        self._found = progress.add_task(name, total=None)
        self._settled = progress.add_task("searchable", total=None) if wait else None
        self._is_held_up = False

    def begun(self, source: DocumentSource) -> None:
        """Begin, with what the source is expected to have."""
        self._progress.update(self._found, total=source.expected())

    def found(self) -> None:
        """Move on."""
        self._progress.advance(self._found)
        if self._is_held_up:
            self._is_held_up = False
            self._progress.update(self._found, description=self._name)

    def held_up(self) -> None:
        """Say why nothing moves."""
        self._is_held_up = True
        self._progress.update(self._found, description=f"{self._name}: waits for ingest")

    def settled(self, done: int, asked: int) -> None:
        """Move the line of what is through; it grows while more is handed in."""
        if self._settled is not None:
            self._progress.update(self._settled, completed=done, total=asked)
