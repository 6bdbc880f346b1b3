"""What the verbs of `playhead eval` share: options, progress, and how figures are reported."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from edge.cli.output import print_json, progress_bar
from evals.data_sets import HALVES, Choice, files_in
from evals.outcome import SetOutcome, document, show_sets
from streams.operations.options import run_option
from streams.operations.printing import console

Advancing = Callable[[int], Callable[[], None]]
Evaluate = Callable[[Path, Choice, Advancing], SetOutcome]
ROWS_MAX = 10_000_000
AT_ONCE_MAX = 64


def set_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what says which rows are evaluated, and hand it a Choice."""

    @functools.wraps(command)
    def chosen(*, limit: int | None, seed: int, half: str | None, **rest: Any) -> None:
        command(choice=Choice(limit, seed, half), **rest)

    with_options: Callable[..., None] = chosen
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout."),
        click.option(
            "--half",
            type=click.Choice(HALVES),
            help="Only this half of the rows, by a hash of what they belong to.",
        ),
        click.option(
            "--seed",
            type=click.IntRange(0, 2**32 - 1),
            default=0,
            show_default=True,
            help="Draws the sample and the intervals.",
        ),
        click.option("--limit", type=click.IntRange(1, ROWS_MAX), help="A sample of so many rows."),
        click.option(
            "--data",
            "places",
            multiple=True,
            required=True,
            type=click.Path(path_type=Path),
            help="File or folder of a set; may be given several times.",
        ),
    ):
        with_options = option(with_options)
    return with_options


any_run_option = functools.partial(run_option, needs_stack=False)
"""--run, where no stack need have been started there."""
at_once_option = click.option(
    "--at-once",
    type=click.IntRange(1, AT_ONCE_MAX),
    default=4,
    show_default=True,
    help="Requests on their way to the gateway at a time.",
)
stored_option = click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What an earlier run wrote by --json: say how each figure changed, row by row.",
)
html_option = click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write tables and plots into this file, one page that loads nothing.",
)


def report(
    kind: str,
    sets: Sequence[SetOutcome],
    choice: Choice,
    about: Mapping[str, Any],
    as_json: bool,
    html: Path | None = None,
) -> None:
    """Print what was found, and write a page of it; first what can't be lost to a full disk."""
    about = {"seed": choice.seed, "half": choice.half, **about}
    if as_json:
        print_json(document(kind, sets, about))
    else:
        show_sets(sets, console())
    if html is not None:
        from evals.html_report import write_report

        write_report(html, kind, sets, about)


@contextlib.contextmanager
def counting(label: str) -> Iterator[Advancing]:
    """Show progress for a piece of work whose length is told later."""
    with contextlib.ExitStack() as stack:
        yield lambda total: stack.enter_context(progress_bar(total, label))


def files_at(places: Sequence[Path]) -> list[Path]:
    """List each file that was named, or that lies in a folder that was."""
    return [file for place in places for file in files_in(place)]


def evaluated(places: Sequence[Path], choice: Choice, evaluate: Evaluate) -> list[SetOutcome]:
    """Evaluate each file by itself."""
    sets = []
    for path in files_at(places):
        with counting(path.name) as advance:
            sets.append(evaluate(path, choice, advance))
    return sets
