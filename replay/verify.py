"""Verify: was every record the outcome of its recorded input, code and effects?

Step by step and lane by lane: the outcomes of a lane are grouped by the input that caused them,
each input's step is run again on the recorded effects, and what it yields must equal what lies on
the log, byte for byte. No model, index or session store is asked.
"""

from __future__ import annotations

import gc
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from replay.log import Log, Stored
from replay.recorded import Divergence, Erased, Exhausted, GivenUp, RecordedRun
from schemas import ConfigurationSet, Event, EventRejected, Meta, Record, Request
from streams.delivery.history import History, rejected_attempt
from streams.log.codec import Codec, Undecodable, schema_id_of
from streams.running.admit import Unreadable, check_place, rejection, unreadable
from streams.running.run import Input
from streams.running.world import Handler
from streams.topics import STEPS, Step, topic_of

REJECTED = topic_of(EventRejected)
CONFIGURATION = topic_of(ConfigurationSet)


@dataclass(frozen=True)
class Difference:
    """A record that is not the outcome of its input and effects."""

    topic: str
    partition: int
    offset: int
    id: str
    step: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Return it as the contract spells it."""
        return dict(vars(self))


@dataclass
class Report:
    """What a verification found; counts are records of derived topics."""

    records: int = 0
    equal: int = 0
    diverged: list[Difference] = field(default_factory=list)
    erased: int = 0
    superseded: int = 0
    pending: int = 0
    """Inputs whose step had not acknowledged them yet: work in progress, not a difference."""
    duplicates: int = 0
    """Copies of inputs that were run before: their steps rightly left them alone."""
    inputs: int = 0
    """Inputs whose steps were run again."""
    model_calls: int = 0
    """Always 0: nothing that could call a model is within reach of a recorded run."""
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return it as the contract spells it."""
        values = dict(vars(self))
        values["diverged"] = [entry.as_json() for entry in self.diverged]
        values["seconds"] = round(self.seconds, 3)
        return values


@dataclass(frozen=True)
class Selection:
    """Which inputs to verify; None means all."""

    tenant: str | None = None
    request: str | None = None
    since_us: int | None = None
    until_us: int | None = None

    def takes(self, meta: Meta) -> bool:
        """Say whether an event is selected, by its own event time."""
        return (
            (self.tenant is None or meta.tenant == self.tenant)
            and (self.request is None or meta.request == self.request)
            and (self.since_us is None or meta.at >= self.since_us)
            and (self.until_us is None or meta.at < self.until_us)
        )


def lanes_of(log: Log) -> list[int]:
    """List the lanes of a log: no step looks beyond one, so they can be verified side by side."""
    return sorted({partition for _, partition in log.extents()})


def merged(reports: Sequence[Report]) -> Report:
    """Add reports of different lanes up; they were made side by side."""
    total = Report()
    for report in reports:
        total.diverged += report.diverged
        for name in ("records", "equal", "erased", "superseded", "duplicates", "pending", "inputs"):
            setattr(total, name, getattr(total, name) + getattr(report, name))
        total.seconds = max(total.seconds, report.seconds)
    return total


KEPT_BYTES_MAX = 64 * 2**20
"""Outcomes kept decoded until the step that reads them is verified, as bytes on the log."""


