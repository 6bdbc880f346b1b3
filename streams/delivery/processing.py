"""Process one input: run the step over it until its outcome is closed, unless that was done before.

Whatever a step may raise is an outcome too. A Transient error is tried again within the input's
deadline; what is given up, and what can't be read at all, is rejected, by one path:

    the run that failed closes the outcome with a dead letter that holds the input; where that can't
    be put, or an outcome could not, or no run was begun, a run of its own does, which consumed
    nothing; its letter always fits, because whatever has no bound of its own is left out of it
    (`streams.running.admit`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from agents.errors import Permanent, Transient
from agents.policies.policy_in_force import rules_in
from schemas import Begun, Event, Failed, Meta
from streams.delivery.digest_keys import DigestKeys
from streams.delivery.epochs import floor_of
from streams.delivery.failure_reasons import failed, unreadable_because
from streams.delivery.history import History, rejected_attempt
from streams.delivery.item import Item
from streams.delivery.outbox import Outbox
from streams.delivery.publisher import Publisher
from streams.log.addressing import headers_of
from streams.log.clock import now_us
from streams.log.codec import Codec, Undecodable
from streams.log.configuration import POLICY, Configuration
from streams.log.producer_signature import SignedRecord
from streams.running.admit import rejection, unreadable
from streams.running.cancellations import Cancellations, Wanted
from streams.running.live import LiveRun
from streams.running.producer_gate import ProducersInForce, Unproved, WrittenAt
from streams.running.retry import Retry
from streams.running.run import Input
from streams.running.world import World
from streams.settings import Settings
from streams.topics import Step
from streams.version import CODE, RUNTIME, RUNTIME_WITH_POLICY
from streams.watching import tracing
from streams.watching.logs import enter, logger
from streams.watching.metrics import Counts

log = logger("runner")


@dataclass(frozen=True)
class Services:
    """What all runners of a process share."""

    settings: Settings
    codec: Codec
    world: World
    digest_key: Callable[[str], bytes]
    configurations: Mapping[str, Configuration]
    """By step; another one may come into force at any time, and a run keeps that of its beginning.
    """
    cancellations: Cancellations = field(default_factory=Cancellations)


@dataclass(slots=True)  # not frozen: one is made for every input, and that would double its price
class _Task:
    """An input that is being processed."""

    given: Input
    item: Item
    history: History
    outbox: Outbox
    producers: str = ""
    """Digest of the configuration by which its producer was asked to prove its tenant."""

    @property
    def meta(self) -> Meta:
        return self.given.event.meta


class Processor:
    """Processes the inputs of one step."""

    def __init__(
        self,
        step: Step,
        services: Services,
        publisher: Callable[[], Publisher],
        history: Callable[[int], History],
        counts: Counts,
    ) -> None:
        self._step = step
        self._services = services
        self._publisher = publisher
        self._history = history
        self._counts = counts
        self._in_force: tuple[str, str, dict[str, dict[str, Any]]] = ("", "", {})
        self._policy: Configuration | None = None
        """Digest of the configuration that the last run began with, and its values by it."""
        self._digest_keys = DigestKeys(services.digest_key)
        self._producers = ProducersInForce(services.configurations)

    # ------------------------------------------------------------------ what may be processed

    async def run(self, event: Event, item: Item) -> None:
        """Run the step over an event."""
        given = Input(event, item.lane.topic, item.lane.partition, item.offset)
        headers = dict(headers_of(item.message))
        rejected = rejected_attempt(headers) if "retry" in headers else 0
        task = self._begin(given, item, rejected)
        if task is None:
            return
        try:
            task.producers = self._asked_for_proof(task)
        except Unproved as error:
            await self.refuse(error, item)
            return
        parent = headers.get("traceparent", b"").decode("ascii", "replace") or event.meta.trace
        await self._until_closed(task, parent)
        self._end(task)

    async def refuse(self, error: Undecodable, item: Item) -> None:
        """Reject a record that reaches no step."""
        given = unreadable(item.lane.topic, item.lane.partition, item.offset)
        task = self._begin(given, item, 0)
        if task is None:
            return
        if isinstance(error, Unproved):
            task.producers = error.by
        where = partial(_destination, item)
        with tracing.run_span(self._step.name, "", where) as span:
            span.failed(error)
            task.outbox.traceparent = span.traceparent
            enter(self._step.name, "", item, span.traceparent)
            await self._reject(task, None, unreadable_because(error, item.place))
        self._end(task)

    async def pass_over(self, event: Event, item: Item) -> None:
        """Leave out an input that came late: whoever wrote it had lost its lane."""
        self._counts.add("duplicates", item.lane.partition, topic=item.lane.topic)
        log.info("an input came late and is passed over", id=event.meta.id)

    def _asked_for_proof(self, task: _Task) -> str:
        """Return by which configuration a producer was asked to prove its tenant; raises Unproved.

        Whoever the record says that it is from: what is not its tenant's is nobody's.
        """
        digest, rules = self._producers.now()
        given, message = task.given, task.item.message
        at = WrittenAt(given.topic, given.partition, given.offset)
        if not rules.asks(at):
            return ""
        record = SignedRecord(
            given.topic, message.key() or b"", message.value() or b"", task.meta.tenant
        )
        rules.check(at, record, headers_of(message), digest)
        return digest

    def _begin(self, given: Input, item: Item, rejected: int) -> _Task | None:
        """Return what is to be done; None for what was done before."""
        history = self._history(given.partition)
        meta = given.event.meta
        if history.duplicate(meta, given.topic, given.partition, given.offset, rejected):
            self._counts.add("duplicates", given.partition, topic=given.topic)
            return None
        if rejected:  # its outcomes supersede by a higher attempt, after a restart too
            history.attempted(meta.id, rejected)
        outbox = Outbox(self._publisher(), self._services.codec, item)
        return _Task(given, item, history, outbox)

    def _end(self, task: _Task) -> None:
        task.history.finished(task.meta)
        self._counts.add("events", task.given.partition, topic=task.given.topic)

    # ------------------------------------------------------------------ trying

    async def _until_closed(self, task: _Task, parent: str) -> None:
        retry: Retry | None = None
        tries = 0
        while True:
            tries += 1
            run, failure = await self._try(task, parent)
            if failure is None:
                return
            if isinstance(failure, Transient):
                retry = retry or Retry(self._services.settings, task.given.event)
                pause_s = retry.next_pause(failure, tries)
                if pause_s is not None:
                    self._say_again(task, failure, tries, pause_s)
                    await asyncio.sleep(pause_s)
                    continue
            await self._reject(task, run, failed(failure, tries))
            return

    async def _try(self, task: _Task, parent: str) -> tuple[LiveRun | None, Exception | None]:
        """Run the step once; return the run and the error that left its outcome open.

        The run is None where none can go on to a letter.
        """
        meta, item, outbox = task.meta, task.item, task.outbox
        keys = self._digest_keys
        try:
            digest_key = keys.known(meta.tenant) or await keys.of(meta.tenant)
        except Permanent as error:
            return None, error
        number = self._number(task)
        outbox.refused = False
        about = partial(_attributes, item, meta, number)
        with tracing.run_span(self._step.name, parent, about) as span:
            outbox.traceparent = span.traceparent or parent
            enter(self._step.name, meta.request, item, outbox.traceparent)
            run = self._live_run(task, number, digest_key)
            try:
                await run.execute()
            except Exception as error:  # noqa: BLE001 - whatever a step may raise is an outcome
                span.failed(error)
                return None if outbox.refused else run, error
        return run, None

    def _say_again(self, task: _Task, failure: Transient, tries: int, pause_s: float) -> None:
        self._counts.add("retries", task.given.partition, topic=task.given.topic)
        log.warning("trying again", tries=tries, pause_s=round(pause_s, 3), error=str(failure))

    def _number(self, task: _Task) -> int:
        given, floor = task.given, floor_of(task.item.lane.epoch)
        return task.history.begin(task.meta, given.topic, given.partition, given.offset, floor)

    def _live_run(self, task: _Task, number: int, digest_key: bytes) -> LiveRun:
        services = self._services
        digest, policy, values = self._configured()
        return LiveRun(
            self._step,
            task.given,
            task.outbox.put,
            world=services.world,
            codec=services.codec,
            digest_key=digest_key,
            begun=Begun(
                at=now_us(),
                attempt=number,
                code=CODE,
                configuration=digest,
                trace=task.outbox.traceparent,
                runtime=RUNTIME_WITH_POLICY if policy else RUNTIME,
                policy=policy,
                region=services.settings.region if policy else "",
                producers=task.producers,
                cancelled=self._step.stoppable
                and Wanted.of(task.given.event) in services.cancellations,
            ),
            configuration=values,
        )

    def _configured(self) -> tuple[str, str, dict[str, dict[str, Any]]]:
        """Return what a run that begins now is configured with; parsed once, when it changed.

        That is digest, digest of the policy (empty for none), and both by digest.
        """
        configurations = self._services.configurations
        configuration = configurations[self._step.name]
        policy = configurations.get(POLICY) if self._step.by_policy else None
        if policy is not self._policy or configuration.digest != self._in_force[0]:
            values = {configuration.digest: configuration.values}
            digest = ""
            if policy is not None and rules_in(rules := policy.values):
                digest = policy.digest
                values[digest] = rules
            self._policy, self._in_force = policy, (configuration.digest, digest, values)
        return self._in_force

    # ------------------------------------------------------------------ rejecting

    async def _reject(self, task: _Task, run: LiveRun | None, why: Failed) -> None:
        """Close an outcome with a dead letter; see the module's head for why it can't fail."""
        log.error(
            "moved to the dead letters", error=why.error, reason=why.message, tries=why.attempts
        )
        message = task.item.message
        build = rejection(self._step.name, task.given, message.key(), message.value())
        if run is None or not await _closed(run, why, build):
            run = self._live_run(task, self._number(task), b"")  # what it records needs no key
            await run.begin()
            run.fail_with(why)
            await run.reject(build)
        self._counts.add("dead_letters", task.given.partition, topic=task.given.topic)


async def _closed(run: LiveRun, why: Failed, build: Callable[[Failed, Meta], Event]) -> bool:
    """Close the outcome of a run that failed; False where its letter can't be put."""
    run.fail_with(why)
    try:
        await run.reject(build)
    except Exception as error:  # noqa: BLE001 - such as RecordTooLarge; a run of its own closes it
        log.warning("the run can't close its outcome itself", error=type(error).__name__)
        return False
    return True


def _destination(item: Item) -> tracing.Attributes:
    return {"messaging.destination.name": item.lane.topic}


def _attributes(item: Item, meta: Meta, number: int) -> tracing.Attributes:
    """Describe a run for its span."""
    return {
        **_destination(item),
        "playhead.tenant": meta.tenant,
        "playhead.request": meta.request,
        "playhead.attempt": number,
        "playhead.queued_us": max(0, now_us() - item.message.timestamp()[1] * 1_000),
        "messaging.destination.partition.id": str(item.lane.partition),
        "messaging.kafka.offset": item.offset,
    }
