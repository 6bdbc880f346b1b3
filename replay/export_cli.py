"""`playhead replay export`: copy the log into an archive."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import click

from replay.archive_in_bucket import bucket_files
from replay.archive_places import ArchiveParameter, ArchivePlace
from replay.export import export
from replay.log import BrokerLog
from replay.progress_bar import records_bar
from replay.seal.seal_folder import SealFolder
from streams.operations.options import run_option
from streams.operations.printing import counted
from streams.settings import Settings


@click.command("export")
@click.argument("target", type=ArchiveParameter(exists=False))
@click.option("--since-last", is_flag=True, help="Add to an archive what was written since.")
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def export_command(target: ArchivePlace, since_last: bool, run: Path | None, as_json: bool) -> None:
    """Copy the log into TARGET, a new folder or s3://bucket/prefix: Avro files and a manifest.

    Takes the log as it stands at the beginning, while writing goes on. One that was cut off goes on
    when it is called again; until it is through, an archive stays as it was.

    \b
    Example:
      playhead replay export /tmp/archive
      playhead replay export /tmp/archive --since-last
      playhead replay export s3://backups/playhead
    """
    settings = Settings.load(run=run)
    with closing(BrokerLog(settings)) as log:
        total = sum(extent.end - extent.begin for extent in log.extents().values())
        with records_bar("exporting", total) as progress:
            manifest = export(
                log,
                target if isinstance(target, Path) else bucket_files(settings, target),
                progress,
                sealed=SealFolder(settings.seal_path),
                since_last=since_last,
                cluster=log.cluster,
            )
    records = sum(entry["records"] for entry in manifest["files"])
    if as_json:
        click.echo(
            json.dumps(
                {"archive": str(target), "records": records, "files": len(manifest["files"])}
            )
        )
    else:
        files = counted(len(manifest["files"]), "file")
        click.echo(f"{counted(records, 'record')} in {files}: {target}")
