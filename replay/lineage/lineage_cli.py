"""`playhead replay lineage`: OpenLineage events of what the log holds, once or followed."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import click

from replay.archive import ArchiveLog
from replay.archive_places import ArchivePlace, archive_option
from replay.lineage.lineage_delivery import LineageDelivery
from replay.lineage.lineage_sender import LineageNotTaken
from replay.lineage.lineage_walk import LineageWalk
from replay.log import BrokerLog, Log
from replay.opening_logs import open_log
from replay.seal.signing_key import log_name
from replay.what_is_away import AWAY
from streams.operations.options import NumberRange, microseconds, run_option
from streams.settings import Settings

KEY_BYTES_MAX = 10_000


@click.command("lineage")
@archive_option
@click.option(
    "--lineage",
    "url",
    metavar="URL",
    help="Collector, such as Marquez; events go to URL/api/v1/lineage. Without one they are "
    "printed, one a line.",
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with the collector's key, sent as bearer token.",
)
@click.option(
    "--since",
    callback=microseconds,
    metavar="TIME",
    help="Only what was asked or handed in at or after this time (ISO 8601).",
)
@click.option(
    "--every",
    type=NumberRange(1, 86_400),
    help="Go on, and look again after so many seconds.",
)
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def lineage_command(
    archive: ArchivePlace | None,
    url: str | None,
    key_file: Path | None,
    since: int | None,
    every: float | None,
    run: Path | None,
    *,
    as_json: bool,
) -> None:
    """Tell which documents came in, and which answers rest on them, as OpenLineage events.

    A document handed in is a run of the job `ingest`, a question one of `answer`: START, then
    COMPLETE, FAIL or ABORT. Ids and times follow from the records, so it may be told again, as
    often as wanted. No text and nobody's name is in it.

    \b
    Example:
      playhead replay lineage --lineage http://127.0.0.1:5000 --every 30
      playhead replay lineage --archive /tmp/archive > events.jsonl
    """
    if every is not None and archive is not None:
        raise click.UsageError("an archive does not grow: --every is for the log on the broker")
    _check_address(url, key_file)
    settings = Settings.load(run=run)
    key = _key_in(key_file)
    walk: LineageWalk | None = None
    delivery = LineageDelivery(url, key, as_json=as_json)
    while True:
        try:
            with closing(open_log(archive, settings)) as log:
                walk = walk or LineageWalk(_name_of(log), since)
                with closing(walk.events(log)) as events:
                    delivery.hand_over(events)
        except (*AWAY, LineageNotTaken) as error:
            if every is None:
                raise
            click.echo(f"not told: {error}; again in {every:g} s", err=True)
        if every is None:
            return
        time.sleep(every)


def _name_of(log: Log) -> str:
    """Name the log by its cluster, as its seal does."""
    if isinstance(log, ArchiveLog):
        return log_name(log.manifest.cluster or "archive")
    return log_name(log.cluster if isinstance(log, BrokerLog) else "unknown")


def _check_address(url: str | None, key_file: Path | None) -> None:
    if url is None:
        if key_file is not None:
            raise click.UsageError("--key-file is for a collector: --lineage URL")
        return
    try:
        parts = urlsplit(url)
        plain = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        plain = False
    if not plain:
        raise click.UsageError(f"{url[:200]!r} is no address of a collector: http://HOST:5000, say")


def _key_in(key_file: Path | None) -> str:
    if key_file is None:
        return ""
    with key_file.open("rb") as file:
        key = file.read(KEY_BYTES_MAX + 1).decode("ascii", errors="replace").strip()
    if not key or len(key) > KEY_BYTES_MAX or not key.isascii() or not key.isprintable():
        raise click.UsageError(f"{key_file} holds no key, which is one line")
    return key
