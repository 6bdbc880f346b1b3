"""`playhead replay rebuild`: another generation of the index from the log, swapped in and back."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from replay.archive_places import ArchiveParameter, ArchivePlace, absolute
from replay.log import BrokerLog
from replay.rebuild.recall import Recalls
from replay.rebuild.tables_cli import tables
from streams.operations.options import Group, NumberRange, run_option
from streams.operations.printing import console, counted
from streams.settings import Settings

RATE = 500.0  # chunks a second: the index takes some thousand where nothing else is asked of it
RATE_MAX = 1_000_000.0
GENERATIONS_MAX = 1_000_000

if TYPE_CHECKING:  # it imports Weaviate's client, which takes half a second
    from replay.rebuild.rebuilding import Rebuilding

ResultT = TypeVar("ResultT")

into_option = click.option(
    "--into",
    type=click.IntRange(1, GENERATIONS_MAX),
    metavar="NUMBER",
    help="The generation. Default: the one that was begun, else a new one.",
)
rate_option = click.option(
    "--rate",
    type=NumberRange(0, RATE_MAX),
    default=RATE,
    show_default=True,
    help="Chunks written a second, so that live traffic is not kept waiting; 0 for all there are.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on stdout."
)


class Bar:
    """A bar on a terminal, and a line on stderr for what is waited for."""

    def __init__(self, what: str, of: str = "records") -> None:
        self._console: Console = console(stderr=True)
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn(what),
            BarColumn(),
            TextColumn(f"{{task.completed:,}} of {{task.total:,}} {of}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task: TaskID = self.progress.add_task(what, total=0)
        self._said = ""

    def update(self, done: int, total: int) -> None:
        """Show how far it is."""
        self.progress.update(self._task, completed=done, total=total)

    def waiting(self, why: str) -> None:
        """Say once what is waited for, and that it goes on."""
        if why != self._said:
            self._said = why
            self._console.print(
                f"waiting: {why}" if why else "it goes on", markup=False, highlight=False
            )


def ran(main: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
    """Run to the end; errors of the index are told in one line.

    One that is away leads to another exit status than one that refuses, so it stays the cause.
    """
    from agents.errors import Permanent, Transient

    try:
        return asyncio.run(main())
    except* (Permanent, Transient) as errors:
        error: BaseException = errors
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        failed = error
    raise click.ClickException(str(failed)) from failed


@click.group(cls=Group, invoke_without_command=True)
@click.option(
    "--archive",
    type=ArchiveParameter(),
    help="Fill it from this archive, instead of the broker.",
)
@click.option("--tenant", help="Only this tenant's documents; such a one can't be swapped in.")
@into_option
@click.option("--embedder", default="", help="Embed all texts anew with this model of Triton.")
@rate_option
@click.option("--follow", is_flag=True, help="Keep it up to date, until this is stopped.")
@run_option
@json_option
@click.pass_context
def rebuild(
    context: click.Context,
    archive: ArchivePlace | None,
    tenant: str | None,
    into: int | None,
    embedder: str,
    rate: float,
    follow: bool,
    run: Path | None,
    as_json: bool,
) -> None:
    """Build another generation of the index from the log, beside the one that answers.

    Vectors come from the record: no model is asked, unless --embedder names one. Whatever stops
    it, the same command goes on where it was. Then compare it, swap it in, and back if need be.

    \b
    Example:
      playhead replay rebuild --rate 200
      playhead replay rebuild compare && playhead replay rebuild swap
    """
    if context.invoked_subcommand is not None:
        return
    if archive is not None and follow:
        raise click.UsageError("an archive does not grow: leave --follow out, or --archive")
    from connectors.weaviate.build_states import BuildState

    wanted = BuildState(
        generation=into or 0,
        tenant=tenant or "",
        archive=absolute(archive) if archive else "",
        embedder=embedder,
    )
    bar, began = Bar("building"), time.monotonic()
    settings = Settings.load(run=run)
    with bar.progress:
        told = ran(lambda: _rebuilding(settings, bar, rate).fill(wanted, follow=follow))
    report = {**told, "seconds": round(time.monotonic() - began, 3)}
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    click.echo(
        f"generation {report['generation']} holds all of the log: "
        f"{counted(report['records'], 'record')} with {counted(report['chunks'], 'chunk')} written "
        f"in {report['seconds']:.1f} s; next: playhead replay rebuild compare"
    )


rebuild.add_command(tables)


@rebuild.command("status")
@run_option
@json_option
def status_command(run: Path | None, as_json: bool) -> None:
    """List the generations: which answers, and how far the others are built.

    \b
    Example:
      playhead replay rebuild status --json
    """
    settings = Settings.load(run=run)
    told = ran(lambda: _rebuilding(settings).told())
    if as_json:
        click.echo(json.dumps({"generations": told}, indent=1))
        return
    for one in told:
        click.echo(f"{one['generation']:>3}  {one['index']}  {one['state']}")


@rebuild.command("compare")
@into_option
@click.option("--tenant", help="Only this tenant's objects.")
@rate_option
@run_option
@json_option
def compare_command(
    into: int | None, tenant: str | None, rate: float, run: Path | None, as_json: bool
) -> None:
    """Compare a generation with the one in force: a digest a tenant, and the first difference.

    Brings it up to date first. Exits 1 where they differ.

    \b
    Example:
      playhead replay rebuild compare --tenant acme
    """
    settings, bar = Settings.load(run=run), Bar("catching up")
    with bar.progress:
        made = ran(lambda: _rebuilding(settings, bar, rate).compare(into, tenant))
    if as_json:
        click.echo(json.dumps(made.as_json(), indent=1))
    else:
        one, other = made.generations
        for name, told in made.tenants.items():
            first, second = (digest.hexdigest()[:12] for digest in told.digests)
            verdict = f"{told.different} different" if told.different else "equal"
            click.echo(f"{name}: {told.objects[0]:,} objects {first}, {told.objects[1]:,} {second}")
            click.echo(f"  {verdict}")
        if made.differences:
            kind, identity, reason = made.differences[0][1:]
            click.echo(
                f"first difference: {made.differences[0].tenant} {kind} {identity}: {reason}"
            )
        word = "are equal" if made.equal else "differ"
        click.echo(f"generations {one} and {other} {word}")
    sys.exit(0 if made.equal else 1)


@rebuild.command("swap")
@into_option
@rate_option
@run_option
@json_option
def swap_command(into: int | None, rate: float, run: Path | None, as_json: bool) -> None:
    """Put a generation in force: it catches up, writes wait for some seconds, nothing is missed.

    Refused for one that is incomplete, of one tenant alone, or of another embedder.

    \b
    Example:
      playhead replay rebuild swap
    """
    _swapped(run, rate, as_json, into, back=False)


@rebuild.command("roll-back")
@rate_option
@run_option
@json_option
def roll_back_command(rate: float, run: Path | None, as_json: bool) -> None:
    """Put the generation before in force again; it catches up first, as at a swap.

    \b
    Example:
      playhead replay rebuild roll-back
    """
    _swapped(run, rate, as_json, None, back=True)


def _swapped(run: Path | None, rate: float, as_json: bool, into: int | None, *, back: bool) -> None:
    settings, bar = Settings.load(run=run), Bar("catching up")
    with bar.progress:
        old, new = ran(lambda: _rebuilding(settings, bar, rate).swap(into, back=back))
    if as_json:
        click.echo(json.dumps({"before": old, "in_force": new}, indent=1))
        return
    click.echo(
        f"generation {new} is in force, {old} stays beside it; "
        + (
            "playhead replay rebuild swap puts it back"
            if back
            else "playhead replay rebuild roll-back undoes it"
        )
    )


@rebuild.command("recall")
@into_option
@click.option("--tenant", help="Only this tenant's questions.")
@click.option(
    "--k", type=click.IntRange(1, 1_000), default=10, show_default=True, help="Passages compared."
)
@click.option(
    "--sample",
    type=click.IntRange(1, 100_000),
    default=200,
    show_default=True,
    help="Questions of the log at most; always the same ones.",
)
@run_option
@json_option
def recall_command(
    into: int | None, tenant: str | None, k: int, sample: int, run: Path | None, as_json: bool
) -> None:
    """Search for recorded questions in a generation and in the one in force, side by side.

    Tells how much of the first passages both find, and how much each finds of what answers cited.

    \b
    Example:
      playhead replay rebuild recall --k 10
    """
    settings, bar = Settings.load(run=run), Bar("searching", "questions")
    with bar.progress:
        (one, other), made = ran(lambda: _recalls(settings, bar, into, tenant, k, sample))
    if as_json:
        click.echo(json.dumps({"generations": [one, other], **made.as_json()}, indent=1))
        return
    click.echo("\n".join(recalls_told((one, other), made)))


def recalls_told(numbers: tuple[int, int], made: Recalls) -> list[str]:
    """Spell recalls for people, a line each."""
    one, other = numbers
    lines = [f"overlap@{made.k}: {_mean(made.overlap)}"]
    for name, (first, second) in (("cited", made.cited), ("cited, judged right", made.right)):
        lines.append(f"recall@{made.k} of {name}: {one} {_mean(first)}; {other} {_mean(second)}")
    return lines


async def _recalls(
    settings: Settings, bar: Bar, into: int | None, tenant: str | None, k: int, sample: int
) -> tuple[tuple[int, int], Recalls]:
    from connectors.triton import Triton

    async with AsyncExitStack() as stack:
        log, triton = BrokerLog(settings), Triton(settings)
        stack.callback(log.close)
        stack.push_async_callback(triton.close)
        return await _rebuilding(settings, bar).recalls(into, tenant, k, sample, log, triton)


def _rebuilding(settings: Settings, bar: Bar | None = None, rate: float = 0) -> Rebuilding:
    from replay.rebuild.filler import FillWatch
    from replay.rebuild.rebuilding import Rebuilding

    watch = FillWatch(bar.update, bar.waiting) if bar else FillWatch()
    made: type[Rebuilding] = click.get_current_context().find_root().obj or Rebuilding
    return made(settings, watch, rate)


def _mean(mean: Any) -> str:
    told = mean.as_json()
    if told["mean"] is None:
        return "no question"
    return f"{told['mean']:.3f} ({counted(told['queries'], 'question')})"


@rebuild.command("drop")
@click.argument("generation", type=click.IntRange(1, GENERATIONS_MAX))
@run_option
@json_option
def drop_command(generation: int, run: Path | None, as_json: bool) -> None:
    """Delete a generation that is not in force, with all that it holds.

    \b
    Example:
      playhead replay rebuild drop 1
    """
    settings = Settings.load(run=run)
    ran(lambda: _rebuilding(settings).drop(generation))
    click.echo(
        json.dumps({"dropped": generation}) if as_json else f"generation {generation} is gone"
    )
