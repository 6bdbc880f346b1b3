"""What the demo says and checks: it goes to the terminal at once, and failures are remembered."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule

from streams.operations.printing import UNBROKEN


@dataclass(frozen=True)
class Check:
    """Something that the demo looked at."""

    what: str
    held: bool
    why: str = ""
    """What was there instead, where it did not hold."""


class Checks:
    """The checks of one demo, printed as they are made."""

    def __init__(self, console: Console, recorded: Container[str] = ()) -> None:
        self.console = console
        self.made: list[Check] = []
        self._recorded = recorded
        """Titles of the parts that the console keeps, for a picture."""

    @property
    def failed(self) -> list[Check]:
        """Those that did not hold."""
        return [check for check in self.made if not check.held]

    def part(self, title: str) -> None:
        """Begin a part."""
        self.console.record = title in self._recorded
        self.console.print()
        if self.console.width < UNBROKEN:
            self.console.print(Rule(f"[bold]{title}[/bold]", align="left", style="dim"))
        else:  # there is no width to draw a line across
            self.console.print(f"── {title}", markup=False, highlight=False)

    def holds(self, what: str, held: bool, otherwise: str = "") -> None:
        """Print and remember whether something held."""
        check = Check(what, held, "" if held else otherwise)
        self.made.append(check)
        self.console.print(f"  {line(check)}", highlight=False)


def line(check: Check) -> str:
    """Show a check as one line of markup."""
    mark = "[green]✓[/green]" if check.held else "[red]✗[/red]"
    why = f": {check.why}" if check.why else ""
    return f"{mark} {escape(check.what + why)}"
