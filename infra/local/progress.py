"""How a fetch shows: bars with an estimate on a terminal, plain lines on standard error elsewhere."""

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from infra.local.parts import Part

WIDTH_MAX = 60  # of a tool's line beside its bar
LINES_EVERY_S = 15.0  # off a terminal: often enough to see that it lives


class Shown(Protocol):
    """What a fetch tells, as a context manager."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def begun(self, part: Part) -> None: ...
    def line(self, part: Part, text: str) -> None: ...
    def done(self, part: Part, seconds: float) -> None: ...


class Bars:
    """A bar for each part; it fills by the time that the part takes on two cores."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[part]:<9}"),
            BarColumn(30),
            TextColumn("{task.fields[left]:>8}"),
            TextColumn("[dim]{task.fields[said]}"),
            console=console,
            get_time=self._tick,
        )
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, tuple[float, Part]] = {}

    def _tick(self) -> float:
        """Return the time; each frame asks for it, so each frame moves the bars along."""
        return time.monotonic()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def begun(self, part: Part) -> None:
        """Add the part's bar."""
        self._began[part.name] = (time.monotonic(), part)
        self._tasks[part.name] = self._bars.add_task(
            part.name, total=part.typical_s, part=part.name, left="", said=""
        )

    def line(self, part: Part, text: str) -> None:
        """Show the tool's last words, and what time is left by experience."""
        began, _ = self._began[part.name]
        passed = time.monotonic() - began
        left = part.typical_s - passed
        self._bars.update(
            self._tasks[part.name],
            completed=min(passed, 0.98 * part.typical_s),
            left=f"~{left:.0f} s" if left > 1 else "soon",
            said=text[:WIDTH_MAX],
        )

    def done(self, part: Part, seconds: float) -> None:
        """Fill the bar."""
        self._bars.update(
            self._tasks[part.name], completed=part.typical_s, left=f"{seconds:.0f} s", said="done"
        )


class Lines:
    """A line when a part begins, is done, and now and then in between."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def begun(self, part: Part) -> None:
        """Say that it began, and how long it usually takes."""
        self._last[part.name] = time.monotonic()
        say(f"fetching {part.name} {part.version} (about {part.typical_s} s)")

    def line(self, part: Part, text: str) -> None:
        """Pass on a tool's line, where the last one is a while ago."""
        now = time.monotonic()
        if now - self._last[part.name] > LINES_EVERY_S:
            self._last[part.name] = now
            say(f"{part.name}: {text[:WIDTH_MAX]}")

    def done(self, part: Part, seconds: float) -> None:
        """Say that it is in place."""
        say(f"fetched {part.name} {part.version} in {seconds:.0f} s")


def say(line: str) -> None:
    """Write a line to standard error, where results never go."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def shown() -> Shown:
    """Choose by where standard error goes."""
    console = Console(stderr=True)
    return Bars(console) if console.is_terminal else Lines()
