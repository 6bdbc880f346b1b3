"""Verify a long log in several processes, lane by lane, all over the same moment of it.

What is of no lane is looked at when the lanes were read: how many rows each file of an archive
holds is known then, from whoever read it, so no file is read twice.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from multiprocessing.context import BaseContext
from typing import NamedTuple

import psutil
from rich.progress import Progress

from replay.archive import ArchiveLog
from replay.archive_places import ArchivePlace
from replay.joined_log import JoinedLog
from replay.local_effects import local_handlers
from replay.log import BrokerLog, Log, Snapshot
from replay.opening_logs import open_log
from replay.report import Report, merged
from replay.selection import Selection
from replay.verify import Verifier, lanes_of
from replay.what_is_away import AWAY, found_before
from streams.settings import Settings


def verify_side_by_side(
    log: Log,
    archive: ArchivePlace | None,
    settings: Settings,
    selection: Selection,
    jobs: int,
    bar: Progress | None = None,
) -> Report:
    """Verify lanes in processes of their own, all over the same moment of the log.

    The bar's first task advances as lanes are done; it must not have been started, since it draws
    in a thread.
    """
    broker = log.log if isinstance(log, JoinedLog) else log
    snapshot = broker.snapshot if isinstance(broker, BrokerLog) else None
    archived = log.archive if isinstance(log, JoinedLog) else log
    lanes = sorted(lanes_of(log), key=lambda lane: -_size(log, lane))
    began = time.perf_counter()
    with ProcessPoolExecutor(min(jobs, len(lanes)), mp_context=process_context()) as pool:
        running = [
            pool.submit(_verify_lane, (archive, snapshot), settings, selection, lane)
            for lane in lanes
        ]
        with bar or nullcontext():
            for done in as_completed(running):
                if done.exception() is not None:
                    continue
                report, files = done.result()
                if isinstance(archived, ArchiveLog):
                    archived.read |= files
                if bar is not None:
                    bar.advance(bar.task_ids[0], report.records)
            report = _summed_up(running, _verifier(log, settings, selection))
    report.seconds = time.perf_counter() - began
    return report


def _summed_up(lanes: Sequence[Future[VerifiedLane]], common: Verifier) -> Report:
    """Add up what was said of lanes, with what is of no lane; raises what a lane did."""
    reports: list[Report] = []
    try:
        for lane in sorted(lanes, key=lambda lane: lane.exception() is not None):
            reports.append(lane.result().report)
        return merged([common.verify_common(), *reports])
    except AWAY as error:
        return found_before(merged(reports), error)


def process_context() -> BaseContext:
    """Fork where this is the only thread: then children begin with all that was imported.

    Threads don't survive a fork, and what they had locked stays locked: librdkafka's own, say.
    """
    alone = psutil.Process().num_threads() == 1
    return multiprocessing.get_context("fork" if alone else "spawn")


def may_share_locks() -> bool:
    """Say whether processes can be given work here: what locks their queues is a file of /dev/shm.

    Where nothing can be written, as on a machine for forensics, or where there is no more room,
    there are none.
    """
    try:
        process_context().Lock()
    except (OSError, ImportError):
        return False
    return True


def _size(log: Log, lane: int) -> int:
    return sum(e.end - e.begin for e in log.extents().values() if e.partition == lane)


class VerifiedLane(NamedTuple):
    """What was said of a lane, and which files were read to their end for it."""

    report: Report
    files: dict[str, tuple[int, int, int]]
    """As in `ArchiveLog.read`; none of a broker's log."""


def _verify_lane(
    of: tuple[ArchivePlace | None, Snapshot | None],
    settings: Settings,
    selection: Selection,
    lane: int,
) -> VerifiedLane:
    """Verify a lane of an archive, of the log at a moment, or of both where both are named."""
    archive, snapshot = of
    log = open_log(archive, settings, snapshot, and_log=snapshot is not None)
    try:
        report = asyncio.run(_verifier(log, settings, selection).verify([lane]))
        archived = log.archive if isinstance(log, JoinedLog) else log
        return VerifiedLane(report, archived.read if isinstance(archived, ArchiveLog) else {})
    finally:
        log.close()


def _verifier(log: Log, settings: Settings, selection: Selection) -> Verifier:
    local, keyring = local_handlers(settings)
    return Verifier(log, local, keyring.digest_key, selection)
