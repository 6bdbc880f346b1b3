"""How a fetch shows: bars with an estimate on a terminal, plain lines elsewhere, on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.progress_bar import ProgressBar
from rich.text import Text

from infra.parts import fetching
from infra.parts.part import Part

LINE_CHARS_MAX = 60  # of a tool's line beside its bar
LINES_EVERY_S = 15.0  # off a terminal: often enough to see that it lives
NEARLY = 0.98  # a bar that waits for its part longer than usual stays just short of full


def say(line: str) -> None:
    """Write a line to standard error, where results never go."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


@contextmanager
def shown() -> Iterator[fetching.FetchDisplay]:
    """Show a fetch, as fits where standard error goes."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    with Progress(*columns(), console=console) as bars:
        yield Bars(bars)


def columns() -> tuple[ProgressColumn, ...]:
    """Return what a part's line is made of."""
    return (
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description:<9}"),
        Elapsed(),
        Left(),
        TextColumn("[dim]{task.fields[said]}"),
    )


class Elapsed(ProgressColumn):
    """A bar that fills by the time that the part takes on two cores: its tools report nothing."""

    def render(self, task: Task) -> ProgressBar:
        """Draw the bar."""
        total = task.total or 1.0
        passed = min(task.elapsed or 0.0, NEARLY * total)
        completed = total if task.finished else passed
        return ProgressBar(total=total, completed=completed, width=30)


class Left(ProgressColumn):
    """The time that is left by experience."""

    def render(self, task: Task) -> Text:
        """Estimate; a finished part shows what it took."""
        if task.finished:
            return Text(f"{task.finished_time or 0.0:.0f} s".rjust(8))
        left = (task.total or 0.0) - (task.elapsed or 0.0)
        return Text((f"~{left:.0f} s" if left > 1 else "soon").rjust(8))


class Bars:
    """A bar for each part."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def begun(self, part: Part) -> None:
        """Add the part's bar."""
        self._tasks[part.name] = self._bars.add_task(part.name, total=part.typical_s, said="")

    def line(self, part: Part, text: str) -> None:
        """Show the tool's last words."""
        self._bars.update(self._tasks[part.name], said=text[:LINE_CHARS_MAX])

    def done(self, part: Part, seconds: float) -> None:  # noqa: ARG002 - the bar kept the time
        """Fill the bar."""
        self._bars.update(self._tasks[part.name], completed=part.typical_s, said="")


class Lines:
    """A line when a part begins, when it is done, and now and then in between."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}

    def begun(self, part: Part) -> None:
        """Say that it began, and how long it usually takes."""
        self._last[part.name] = self._clock()
        say(f"fetching {part.name} {part.version} (about {part.typical_s} s)")

    def line(self, part: Part, text: str) -> None:
        """Pass on a tool's line, where the last one is a while ago."""
        now = self._clock()
        if now - self._last[part.name] > LINES_EVERY_S:
            self._last[part.name] = now
            say(f"{part.name}: {text[:LINE_CHARS_MAX]}")

    def done(self, part: Part, seconds: float) -> None:
        """Say that it is in place."""
        say(f"fetched {part.name} {part.version} in {seconds:.0f} s")
