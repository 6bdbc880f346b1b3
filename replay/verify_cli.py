"""`playhead replay verify`: recompute the log, and compare."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import closing
from pathlib import Path

import click

from replay.archive_places import ArchivePlace, and_log_option, archive_option, check_and_log
from replay.local_effects import local_handlers
from replay.log import Log
from replay.opening_logs import open_log
from replay.progress_bar import new_bar
from replay.report import Report
from replay.selection import Selection, nothing
from replay.side_by_side import may_share_locks, verify_side_by_side
from replay.terminal import show
from replay.verify import Verifier
from replay.what_is_away import AWAY, found_before
from streams.operations.options import microseconds, run_option
from streams.operations.printing import console
from streams.settings import Settings
from streams.topics import DERIVED

JOBS_FROM = 5_000  # records: below, starting processes takes longer than they save


@click.command()
@archive_option
@and_log_option
@click.option("--tenant", help="Only this tenant's inputs.")
@click.option("--request", help="Only this request's inputs.")
@click.option("--since", callback=microseconds, help="Only inputs from this time on (ISO 8601).")
@click.option("--until", callback=microseconds, help="Only inputs before this time (ISO 8601).")
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=os.cpu_count() or 1,
    show_default="one a core",
    help="Processes; each takes whole lanes. A short log is verified in one, and any log is where "
    "nothing can be written.",
)
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def verify(
    archive: ArchivePlace | None,
    and_log: bool,
    tenant: str | None,
    request: str | None,
    since: int | None,
    until: int | None,
    jobs: int,
    run: Path | None,
    as_json: bool,
) -> None:
    """Recompute every record from its recorded input and effects, and compare the bytes.

    Selects inputs: all their outcomes go with them. Exits 0 only if every record is the outcome of
    its input; 1 if one is not, or can't be read, or the log does not lie as it was written; 2 for
    wrong usage, and where nothing was selected; 3 if nothing differs and something could not be
    verified here, for lack of a key, a tokenizer, time, or a broker that answers. Asks no model and
    no index, makes no key and writes no file but copies of an archive in a bucket.

    \b
    Example:
      playhead replay verify --tenant acme --json
      playhead replay verify --archive /backup/log --and-log
    """
    check_and_log(archive, and_log=and_log)
    settings = Settings.load(run=run)
    selection = Selection(tenant, request, since, until)
    with closing(open_log(archive, settings, and_log=and_log)) as log:
        report = _verified(log, archive, settings, selection, jobs)
    if report.empty:
        raise click.UsageError(nothing(selection))
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=1))
    else:
        show(report, console())
    sys.exit(report.status)


def processes_for(log: Log, jobs: int) -> int:
    """Return how many processes verify a log, of so many that may."""
    worth_it = jobs > 1 and _derived_records(log) >= JOBS_FROM
    return jobs if worth_it and may_share_locks() else 1


def _derived_records(log: Log) -> int:
    derived = {topic.name for topic in DERIVED}
    return sum(e.end - e.begin for e in log.extents().values() if e.topic in derived)


def _verified(
    log: Log, archive: ArchivePlace | None, settings: Settings, selection: Selection, jobs: int
) -> Report:
    """Verify with a bar on a terminal: a long log in several processes, a short one here."""
    bar = new_bar("verifying")
    task = bar.add_task("verify", total=_derived_records(log))
    if processes_for(log, jobs) > 1:
        return verify_side_by_side(log, archive, settings, selection, jobs, bar)
    local, keyring = local_handlers(settings)

    def progress(records: int) -> None:
        bar.update(task, completed=records)

    verifier = Verifier(log, local, keyring.digest_key, selection, progress)
    with bar:
        try:
            return asyncio.run(verifier.verify())
        except AWAY as error:
            return found_before(verifier.report, error)
