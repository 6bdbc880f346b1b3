"""`playhead replay rebuild tables`: the steps' tables from the log, compared, and put right."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replay.archive_places import ArchiveParameter, ArchivePlace
from replay.log import Log
from replay.opening_logs import open_log
from replay.progress_bar import records_bar
from replay.recorded_erasures import people_erased
from streams.log.offsets import OffsetReader, patiently
from streams.operations.options import Group, run_option
from streams.operations.printing import counted
from streams.settings import Settings
from streams.topics import STEPS, step, topic_of

if TYPE_CHECKING:  # they import Faust
    from replay.rebuild.table_comparison import TableReport
    from replay.rebuild.table_rebuilding import TableRebuilding
    from replay.rebuild.table_repair import RepairReport, TableRepair

STEP_OF = {table: one.name for one in STEPS for table in one.tables}
NAMES = sorted(STEP_OF)
HOSTS_S = 15.0  # for the broker to say who is a member of a group
NEXT = "stop the workers of these steps, then: playhead replay rebuild tables repair"

table_option = click.option(
    "--table",
    "tables",
    type=click.Choice(NAMES),
    multiple=True,
    help="Only this table; may be given several times.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on stdout."
)


@click.group(cls=Group, invoke_without_command=True)
@click.option(
    "--archive",
    type=ArchiveParameter(),
    help="Make them from this archive, instead of the broker's log.",
)
@table_option
@run_option
@json_option
@click.pass_context
def tables(
    context: click.Context,
    archive: ArchivePlace | None,
    tables: tuple[str, ...],
    run: Path | None,
    as_json: bool,
) -> None:
    """Make the steps' tables again from the log, and compare each row with its changelog.

    Inputs and recorded effects say what a table holds: no model is asked, nothing is written. Exits
    0 if all rows are as the log says; 1 if one is missing, different, or there and written by no
    run; 2 for wrong usage, and where there is no row; 3 if nothing differs and something could not
    be told here.

    \b
    Example:
      playhead replay rebuild tables --table sessions --json
    """
    if context.invoked_subcommand is not None:
        return
    settings = Settings.load(run=run)
    with _opening().rebuilding(settings, archive, tables) as rebuilding:
        report = asyncio.run(rebuilding.compare())
    if not (report.rows or report.lost):
        raise click.UsageError(
            "the log writes no row of these tables, and their changelogs have none"
        )
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=1))
    else:
        click.echo("\n".join(compared(report)))
    sys.exit(report.status)


@tables.command("repair")
@table_option
@run_option
@json_option
def repair_command(tables: tuple[str, ...], run: Path | None, as_json: bool) -> None:
    """Write the rows that are not as the log says anew, while the steps stand still.

    Refused while a worker runs a step of theirs. What is replaced is kept beside the changelog, and
    roll-back puts it back. Exits as the comparison of afterwards.

    \b
    Example:
      playhead replay rebuild tables repair --table sessions
    """
    settings = Settings.load(run=run)
    opening = _opening()
    with (
        opening.rebuilding(settings, None, tables) as rebuilding,
        opening.repair(settings) as repair,
    ):
        report = _told(lambda: asyncio.run(repair.repair(rebuilding)))
    assert report.after is not None
    _show(report, as_json, "put right", compared(report.after))
    sys.exit(report.after.status)


@tables.command("roll-back")
@table_option
@run_option
@json_option
def roll_back_command(tables: tuple[str, ...], run: Path | None, as_json: bool) -> None:
    """Put back what repairs replaced, where nobody has written since; the steps stand still.

    \b
    Example:
      playhead replay rebuild tables roll-back
    """
    settings = Settings.load(run=run)
    people = _opening().erased(settings)
    with _opening().repair(settings) as repair:
        report = _told(lambda: repair.roll_back(tables or NAMES, people))
    _show(report, as_json, "put back", [])


@tables.command("drop")
@table_option
@run_option
@json_option
def drop_command(tables: tuple[str, ...], run: Path | None, as_json: bool) -> None:
    """Delete what repairs kept: nothing can be put back then.

    \b
    Example:
      playhead replay rebuild tables drop
    """
    settings = Settings.load(run=run)
    with _opening().repair(settings) as repair:
        dropped = repair.drop(tables or NAMES)
    if as_json:
        click.echo(json.dumps({"dropped": dropped}))
    else:
        click.echo("\n".join(f"{topic} is gone" for topic in dropped) or "nothing was kept")


def compared(report: TableReport) -> Iterator[str]:
    """Spell a comparison for people."""
    for name, verdicts in sorted(report.counts.items()):
        told = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(verdicts.items()))
        made, held = (digest.hexdigest()[:12] for digest in report.digests[name])
        yield f"{name}: {told}; {made} by the log, {held} in the changelog"
    for topic in report.lost:
        yield f"the broker has no topic {topic}"
    for one in report.differences:
        at = f"@{one.offset}" if one.offset >= 0 else ""
        yield (
            f"  {one.table}[{one.lane}]{at} {one.tenant} {one.scope}: {one.verdict}, {one.reason} "
            f"({one.made[:12] or 'no row'} by the log, {one.held[:12] or 'no row'} held)"
        )
    differing = report.count("missing", "extra", "different", "unverifiable")
    if differing > len(report.differences):
        yield f"  … and {differing - len(report.differences):,} more"
    if report.status == 1:
        yield f"the tables are not as the log says; {NEXT}"


def _show(report: RepairReport, as_json: bool, done: str, after: Any) -> None:
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=1))
        return
    for name in sorted({*report.written, *report.left}):
        left = f", {report.left[name]:,} left as they are" if name in report.left else ""
        click.echo(f"{name}: {counted(report.written.get(name, 0), 'row')} {done}{left}")
    if not (report.written or report.left):
        click.echo("nothing was to be done")
    for line in after:
        click.echo(line)
    if report.kept:
        click.echo(
            f"what was there is kept in {', '.join(report.kept)}: start the workers; "
            "`roll-back` puts it back, `drop` deletes it"
        )


class TableOpening:
    """Opens what makes tables again, and what writes them; a test gives another one to the verb."""

    @contextmanager
    def rebuilding(
        self, settings: Settings, archive: ArchivePlace | None, names: Sequence[str]
    ) -> Iterator[TableRebuilding]:
        """Open a log, and the changelogs of the broker."""
        from replay.rebuild.changelog_rows import Changelogs
        from replay.rebuild.table_rebuilding import TableRebuilding, log_to_make_of

        with closing(open_log(archive, settings)) as log:
            of = log_to_make_of(log, settings)
            with records_bar("making", _inputs_of(log, names or NAMES)) as progress:
                yield TableRebuilding(of, Changelogs(settings, of.codec), names or NAMES, progress)

    @contextmanager
    def repair(self, settings: Settings) -> Iterator[TableRepair]:
        """Open the changelogs for writing."""
        from confluent_kafka.admin import AdminClient

        from replay.rebuild.changelog_rows import Changelogs
        from replay.rebuild.table_repair import TableRepair
        from streams.log.broker_access import client_settings
        from streams.log.codec import Codec
        from streams.log.subjects import open_registry
        from streams.log.writing import Writer

        changelogs = Changelogs(settings, Codec(open_registry(settings)))
        admin = AdminClient({**client_settings(settings), "log_level": 0})
        with Writer(settings, "playhead-tables") as writer:
            yield TableRepair(settings, changelogs, writer, admin, hosts_by(settings))

    def erased(self, settings: Settings) -> AbstractSet[tuple[str, str]]:
        """Return who was erased, by the log: tenant and subject."""
        from streams.log.codec import Codec

        with closing(open_log(None, settings)) as log:
            return people_erased(log, Codec(log.ids))


def _opening() -> TableOpening:
    made: TableOpening = click.get_current_context().find_root().obj or TableOpening()
    return made


def _inputs_of(log: Log, names: Sequence[str]) -> int:
    read = {topic_of(record) for name in names for record in step(STEP_OF[name]).reads}
    return sum(one.end - one.begin for (topic, _), one in log.extents().items() if topic in read)


def hosts_by(settings: Settings) -> Callable[[Sequence[str]], dict[str, tuple[str, ...]]]:
    """Return what asks a broker for the members of groups; it raises NoAnswer."""

    async def ask(groups: Sequence[str]) -> dict[str, tuple[str, ...]]:
        async with OffsetReader(settings, HOSTS_S) as offsets:
            return await patiently(lambda: offsets.members(groups))

    def hosts(groups: Sequence[str]) -> dict[str, tuple[str, ...]]:
        # in a thread of its own: the caller stands on an event loop
        with ThreadPoolExecutor(1, "hosts") as thread:
            return thread.submit(asyncio.run, ask(groups)).result()

    return hosts


def _told(work: Callable[[], RepairReport]) -> RepairReport:
    from agents.errors import Permanent

    try:
        return work()
    except Permanent as error:
        raise click.ClickException(str(error)) from None
