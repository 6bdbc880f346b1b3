"""`playhead replay import` on the command line."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import click

from replay.archive_places import ArchiveParameter, ArchivePlace
from replay.importing.importing import FILL_MAX, import_archive, offsets_of
from replay.opening_logs import open_archive
from replay.progress_bar import records_bar
from streams.operations.options import run_option
from streams.operations.printing import counted
from streams.settings import Settings

OFFSET_MAX = 2**63 - 1


@click.command("import")
@click.argument("source", type=ArchiveParameter())
@click.option(
    "--fill-max",
    type=click.IntRange(0, OFFSET_MAX),
    default=FILL_MAX,
    show_default=True,
    help="Offsets without a record that may be filled: each takes as long as a record.",
)
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def import_command(source: ArchivePlace, fill_max: int, run: Path | None, as_json: bool) -> None:
    """Copy the archive SOURCE into an empty broker and registry, and compare what lies there then.

    Order, offsets, ids, keys, headers, timestamps and bytes are kept, gaps between offsets too. One
    that was cut off goes on when it is called again. A cluster that holds other records is refused,
    and nothing of it changes.

    \b
    Example:
      playhead up --detach --run /tmp/new --only kafka,registry --no-setup
      playhead replay import /tmp/archive --run /tmp/new
      playhead replay verify --run /tmp/new
    """
    settings = Settings.load(run=run)
    began_s = time.monotonic()
    with (
        closing(open_archive(source, settings)) as archive,
        records_bar("importing", offsets_of(archive), "offsets") as progress,
    ):
        done = import_archive(archive, settings, progress, fill_max=fill_max)
    if as_json:
        seconds = round(time.monotonic() - began_s, 3)
        click.echo(json.dumps({"archive": str(source), **asdict(done), "seconds": seconds}))
        return
    click.echo(
        f"{counted(done.records, 'record')} as they lay, {done.written:,} of them written now: "
        f"{settings.kafka}"
    )
