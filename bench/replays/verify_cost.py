"""Verify: of chats and of questions that were only handed on, in one process and in two."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from bench.answers.figures import Figure
from bench.child import MeasurementFailed
from bench.replays.handed_on_log import STEPS_HANDING_ON, hand_on
from bench.replays.verified_once import verify_once
from bench.synthetic.builder import build
from bench.synthetic.request_maker import TURNS
from replay.archive import ArchiveLog
from replay.selection import Selection
from replay.side_by_side import verify_side_by_side
from streams.settings import Settings

PROCESSES = 2
SMALLEST = 10_000
"""Records."""


@dataclass(frozen=True)
class VerifyPlan:
    """How large the logs are."""

    conversations: int = 180
    documents: int = 60
    handed_on: tuple[int, ...] = (10_000, 100_000)
    """Records that steps wrote, of each log; the first is the baseline of the others' memory."""

    @classmethod
    def up_to(cls, records: int) -> VerifyPlan:
        """Plan logs of ten times as much each, up to so many records."""
        sizes = [SMALLEST * 10**power for power in range(1, 10) if SMALLEST * 10**power <= records]
        return cls(handed_on=(SMALLEST, *sizes))


def verify_figures(plan: VerifyPlan, say: Callable[[str], None]) -> list[Figure]:
    """Measure; raises MeasurementFailed where a record is not equal."""
    return [*_of_chats(plan, say), *_of_handed_on(plan, say)]


def _of_chats(plan: VerifyPlan, say: Callable[[str], None]) -> list[Figure]:
    questions = plan.conversations * TURNS
    with tempfile.TemporaryDirectory(prefix="playhead-bench-") as folder:
        say(f"writing a log of {questions:,} questions")
        began = time.process_time()
        archive, settings = asyncio.run(build(Path(folder), plan.conversations, plan.documents))
        live_s = time.process_time() - began
        say("verifying it")
        alone = verify_once(archive, settings.run, "chats")
        both_s, both_cpu_s = _side_by_side(archive, settings)
    decoding = f"reading and decoding the same log, {alone.records:,} records verified"
    rate = alone.records / alone.cpu_s
    return [
        Figure("verify of chats, in a CPU second", rate, "records", alone.decoded_per_s, decoding),
        Figure(
            "of a question, documents included",
            1_000 * alone.cpu_s / questions,
            "CPU ms",
            1_000 * live_s / questions,
            "the same steps run live over canned answers, and written",
        ),
        Figure(
            f"the same in {PROCESSES} processes",
            alone.records / both_s,
            "records/s",
            alone.records / alone.seconds,
            "in one",
        ),
        Figure("CPU of these", both_cpu_s, "s", alone.cpu_s, "of the one"),
    ]


def _side_by_side(archive: Path, settings: Settings) -> tuple[float, float]:
    """Verify in several processes; return seconds, and seconds of CPU."""
    before = getrusage(RUSAGE_CHILDREN)
    report = verify_side_by_side(ArchiveLog(archive), archive, settings, Selection(), PROCESSES)
    after = getrusage(RUSAGE_CHILDREN)
    if report.diverged or report.equal != report.records:
        raise MeasurementFailed(f"the archive diverges: {report.as_json()}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return report.seconds, used


def _of_handed_on(plan: VerifyPlan, say: Callable[[str], None]) -> list[Figure]:
    costs = []
    for records in plan.handed_on:
        say(f"writing and verifying a log of {records:,} records that no step worked for")
        with tempfile.TemporaryDirectory(prefix="playhead-bench-") as folder:
            archive, settings = asyncio.run(hand_on(Path(folder), records // len(STEPS_HANDING_ON)))
            costs.append(verify_once(archive, settings.run, "handed-on"))
    small, large = costs[0], costs[-1]
    rate, against = large.records / large.cpu_s, "reading and decoding the same log"
    return [
        Figure("verify itself, in a CPU second", rate, "records", large.decoded_per_s, against),
        *(
            Figure(
                f"memory at most, {one.records:,} records",
                one.peak_mib,
                "MiB",
                small.peak_mib,
                f"{small.records:,} records",
            )
            for one in costs[1:]
        ),
    ]
