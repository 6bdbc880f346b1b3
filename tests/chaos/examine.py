"""After a run: the log is judged and verified, lane by lane, in processes of their own."""

import asyncio
import multiprocessing
import signal
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor

from replay.log import BrokerLog, Snapshot
from replay.report import Report
from replay.report import merged as merged_reports
from replay.verify import Verifier
from streams.settings import Settings
from tests.chaos.calls import CallsOf, calls_of
from tests.chaos.commit_log import Commit, commits_of
from tests.chaos.judge import judge
from tests.chaos.judgement import Expected, Judgement, Place, Sample, merged
from tests.chaos.steps import chain
from tests.fakes import DIGEST_KEY


def examine(
    settings: Settings, expected: Expected, samples: list[Sample], jobs: int
) -> tuple[Judgement, Report, float]:
    """Judge and verify the log, lane by lane, in processes; returns the seconds of all that verify, too."""
    log = BrokerLog(settings)
    snapshot = log.snapshot
    log.close()
    commits = commits_of(settings)
    lanes = range(settings.partitions)
    context = multiprocessing.get_context("spawn")  # librdkafka's threads don't survive a fork
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_ignore_interrupts) as pool:
        try:
            judging = [
                pool.submit(
                    _judge,
                    settings,
                    snapshot,
                    lane,
                    _of_lane(expected, lane),
                    [_seen_of_lane(sample, lane) for sample in samples],
                    [commit for commit in commits if commit.lane == lane],
                )
                for lane in lanes
            ]
            verifying = [pool.submit(_verify, settings, snapshot, lane) for lane in lanes]
            judged = merged([future.result() for future in judging])
            reports, seconds = zip(*(future.result() for future in verifying), strict=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in (pool._processes or {}).values():
                process.kill()
            raise
    return judged, merged_reports(reports), sum(seconds)


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that started this one: it ends all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _of_lane(expected: Expected, lane: int) -> Expected:
    return Expected(
        {id_: fate for id_, fate in expected.fates.items() if fate[0] == lane},
        {at for at in expected.unreadable if at[1] == lane},
        {id_ for id_ in expected.flood if expected.fates.get(id_, (-1, ""))[0] == lane},
        {id_: number for id_, number in expected.attempted.items() if number == lane},
    )


def _seen_of_lane(sample: Sample, lane: int) -> Sample:
    """Leave out what was seen of other lanes: it would be copied into every process."""

    def of_lane(places: Mapping[str, Mapping[Place, int]]) -> dict[str, dict[Place, int]]:
        return {
            step: {place: offset for place, offset in offsets.items() if place[1] == lane}
            for step, offsets in places.items()
        }

    return Sample(of_lane(sample.committed), of_lane(sample.ends))


def _judge(
    settings: Settings,
    snapshot: Snapshot,
    lane: int,
    expected: Expected,
    samples: list[Sample],
    commits: list[Commit],
) -> Judgement:
    log = BrokerLog(settings, snapshot)

    def calls(lane: int) -> CallsOf:
        return calls_of(settings.run, lane)

    try:
        return judge(log, chain(), expected, samples, [lane], calls, commits)
    finally:
        log.close()


def _verify(settings: Settings, snapshot: Snapshot, lane: int) -> tuple[Report, float]:
    began = time.monotonic()
    log = BrokerLog(settings, snapshot)
    try:
        report = asyncio.run(Verifier(log, {}, lambda _: DIGEST_KEY, steps=chain()).verify([lane]))
    finally:
        log.close()
    return report, time.monotonic() - began
