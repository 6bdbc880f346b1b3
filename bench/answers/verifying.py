"""How fast a log is verified, beside reading and decoding it."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.answers.figures import Figure
from bench.child import MeasurementFailed
from bench.synthetic.builder import build
from replay.archive import ArchiveLog
from replay.local_effects import local_handlers
from replay.log import BrokerLog, Log
from replay.report import Report
from replay.selection import Selection
from replay.side_by_side import verify_side_by_side
from replay.verify import Verifier
from streams.log.codec import Codec
from streams.running.admit import INBOX_TOPICS
from streams.settings import Settings

CONVERSATIONS, DOCUMENTS = 180, 60  # 720 questions, of some seven records each


def verify_log(settings: Settings) -> Figure:
    """Verify the log of this run, which is small, over the broker."""
    log = BrokerLog(settings)
    try:
        return asyncio.run(verify_this(log, settings))
    finally:
        log.close()


async def verify_this(log: Log, settings: Settings) -> Figure:
    """Compare verifying a log with reading it; raises MeasurementFailed for one that diverges."""
    rate = read_rate(log)
    local, keyring = local_handlers(settings)
    report = await Verifier(log, local, keyring.digest_key).verify()
    if report.diverged:
        raise MeasurementFailed(f"the log of this run diverges: {report.diverged[0]}")
    return verify_figure("replay verify, this log", report, rate)


async def verify_archive(
    conversations: int = CONVERSATIONS, documents: int = DOCUMENTS
) -> list[Figure]:
    """Compare verifying an archive of many records with reading it, in one process and in more.

    Raises MeasurementFailed where a record is not equal to what the steps make of its input.
    """
    with tempfile.TemporaryDirectory(prefix="playhead-bench-") as folder:
        archive, settings = await build(Path(folder), conversations, documents)
        log = ArchiveLog(archive)
        rate = read_rate(log)
        local, keyring = local_handlers(settings)
        alone = await Verifier(log, local, keyring.digest_key).verify()
        jobs = os.cpu_count() or 1
        together = verify_side_by_side(log, archive, settings, Selection(), jobs)
    for report in (alone, together):
        if report.diverged or report.equal != report.records:
            raise MeasurementFailed(f"the archive diverges: {report.as_json()}")
    return [
        verify_figure("replay verify, archive", alone, rate),
        verify_figure(f"the same in {jobs} processes", together, rate),
    ]


def read_rate(log: Log, clock: Callable[[], float] = time.perf_counter) -> float:
    """Read and decode a log's records; records a second of a clock."""
    codec, count, began = Codec(log.ids), 0, clock()
    for topic, lane in log.extents():
        if topic not in INBOX_TOPICS:
            for stored in log.records(topic, lane):
                codec.decode_any(stored.value)
                count += 1
    return count / (clock() - began)


def verify_figure(name: str, report: Report, rate: float) -> Figure:
    """Set verify's records a second beside those of reading alone."""
    against = f"reading and decoding the same log, {report.records:,} records verified"
    return Figure(name, report.records / report.seconds, "records/s", rate, against)