@dataclass(slots=True)
class _Outcome:
    stored: Stored
    event: Event


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
        self._configurations: dict[str, dict[str, Any]] = {}
        self._kept: dict[str, dict[int, Event]] = {}
        self._kept_bytes = 0
        self.report = Report()

    async def verify(self, lanes: Sequence[int] | None = None) -> Report:
        """Verify the whole selection, or its part in some lanes."""
        started = time.perf_counter()
        with _collecting_rarely():
            await self._verify_lanes(lanes_of(self._log) if lanes is None else lanes)
        self.report.seconds = time.perf_counter() - started
        return self.report

    async def _verify_lanes(self, lanes: Sequence[int]) -> None:
        self._read_configurations()
        for lane in lanes:
            self._log.load(lane)
            self._kept.clear()
            self._kept_bytes = 0
            rejections = self._outcomes_of(REJECTED, lane)
            for step in self._steps:
                await self._verify_step(step, lane, rejections)
            for outcome in rejections:
                if outcome.event.meta.cause is None:
                    # the inbox rejected it: like a request, it is the edge's own word
                    self.report.records -= 1
                else:
                    self._differs(outcome, "no step of ours wrote it")

    def _read_configurations(self) -> None:
        for stored in self._log.records(CONFIGURATION, 0):
            try:
                entry = self._codec.decode(stored.value, ConfigurationSet)
            except Undecodable:
                continue  # nothing refers to it; a run that does says which digest is missing
            self._configurations[entry.digest] = json.loads(entry.content)

    def _configuration(self, digest: str) -> dict[str, Any]:
        try:
            return self._configurations[digest]
        except KeyError:
            raise Divergence(f"configuration {digest[:12]}… is not on {CONFIGURATION}") from None

    def _outcomes_of(self, topic: str, lane: int) -> list[_Outcome]:
        """Read the derived records of a topic's lane; unreadable ones differ at once."""
        found = []
        for stored in self._log.records(topic, lane):
            try:
                event = self._codec.decode_any(stored.value)
                if not isinstance(event, Event) or topic_of(event) != topic:
                    raise Undecodable(f"{event.SCHEMA} does not belong here")
            except Undecodable as error:
                self.report.records += 1
                self.report.diverged.append(
                    Difference(topic, lane, stored.offset, "", "", f"unreadable: {error}")
                )
                continue
            if self._selection.takes(event.meta):
                self.report.records += 1
                found.append(_Outcome(stored, event))
        return found

    def _keep(self, record: type[Event], outcomes: Sequence[_Outcome]) -> None:
        """Keep outcomes that another step reads, so that each record is decoded once."""
        size = sum(len(outcome.stored.value or b"") for outcome in outcomes)
        read = any(record in step.reads for step in self._steps)
        if read and self._kept_bytes + size <= KEPT_BYTES_MAX:
            self._kept_bytes += size
            self._kept[topic_of(record)] = {
                outcome.stored.offset: outcome.event for outcome in outcomes
            }

    async def _verify_step(self, step: Step, lane: int, rejections: list[_Outcome]) -> None:
        by_cause: defaultdict[tuple[str, int], list[_Outcome]] = defaultdict(list)
        for record in step.writes:
            outcomes = self._outcomes_of(topic_of(record), lane)
            self._keep(record, outcomes)
            for outcome in outcomes:
                cause = outcome.event.meta.cause
                if cause is None or cause.partition != lane:
                    self._differs(outcome, "it names no cause in its lane")
                else:
                    by_cause[cause.topic, cause.offset].append(outcome)
        for outcome in list(rejections):
            event = outcome.event
            assert isinstance(event, EventRejected)
            if event.step == step.name:
                rejections.remove(outcome)
                by_cause[event.topic, event.offset].append(outcome)
        committed = self._log.committed(step.name)
        history = History()
        for record in step.reads:
            topic = topic_of(record)
            decoded = self._kept.pop(topic, {})
            for stored in self._log.records(topic, lane):
                outcomes = by_cause.pop((topic, stored.offset), [])
                try:
                    event = decoded.get(stored.offset) or self._codec.decode(stored.value, record)
                    check_place(event, stored.key, lane)
                    given = Input(event, topic, lane, stored.offset)
                except Undecodable:
                    given = unreadable(topic, lane, stored.offset)
                rejected = rejected_attempt(dict(stored.headers))
                if not outcomes and history.duplicate(
                    given.event.meta, topic, lane, stored.offset, rejected
                ):
                    self.report.duplicates += self._selection.takes(given.event.meta)
                elif outcomes or self._selection.takes(given.event.meta):
                    await self._verify_input(step, given, stored, outcomes, committed)
                    history.learn(outcome.event.meta for outcome in outcomes)
                    if any(outcome.event.meta.last for outcome in outcomes):
                        history.finished(given.event.meta)
        for outcomes in by_cause.values():
            for outcome in outcomes:
                self._differs(outcome, "its cause is not on the log")

    def _missing(
        self, step: Step, stored: Stored, event_id: str, committed: Mapping[tuple[str, int], int]
    ) -> None:
        if stored.offset < committed.get((stored.topic, stored.partition), 0):
            self.report.diverged.append(
                Difference(
                    stored.topic,
                    stored.partition,
                    stored.offset,
                    event_id,
                    step.name,
                    f"{step.name} acknowledged this input and left no closed outcome",
                )
            )
        else:
            self.report.pending += 1

    async def _verify_input(
        self,
        step: Step,
        given: Input,
        stored: Stored,
        outcomes: list[_Outcome],
        committed: Mapping[tuple[str, int], int],
    ) -> None:
        self.report.inputs += 1
        self._progress(self.report.records)
        attempts: defaultdict[int, dict[int, _Outcome]] = defaultdict(dict)
        for outcome in outcomes:
            meta = outcome.event.meta
            first = attempts[meta.attempt].setdefault(meta.ordinal, outcome)
            if first is not outcome:  # published twice: the first with an id wins
                if first.stored.value == outcome.stored.value:
                    self.report.superseded += 1
                else:
                    self._differs(
                        outcome, f"another record with its id stands at {first.stored.offset}"
                    )
        closed = False
        for attempt in sorted(attempts):
            ordered = [attempts[attempt][ordinal] for ordinal in sorted(attempts[attempt])]
            complete = ordered[-1].event.meta.last
            superseded = closed or not complete
            await self._verify_attempt(step, given, stored, ordered, complete, superseded)
            closed = closed or complete
        if not closed:
            self._missing(step, stored, given.event.meta.id, committed)

    async def _verify_attempt(
        self,
        step: Step,
        given: Input,
        stored: Stored,
        outcomes: list[_Outcome],
        complete: bool,
        superseded: bool,
    ) -> None:
        """Run one attempt again and hold it against what lies on the log.

        An attempt that a crash cut off must be a prefix of what its effects lead to.
        """
        computed: list[Event] = []
        nobodys = isinstance(given.event, Unreadable)
        reject = rejection(step, given, stored.key, stored.value)
        effects = [effect for outcome in outcomes for effect in outcome.event.meta.effects]
        run = RecordedRun(
            step,
            given,
            computed.append,
            effects=effects,
            closed=complete,
            codec=self._codec,
            digest_key=b"" if nobodys else self._digest_key(given.event.meta.tenant),
            local=self._local,
            configuration=self._configuration,
        )
        reason = ""
        try:
            try:
                if nobodys:
                    await run.begin()
                    await run.reject(reject)
                else:
                    await run.execute()
            except GivenUp:
                await run.reject(reject)
            except Exception as error:  # noqa: BLE001 - whatever a step may raise
                if not run.failed():
                    reason = f"{step.name} now gives up: {type(error).__name__}: {error}"
                else:
                    await run.reject(reject)
            if not reason and run.unused():
                reason = f"{run.unused()} recorded effects were not asked for"
        except Erased:
            self.report.erased += len(outcomes)
            return
        except Exhausted:
            pass
        except Divergence as difference:
            reason = str(difference)
        for index, outcome in enumerate(outcomes):
            if index < len(computed):
                difference_found = self._difference(outcome, computed[index])
                if difference_found:
                    self._differs(outcome, difference_found)
                elif superseded:
                    self.report.superseded += 1
                else:
                    self.report.equal += 1
            else:
                self._differs(outcome, reason or "the step yields fewer records than the log holds")
                reason = ""
        if len(computed) > len(outcomes) and complete:
            self._differs(outcomes[-1], "the step yields more records than the log holds")
        elif reason and len(computed) >= len(outcomes):
            self._differs(outcomes[-1], reason)

    def _difference(self, outcome: _Outcome, computed: Event) -> str:
        """Return what differs, or an empty string where the bytes are equal."""
        value = outcome.stored.value
        assert value is not None
        try:
            again = self._codec.encode_as(computed, schema_id_of(value))
        except (Undecodable, ValueError) as error:
            return f"the step yields another record: {error}"
        if again == value:
            meta = outcome.event.meta
            if outcome.stored.key != meta.tenant.encode():
                return "the Kafka key is not meta.tenant"
            if outcome.stored.partition != meta.lane:
                return f"it lies in partition {outcome.stored.partition}, meta.lane is {meta.lane}"
            return ""
        return first_difference(outcome.event, computed)

    def _differs(self, outcome: _Outcome, reason: str) -> None:
        stored, meta = outcome.stored, outcome.event.meta
        self.report.diverged.append(
            Difference(
                stored.topic, stored.partition, stored.offset, meta.id, meta.step.name, reason
            )
        )


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Look for reference cycles less often: a lane is many objects and hardly a cycle."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def first_difference(stored: Record, computed: Record) -> str:
    """Name the first field in which two records differ, with both values cut short."""
    left, right = stored.to_avro(), computed.to_avro()
    if stored.SCHEMA != computed.SCHEMA:
        return f"the step yields {computed.SCHEMA}, the log holds {stored.SCHEMA}"

    def walk(path: str, one: Any, other: Any) -> str:
        if isinstance(one, dict) and isinstance(other, dict):
            for key in one:
                found = walk(f"{path}.{key}" if path else key, one[key], other.get(key))
                if found:
                    return found
            return ""
        if isinstance(one, list | tuple) and isinstance(other, list | tuple):
            for position, (a, b) in enumerate(zip(one, other, strict=False)):
                found = walk(f"{path}[{position}]", a, b)
                if found:
                    return found
            if len(one) != len(other):
                return f"{path}: the log holds {len(one)} entries, the step yields {len(other)}"
            return ""
        if one != other:
            return f"{path}: the log holds {_short(one)}, the step yields {_short(other)}"
        return ""

    return walk("", left, right) or "the bytes differ, the fields do not"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
