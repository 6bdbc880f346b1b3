"""`playhead replay debug`: a step of a recorded request under a debugger."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click

from replay.archive_places import ArchivePlace, archive_option
from replay.configurations import Configurations
from replay.debugging.debuggers import AttachedEditor, Debugger, DebuggerLeft, Pdb
from replay.debugging.recorded_attempts import RecordedAttempt, attempts_on
from replay.debugging.watched_run import RunWatch
from replay.debugging.workbench import Workbench
from replay.local_effects import local_handlers
from replay.log import Log
from replay.report import Report
from streams.delivery.history import NUMBER_MAX
from streams.log.codec import Codec
from streams.operations.options import run_option
from streams.operations.printing import console, counted
from streams.settings import Settings
from streams.topics import STEPS

OFFSET_MAX = 2**63 - 1  # of Kafka


@click.command()
@click.argument("request")
@click.option(
    "--step",
    type=click.Choice([step.name for step in STEPS]),
    help="Run this step. Without it, the first that does not come to its record any more.",
)
@click.option("--attempt", type=click.IntRange(1, NUMBER_MAX), help="Which run over an input.")
@click.option(
    "--offset", type=click.IntRange(0, OFFSET_MAX), help="Which input, where a step had several."
)
@click.option("--go-on", is_flag=True, help="Stop at the first difference, and not at the start.")
@click.option(
    "--listen",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Wait for an editor at this port of this machine (debugpy) instead of asking here (pdb).",
)
@archive_option
@run_option
def debug(
    request: str,
    step: str | None,
    attempt: int | None,
    offset: int | None,
    go_on: bool,
    listen: int | None,
    archive: ArchivePlace | None,
    run: Path | None,
) -> None:
    """Run a step of REQUEST again under a debugger, on the effects that the log holds.

    Each effect is printed as it is answered, each record as it is yielded. The debugger stops where
    the step begins, and at the first line that asks for something else than the record or yields
    something else. Asks no model and no index, and writes nothing; it shows personal data to who
    has the key store. Exits as `playhead replay verify` does, and 0 where the debugger is left.

    \b
    Example:
      playhead replay debug 5b0f2e0e-6a55-5ab4-9d56-0c2f3f1a2b3c --step rewrite
    """
    from replay.opening_logs import open_log

    settings = Settings.load(run=run)
    with closing(open_log(archive, settings)) as log:
        bench = workbench_of(log, settings)
        found = attempts_on(log, bench.codec, request)
        chosen = _chosen(bench, found, step, attempt, offset)
        debugger: Debugger = Pdb(nosigint=True) if listen is None else AttachedEditor(listen)
        status = _debugged(bench, chosen, debugger, from_start=not go_on)
    raise SystemExit(status)


def workbench_of(log: Log, settings: Settings) -> Workbench:
    """Return where attempts of a log are run again with the key store and the readers of here."""
    codec = Codec(log.ids)
    local, keyring = local_handlers(settings)
    return Workbench(codec, local, keyring.digest_key, Configurations(log, codec).values)


def _chosen(
    bench: Workbench,
    found: Sequence[RecordedAttempt],
    step: str | None,
    attempt: int | None,
    offset: int | None,
) -> RecordedAttempt:
    """Choose the attempt to run; raises UsageError where none fits, or several do."""
    fitting = [
        one
        for one in found
        if step in {None, one.step.name}
        and attempt in {None, one.number}
        and offset in {None, one.given.offset}
    ]
    if not fitting:
        raise click.UsageError(f"no run of it fits: {_listed(found)}")
    if len(fitting) == 1:
        return fitting[0]
    for one in fitting:
        if not asyncio.run(bench.comes_to_its_record(one)):
            return one
    if step is None:
        raise click.UsageError(
            f"every step of it comes to its record; choose one by --step: {_listed(found)}"
        )
    return next((one for one in fitting if not one.attempt.superseded), fitting[-1])


def _listed(found: Sequence[RecordedAttempt]) -> str:
    return f"the log holds {'; '.join(map(str, found))}" if found else "the log holds none"


def _debugged(
    bench: Workbench, chosen: RecordedAttempt, debugger: Debugger, *, from_start: bool
) -> int:
    """Run an attempt under a debugger; return the status to exit with."""
    out = console(highlight=False, markup=False)
    out.print(str(chosen))
    watch = RunWatch(
        chosen.attempt.outcomes,
        bench.difference,
        debugger,
        out,
        from_start=from_start,
    )
    # not asyncio.run: it takes the first Ctrl-C for itself, and a prompt would hang
    loop = asyncio.new_event_loop()
    try:
        report = loop.run_until_complete(bench.report(chosen, watch))
    except DebuggerLeft:
        out.print("left: nothing is said of its records")
        return 0
    finally:
        debugger.leave()
        loop.close()
    out.print(_verdict(report))
    return report.status


def _verdict(report: Report) -> str:
    if entries := [*report.diverged, *report.unverifiable]:
        return entries[0].reason
    if report.erased:
        return f"{counted(report.erased, 'record')} can't be computed: a key was destroyed"
    return f"{counted(report.records, 'record')} as on the log"
