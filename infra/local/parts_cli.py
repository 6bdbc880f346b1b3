"""playhead parts, and the fetch that playhead up begins with."""

import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click

from infra.local.parts import all_parts
from infra.parts.display import say, shown
from infra.parts.fetching import fetch, with_needs
from infra.parts.part import Part
from infra.parts.shell import Interrupted
from infra.stack_error import StackError

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended


class ShownStackError(click.ClickException):
    """Shows a StackError: one clear message, exit 1."""

    def show(self, file: Any = None) -> None:  # noqa: ARG002 - click's signature
        """Write it to standard error."""
        say(f"playhead: {self.message}")


def fetch_shown(
    names: Sequence[str], known_parts: Callable[[], dict[str, Part]] = all_parts
) -> None:
    """Fetch parts and show it; where that is interrupted, the program ends."""
    known = known_parts()
    wanted = [known[name] for name in names]
    if all(part.present for part in with_needs(wanted)):
        return
    try:
        with _ended_like_ctrl_c(), shown() as display:
            fetch(wanted, display)
    except (KeyboardInterrupt, Interrupted):
        say("interrupted; nothing unfinished was kept")
        sys.exit(INTERRUPTED)


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Let a closed terminal or a `kill` stop the tools of a fetch too."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@click.command()
@click.option("--only", metavar="A,B", help="Only these parts, and what they need.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def parts(only: str | None, *, as_json: bool) -> None:
    """Fetch the software that the components run, and say where it is.

    \b
    Example:
      playhead parts
      playhead parts --only kafka,weaviate
    """
    try:
        known = all_parts()
        names = only.replace(" ", "").split(",") if only else list(known)
        if unknown := set(names) - set(known):
            message = f"no part is called {', '.join(sorted(unknown))}; "
            raise StackError(message + f"there are {', '.join(known)}")
        fetch_shown(names)
    except StackError as error:
        raise ShownStackError(str(error)) from None
    places = {name: str(known[name].place) for name in names}
    if as_json:
        click.echo(json.dumps(places, indent=2))
    else:
        for name, place in places.items():
            click.echo(f"{name:<9} {place}")
