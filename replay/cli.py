"""`playhead replay …`: verify, export and timeline on the command line."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import click
import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from replay.archive import ArchiveLog, export
from replay.log import BrokerLog, Log, Snapshot
from replay.verify import Report, Selection, Verifier, lanes_of, merged
from schemas import Event, EventRejected, Request
from streams.log.codec import Codec, Undecodable
from streams.operations.options import microseconds
from streams.operations.timeline import StepTime, timeline
from streams.running.world import Handler
from streams.settings import BadSetting, Settings
from streams.topics import DERIVED, REQUESTS, Topic

JOBS_FROM = 5_000  # records: below, starting processes takes longer than they save
SHOWN_MAX = 20  # differences printed on a terminal; --json has all


@click.group()
def replay() -> None:
    """Read the log again: verify it, export it, follow one request through it.

    \b
    Example:
      playhead replay verify
      playhead replay export /tmp/archive && playhead replay verify --archive /tmp/archive
    """


def open_log(archive: Path | None, settings: Settings) -> Log:
    """Open an archive, or the broker's log where none is named."""
    return ArchiveLog(archive) if archive else BrokerLog(settings)


def local_handlers(settings: Settings) -> tuple[dict[type[Request[Any]], Handler], Any]:
    """Return what executes local effects again, and the keyring that digests need.

    Raises BadSetting where there is no key store: a new one would open nothing.
    """
    if not settings.keyring_path.exists():
        raise BadSetting(
            f"no key store at {settings.keyring_path}: name the one that goes with this log "
            "(PLAYHEAD_RUN, or PLAYHEAD_KEYRING and PLAYHEAD_MASTER_KEY_FILE)"
        )
    from connectors.documents import Documents
    from connectors.keyring import Keyring

    keyring = Keyring(settings)
    handlers = {**keyring.handlers(), **Documents(settings).handlers()}
    local = {request: handler for request, handler in handlers.items() if request.EFFECT == "local"}
    return local, keyring


@replay.command()
@click.option("--archive", type=click.Path(path_type=Path, exists=True), help="Read this archive.")
@click.option("--tenant", help="Only this tenant's records.")
@click.option("--request", help="Only this request's records.")
@click.option("--since", callback=microseconds, help="Only records from this time on (ISO 8601).")
@click.option("--until", callback=microseconds, help="Only records before this time (ISO 8601).")
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=os.cpu_count() or 1,
    show_default="one a core",
    help="Processes; each takes whole lanes. A short log is verified in one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def verify(
    archive: Path | None,
    tenant: str | None,
    request: str | None,
    since: int | None,
    until: int | None,
    jobs: int,
    as_json: bool,
) -> None:
    """Recompute every record from its recorded input and effects, and compare the bytes.

    Exits 0 only if every record is equal. Asks no model and no index.

    \b
    Example:
      playhead replay verify --tenant acme --json
    """
    settings = Settings.load()
    selection = Selection(tenant, request, since, until)
    console = Console(stderr=True)
    log = open_log(archive, settings)
    try:
        derived = {topic.name for topic in DERIVED}
        extents = log.extents().values()
        total = sum(e.end - e.begin for e in extents if e.topic in derived)
        bar = Progress(
            SpinnerColumn(),
            TextColumn("verifying"),
            BarColumn(),
            TextColumn("{task.completed} of {task.total} records"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        task = bar.add_task("verify", total=total)
        if jobs > 1 and total >= JOBS_FROM:
            report = verify_side_by_side(log, archive, settings, selection, jobs, bar)
        else:
            local, keyring = local_handlers(settings)
            verifier = Verifier(
                log,
                local,
                keyring.digest_key,
                selection,
                lambda records: bar.update(task, completed=records),
            )
            with bar:
                report = asyncio.run(verifier.verify())
    finally:
        log.close()
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=1))
    else:
        show(report, Console())
    sys.exit(1 if report.diverged else 0)


def verify_side_by_side(
    log: Log,
    archive: Path | None,
    settings: Settings,
    selection: Selection,
    jobs: int,
    bar: Progress | None = None,
) -> Report:
    """Verify lanes in processes of their own, all over the same moment of the log.

    The bar's first task advances as lanes are done; it must not have been started, since it draws
    in a thread.
    """
    snapshot = log.snapshot if isinstance(log, BrokerLog) else None
    lanes = sorted(lanes_of(log), key=lambda lane: -_size(log, lane))
    began = time.perf_counter()
    with ProcessPoolExecutor(min(jobs, len(lanes)), mp_context=_children()) as pool:
        running = [
            pool.submit(_verify_lane, archive, snapshot, settings, selection, lane)
            for lane in lanes
        ]
        with bar or nullcontext():
            for done in as_completed(running):
                records = done.result().records
                if bar is not None:
                    bar.advance(bar.task_ids[0], records)
    report = merged([future.result() for future in running])
    report.seconds = time.perf_counter() - began
    return report


def _children() -> BaseContext:
    """Fork where this is the only thread: then children begin with all that was imported.

    Threads don't survive a fork, and what they had locked stays locked: librdkafka's own, say.
    """
    alone = psutil.Process().num_threads() == 1
    return multiprocessing.get_context("fork" if alone else "spawn")


def _size(log: Log, lane: int) -> int:
    return sum(e.end - e.begin for e in log.extents().values() if e.partition == lane)


def _verify_lane(
    archive: Path | None,
    snapshot: Snapshot | None,
    settings: Settings,
    selection: Selection,
    lane: int,
) -> Report:
    log: Log = ArchiveLog(archive) if archive else BrokerLog(settings, snapshot)
    try:
        local, keyring = local_handlers(settings)
        return asyncio.run(Verifier(log, local, keyring.digest_key, selection).verify([lane]))
    finally:
        log.close()


