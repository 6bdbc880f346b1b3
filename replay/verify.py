"""Verify: was every record the outcome of its recorded input, code and effects?

Step by step and lane by lane: the outcomes of a lane are grouped by the input that caused them,
each input's step is run again on the recorded effects, and what it yields must equal what lies on
the log, byte for byte. No model, index or session store is asked. What is said of each record
stands as rules in `replay.rules`; this module walks the log and asks them.
"""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from replay.configurations import Configurations
from replay.differences import difference
from replay.lane_reader import LaneReader
from replay.log import Log, Stored
from replay.report import Difference, Report
from replay.rerun import Reruns
from replay.rules import (
    CAUSE_GONE,
    NO_CAUSE_HERE,
    NO_STEP,
    RecordVerdict,
    StoredOutcome,
    against_open,
    attempts_of,
    verdicts_of,
)
from replay.selection import Selection
from schemas import Event, EventRejected, Request
from streams.delivery.history import History, rejected_attempt
from streams.log.codec import Codec
from streams.running.run import Input
from streams.running.world import Handler
from streams.topics import STEPS, Step

ByCause = defaultdict[tuple[str, int], list[StoredOutcome]]
"""Topic and offset of an input -> its outcomes, all of one lane."""


def lanes_of(log: Log) -> list[int]:
    """List the lanes of a log: no step looks beyond one, so they can be verified side by side."""
    return sorted({partition for _, partition in log.extents()})


class Verifier:
    """Runs the steps of a log again.

    `local` answers the local effects, `digest_key` gives a tenant's key for digests.
    """

    def __init__(
        self,
        log: Log,
        local: Mapping[type[Request[Any]], Handler],
        digest_key: Callable[[str], bytes],
        selection: Selection | None = None,
        progress: Callable[[int], None] = lambda _: None,
        steps: Sequence[Step] = STEPS,
    ) -> None:
        self._log = log
        self._steps = steps
        self._codec = Codec(log.ids)
        self._local = local
        self._digest_key = digest_key
        self._selection = selection or Selection()
        self._progress = progress
        self.report = Report()

    async def verify(self, lanes: Sequence[int] | None = None) -> Report:
        """Verify the whole selection, or its part in some lanes."""
        started = time.perf_counter()
        with _collecting_rarely():
            configurations = Configurations(self._log, self._codec)
            reruns = Reruns(self._codec, self._local, self._digest_key, configurations.values)
            for lane in lanes_of(self._log) if lanes is None else lanes:
                await self._verify_lane(lane, reruns)
        self.report.seconds = time.perf_counter() - started
        return self.report

    async def _verify_lane(self, lane: int, reruns: Reruns) -> None:
        reader = LaneReader(self._log, self._codec, lane, self._selection, self._steps)
        rejections: defaultdict[str, list[StoredOutcome]] = defaultdict(list)
        strays: list[StoredOutcome] = []
        names = {step.name for step in self._steps}
        for outcome in self._outcomes(reader, EventRejected):
            event = outcome.event
            assert isinstance(event, EventRejected)
            (rejections[event.step] if event.step in names else strays).append(outcome)
        for step in self._steps:
            await self._verify_step(step, reader, rejections[step.name], reruns)
        for outcome in strays:
            if outcome.event.meta.cause is None:
                # the inbox rejected it: like a request, it is the edge's own word
                self.report.records -= 1
            else:
                self._differs(outcome, NO_STEP)

    def _outcomes(self, reader: LaneReader, record: type[Event]) -> list[StoredOutcome]:
        """Read the outcomes of a type; unreadable ones differ at once."""
        outcomes = reader.outcomes(record)
        self.report.records += len(outcomes.read) + len(outcomes.unreadable)
        self.report.diverged += outcomes.unreadable
        return outcomes.read

    async def _verify_step(
        self, step: Step, reader: LaneReader, rejections: Iterable[StoredOutcome], reruns: Reruns
    ) -> None:
        by_cause = self._by_cause(step, reader, rejections)
        committed = self._log.committed(step.name)
        history = History()
        for record in step.reads:
            for given, stored in reader.inputs(record):
                outcomes = by_cause.pop((stored.topic, stored.offset), [])
                meta = given.event.meta
                mark = rejected_attempt(dict(stored.headers))
                if not outcomes and history.duplicate(meta, *given[1:], mark):
                    self.report.duplicates += self._selection.takes(meta)
                elif outcomes or self._selection.takes(meta):
                    self.report.inputs += 1
                    self._progress(self.report.records)
                    acknowledged = committed.get((stored.topic, stored.partition), 0)
                    await self._verify_input(step, given, stored, outcomes, acknowledged, reruns)
                    _remember(history, given, outcomes)
        for outcomes in by_cause.values():
            for outcome in outcomes:
                self._differs(outcome, CAUSE_GONE)

    def _by_cause(
        self, step: Step, reader: LaneReader, rejections: Iterable[StoredOutcome]
    ) -> ByCause:
        """Group what a step wrote in a lane by the input behind it."""
        by_cause: ByCause = defaultdict(list)
        for record in step.writes:
            for outcome in self._outcomes(reader, record):
                cause = outcome.event.meta.cause
                if cause is None or cause.partition != reader.lane:
                    self._differs(outcome, NO_CAUSE_HERE)
                else:
                    by_cause[cause.topic, cause.offset].append(outcome)
        for outcome in rejections:
            event = outcome.event
            assert isinstance(event, EventRejected)
            by_cause[event.topic, event.offset].append(outcome)
        return by_cause

    async def _verify_input(
        self,
        step: Step,
        given: Input,
        stored: Stored,
        outcomes: Sequence[StoredOutcome],
        acknowledged: int,
        reruns: Reruns,
    ) -> None:
        """Verify every attempt over an input, and that one of them is closed."""
        attempts, copies = attempts_of(outcomes)
        for verdict in copies:
            self.report.add(verdict)
        for attempt in attempts:
            rerun = await reruns.rerun(step, given, stored, attempt)
            for verdict in verdicts_of(attempt, rerun, self._difference):
                self.report.add(verdict)
        if not any(attempt.closed for attempt in attempts):
            self._left_open(step, given, stored, acknowledged)

    def _left_open(self, step: Step, given: Input, stored: Stored, acknowledged: int) -> None:
        if reason := against_open(step.name, stored.offset, acknowledged):
            missing = Difference.at(stored, given.event.meta.id, step.name, reason)
            self.report.diverged.append(missing)
        else:
            self.report.pending += 1

    def _difference(self, outcome: StoredOutcome, computed: Event) -> str:
        return difference(self._codec, outcome, computed)

    def _differs(self, outcome: StoredOutcome, reason: str) -> None:
        self.report.add(RecordVerdict(outcome, "diverged", reason))


def _remember(history: History, given: Input, outcomes: Sequence[StoredOutcome]) -> None:
    """Let a later copy of an input be known for one."""
    history.learn(outcome.event.meta for outcome in outcomes)
    if any(outcome.event.meta.last for outcome in outcomes):
        history.finished(given.event.meta)


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Look for reference cycles less often: a lane is many objects and hardly a cycle."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
