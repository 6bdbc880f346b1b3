"""Verify: was every record the outcome of its recorded input, code and effects?

Lane by lane: the outcomes of a lane are grouped by the input that caused them, each input's step
is run again on the recorded effects, and what it yields must equal what lies on the log, byte for
byte. No model, index or session store is asked. What is said of each record stands as rules in
`replay.rules`; this module walks the log and asks them.

All steps of a lane go on together, each as far as the one before it has come, so no more of a lane
is in memory than is open: each record is decoded once, for the step that wrote it and the one that
reads it. `replay.lane_survey` says what is looked for first.

A selection is one of inputs: all their outcomes go with them. How records lie (offsets, headers,
files, configurations) is looked at for the whole of what is read, since a log with a hole in it
says nothing for sure.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any

from agents.changes import is_before
from replay.configurations import Configurations
from replay.cross_checks.erasures import ErasureCheck
from replay.differences import difference
from replay.lane_outcomes import LaneOutcomes
from replay.lane_reader import LaneReader, Unread
from replay.lane_survey import Heads
from replay.lane_walk import StepWalk
from replay.log import Log, Stored
from replay.places import NO_LETTER, Lanes, against_request, is_marked
from replay.proved_records import ProvedRecords
from replay.report import Difference, Report
from replay.rerun import Reruns
from replay.rules import (
    Attempt,
    StoredOutcome,
    against_meta,
    against_open,
    attempts_of,
    least_attempt,
    verdicts_of,
)
from replay.selection import Selection
from schemas import Event, Request
from streams.delivery.history import History, rejected_attempt
from streams.log.codec import Codec
from streams.running.admit import Unreadable
from streams.running.run import Input
from streams.running.world import Handler
from streams.topics import CONTROL, REQUESTS, STEPS, Step


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
        self._lanes = Lanes(max(lanes_of(log), default=0) + 1)
        self.report = Report()

    @cached_property
    def _configurations(self) -> Configurations:
        return Configurations(self._log, self._codec)

    @cached_property
    def _proved(self) -> ProvedRecords:
        return ProvedRecords(self._log, self._codec)

    async def verify(self, lanes: Sequence[int] | None = None) -> Report:
        """Verify the whole selection, or its part in some lanes."""
        started = time.perf_counter()
        with _collecting_rarely():
            reruns = Reruns(self._codec, self._local, self._digest_key, self._configurations.values)
            for lane in lanes_of(self._log) if lanes is None else lanes:
                await self._verify_lane(lane, reruns)
        if lanes is None:
            self.verify_common()
        self.report.seconds = time.perf_counter() - started
        return self.report

    def verify_common(self) -> Report:
        """Verify what is of no lane: how the log lies as a whole, and its configurations."""
        self.report.diverged += [
            Difference(fault.topic, fault.partition, fault.offset, "", "", fault.reason)
            for fault in self._log.faults()
        ]
        self.report.diverged += self._configurations.faults
        erasures = ErasureCheck(self._log, self._codec, self._proved.proves)
        self.report.diverged += erasures.faults()
        self.report.unverifiable += erasures.doubts
        return self.report

    async def _verify_lane(self, lane: int, reruns: Reruns) -> None:
        reader = LaneReader(self._log, self._codec, lane, self._steps)
        heads = Heads(self._codec, self._log.ids)
        outcomes = LaneOutcomes(
            reader, heads, self._selection, self._steps, self.report, self._proved
        )
        tapes = {
            record: reader.tape(record)
            for step in self._steps
            for record in (*step.reads, *step.writes)
        }
        walks = [
            StepWalk(
                step, reader, outcomes.of(step, tapes), tapes, self._log.committed(step.name), rank
            )
            for rank, step in enumerate(self._steps)
        ]
        while not all(walk.over for walk in walks):
            for walk in walks:
                await self._verify_some(walk, outcomes, reruns)
        outcomes.tell_strays()
        self._look_at_the_rest(reader, outcomes)
        self.report.diverged += reader.faults

    def _look_at_the_rest(self, reader: LaneReader, outcomes: LaneOutcomes) -> None:
        """Read what no step reads or writes: that it is there and can be read."""
        seen = {record for step in self._steps for record in (*step.reads, *step.writes)}
        for topic in (*REQUESTS, *CONTROL):
            if topic.record in seen or (topic.name, reader.lane) not in self._log.extents():
                continue
            assert issubclass(topic.record, Event)
            for stored, event in reader.events(topic.record):
                if isinstance(event, Unread):
                    self.report.unreadable.append(event.at())
                elif topic in REQUESTS:
                    self._look_at_input(event, stored, outcomes)

    def _look_at_request(self, event: Event, stored: Stored) -> None:
        reason = against_request(stored, event) or self._lanes.against(event)
        if reason:
            difference = Difference.at(stored, event.meta.id, event.meta.step.name, reason)
            self.report.diverged.append(difference)

    async def _verify_some(self, walk: StepWalk, lane: LaneOutcomes, reruns: Reruns) -> None:
        """Verify what a step did over the inputs at hand."""
        await asyncio.sleep(0)  # so that whoever waits can end it
        for given, stored in walk.inputs():
            left = walk.outcomes.pop(stored)
            meta, mark = given.event.meta, rejected_attempt(dict(stored.headers))
            selected = self._takes(given, stored)
            late = walk.comes_late(given, stored)
            if not left and (late or walk.history.duplicate(meta, *given[1:], mark)):
                self.report.duplicates += selected
                continue
            if selected:
                self.report.records += len(left)
                self.report.inputs += 1
                self._progress(self.report.records)
                if not isinstance(given.event, Unreadable):
                    self._look_at_input(given.event, stored, lane)
                await self._verify_input(walk, given, stored, left, reruns, lane)
            _remember(walk.history, given, left)

    def _takes(self, given: Input, stored: Stored) -> bool:
        if isinstance(given.event, Unreadable):
            return self._selection.takes_unread(stored)
        return self._selection.takes(given.event.meta)

    def _look_at_input(self, event: Event, stored: Stored, lane: LaneOutcomes) -> None:
        """Look at how an input lies, unless it was looked at as an outcome of the step before."""
        if event.meta.cause is None:
            self._look_at_request(event, stored)
        if is_marked(stored) and not lane.letters.explain(stored):
            self.report.diverged.append(
                Difference.at(stored, event.meta.id, event.meta.step.name, NO_LETTER)
            )

    async def _verify_input(
        self,
        walk: StepWalk,
        given: Input,
        stored: Stored,
        outcomes: Sequence[StoredOutcome],
        reruns: Reruns,
        lane: LaneOutcomes,
    ) -> None:
        """Verify every attempt over an input, and that one of them is closed."""
        step = walk.step
        least = least_attempt(given, stored)
        attempts, copies = attempts_of(outcomes, least, lane.letters.explain)
        for verdict in copies:
            self.report.add(verdict)
        side_by_side = _run_side_by_side(attempts)
        for attempt in attempts:
            event = given.event
            if side_by_side:
                lane.checks.forget(event)
            heeding = lane.checks.heeding(
                event, stored.offset, put_back=is_marked(stored), step=walk.rank
            )
            rerun = await reruns.rerun(step, given, stored, attempt, least, heeding)
            if rerun.erased or rerun.lack or attempt.rejected or side_by_side:
                lane.checks.forget(event)
            known = partial(against_meta, step.name, given)
            for verdict in verdicts_of(attempt, rerun, self._difference, known):
                self.report.add(verdict.doubted(heeding.doubt))
        if not attempts and is_before(given.event.meta.step.code, step.since):
            self.report.before_its_time += 1  # the step did not exist when its input was written
            return
        if not any(attempt.closed for attempt in attempts):
            self._left_open(step, given, stored, walk.acknowledged(stored))

    def _left_open(self, step: Step, given: Input, stored: Stored, acknowledged: int) -> None:
        if reason := against_open(step.name, stored.offset, acknowledged):
            missing = Difference.at(stored, given.event.meta.id, step.name, reason)
            self.report.diverged.append(missing)
        else:
            self.report.pending += 1

    def _difference(self, outcome: StoredOutcome, computed: Event) -> str:
        return difference(self._codec, outcome, computed)


def _run_side_by_side(attempts: Sequence[Attempt]) -> bool:
    """Say whether two runs over an input have one number: neither knew of the other.

    A worker that had lost the lane wrote one of them, over rows of its own that count nowhere else;
    which of the two it was, the log does not say.
    """
    numbers = [attempt.outcomes[0].event.meta.attempt for attempt in attempts]
    return len(set(numbers)) < len(numbers)


def _remember(history: History, given: Input, outcomes: Iterable[StoredOutcome]) -> None:
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