def show(report: Report, console: Console) -> None:
    """Print a report for people."""
    rate = report.records / report.seconds if report.seconds else 0
    if report.diverged:
        verdict = "[red]DIVERGED[/red]"
    elif report.erased:
        verdict = "[green]every record is equal or erased[/green]"
    else:
        verdict = "[green]every record is equal[/green]"
    console.print(
        f"{verdict}: {report.records} records, {report.equal} equal, "
        f"{len(report.diverged)} diverged, {report.erased} erased, "
        f"{report.superseded} superseded; {report.inputs} steps run again, "
        f"{report.model_calls} model calls, {report.seconds:.1f} s ({rate:,.0f} records/s)",
        highlight=False,
    )
    if report.pending:
        console.print(f"{report.pending} inputs are still being worked on", highlight=False)
    for entry in report.diverged[:SHOWN_MAX]:
        console.print(
            f"  {entry.topic}[{entry.partition}]@{entry.offset} ({entry.step}) {entry.reason}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    if len(report.diverged) > SHOWN_MAX:
        console.print(f"  … and {len(report.diverged) - SHOWN_MAX} more: --json lists all")


@replay.command("export")
@click.argument("target", type=click.Path(path_type=Path, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def export_command(target: Path, as_json: bool) -> None:
    """Copy the log into TARGET, a new folder: container files and a manifest.

    \b
    Example:
      playhead replay export /tmp/archive
    """
    log = BrokerLog(Settings.load())
    try:
        manifest = export(log, target)
    finally:
        log.close()
    records = sum(entry["records"] for entry in manifest["files"])
    if as_json:
        click.echo(
            json.dumps(
                {"archive": str(target), "records": records, "files": len(manifest["files"])}
            )
        )
    else:
        click.echo(f"{records} records in {len(manifest['files'])} files: {target}")


def events_of(log: Log, request: str) -> list[Event]:
    """Read every record of a request; raises LookupError where there is none."""
    codec = Codec(log.ids)
    wanted = {topic.name for topic in (*REQUESTS, *DERIVED, Topic(EventRejected))}
    needle = request.encode()
    found: list[Event] = []
    for topic, partition in sorted(log.extents()):
        if topic not in wanted:
            continue
        for stored in log.records(topic, partition):
            if stored.value is None or needle not in stored.value:
                continue
            try:
                event = codec.decode_any(stored.value)
            except Undecodable:
                continue
            if isinstance(event, Event) and event.meta.request == request:
                found.append(event)
    if not found:
        raise LookupError(f"no record of request {request}: it is the request_id of an answer")
    return found


@replay.command("timeline")
@click.argument("request")
@click.option("--archive", type=click.Path(path_type=Path, exists=True), help="Read this archive.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def timeline_command(request: str, archive: Path | None, as_json: bool) -> None:
    """Follow REQUEST from the edge to its last record: queueing, running and effects of each step.

    \b
    Example:
      playhead replay timeline 5b0f2e0e-6a55-5ab4-9d56-0c2f3f1a2b3c
    """
    log = open_log(archive, Settings.load())
    try:
        runs = timeline(events_of(log, request))
    finally:
        log.close()
    if as_json:
        steps = [run.as_json() for run in runs]
        click.echo(json.dumps({"request_id": request, "steps": steps}, indent=1))
    else:
        Console().print(timeline_table(runs))


def timeline_table(runs: list[StepTime]) -> Table:
    """Lay a timeline out for a terminal; later runs of a step, over later batches, share a row."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, justify in (
        ("at", "right"),
        ("step", "left"),
        ("queued", "right"),
        ("running", "right"),
        ("records", "right"),
        ("effects (ms)", "left"),
    ):
        table.add_column(name, justify=justify, no_wrap=name != "effects (ms)")  # type: ignore[arg-type]
    start = runs[0].began_us if runs else 0
    first: dict[str, StepTime] = {}
    for run in runs:
        first.setdefault(run.step, run)
    for step, run in first.items():
        later = [other for other in runs if other.step == step and other is not run]
        _timeline_row(table, f"+{(run.began_us - start) / 1000:.1f} ms", step, [run])
        if later:
            at = f"to {(max(other.ended_us for other in later) - start) / 1000:.1f} ms"
            _timeline_row(table, at, f"{step} ({len(later)} more)", later)
    return table


def _timeline_row(table: Table, at: str, name: str, runs: list[StepTime]) -> None:
    """Add a row: times of one run, or the means of several and the sums of their effects."""
    effects: dict[str, tuple[float, int]] = {}
    for run in runs:
        for effect in run.effects:
            took, parts = effects.get(effect.kind, (0.0, 0))
            effects[effect.kind] = (took + effect.took_us / 1000, parts + effect.parts)
    again = max(run.attempt for run in runs)
    mean = "" if len(runs) == 1 else "⌀ "
    table.add_row(
        at,
        name + (f" (attempt {again})" if again > 1 else ""),
        f"{mean}{sum(run.queued_us for run in runs) / len(runs) / 1000:.1f} ms",
        f"{mean}{sum(run.took_us for run in runs) / len(runs) / 1000:.1f} ms",
        str(sum(run.records for run in runs)),
        ", ".join(
            f"{kind} {took:.1f}" + (f" ({parts} parts)" if parts > len(runs) else "")
            for kind, (took, parts) in effects.items()
        ),
    )
