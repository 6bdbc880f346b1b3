"""Step -> Faust agent: decode, deduplicate, run, publish, acknowledge.

An input is finished when the broker has acknowledged its closed outcome, and only a contiguous
prefix of finished inputs is committed. So nothing is lost; what a crash repeats is told apart by
the attempt in its records, and what was finished is not run again (see `history`).

Many inputs of a lane run at once; those of one session run one after another (see `lane`).
A run that waits for nothing costs no task of its own: workers of a lane take one input after the
other, and another one is started whenever one of them may have to wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, cast

from confluent_kafka import KafkaException, Message

from agents.errors import Permanent, Transient
from schemas import Begun, Event, Failed, Meta
from schemas.registry import RegistryAway
from streams.delivery.history import History, Taken, read_back, rejected_attempt
from streams.delivery.lane import Item, Lane
from streams.delivery.tables import Table
from streams.delivery.transport import App, Batch, Consumer, raw_topic
from streams.log.codec import Codec, Undecodable, schema_id_of
from streams.log.configuration import Configuration
from streams.running.admit import Unreadable, admit, rejection, unreadable
from streams.running.live import LiveRun, now_us
from streams.running.retry import Retry
from streams.running.run import Input
from streams.running.world import World
from streams.settings import Settings
from streams.topics import Fold, Step, topic_of
from streams.version import CODE
from streams.watching import tracing
from streams.watching.logs import begin_task, enter, leave, logger, places
from streams.watching.metrics import Counts, LaneState, observe

log = logger("runner")

SLICE_S = 0.002  # for which a lane may run without letting others: hops of one process share a loop
REVOKED_GRACE_S = 3.0  # for running events when lanes move
PUBLISHED_S = 2.0  # for the broker to acknowledge what a moving lane has written
RECORD_BYTES_MAX = 1_000_000  # under the broker's limit of 1 MiB, headers included
PAUSE_S = 0.5
PAUSE_MAX_S = 5.0

FoldFunction = Callable[[Event], Awaitable[None]]
Work = Callable[[Item], Awaitable[None]]


class RecordTooLarge(Permanent):
    """An outcome does not fit a record of the log."""


@dataclass(frozen=True)
class Services:
    """What all runners of a process share."""

    settings: Settings
    codec: Codec
    world: World
    digest_key: Callable[[str], bytes]
    configurations: Mapping[str, Configuration]


class Outbox:
    """Publishes the outcomes of one input, in the order in which they were yielded."""

    __slots__ = ("_codec", "_item", "_publisher", "traceparent")

    def __init__(self, app: App, codec: Codec, item: Item) -> None:
        self._publisher = app.publisher
        self._codec = codec
        self._item = item
        self.traceparent = ""

    def put(self, event: Event) -> None:
        """Publish an outcome; raises RecordTooLarge, or CancelledError once the lane has moved."""
        if self._item.lane.revoked:
            raise asyncio.CancelledError
        value = self._codec.encode(event)
        if len(value) > RECORD_BYTES_MAX:
            raise RecordTooLarge(
                f"{event.SCHEMA} would take {len(value)} bytes, a record holds {RECORD_BYTES_MAX}: "
                "cut its batches smaller"
            )
        meta = event.meta
        self._item.unacknowledged += 1
        self._publisher.send(
            topic_of(type(event)),
            meta.lane,
            meta.tenant.encode(),
            value,
            [
                ("id", meta.id.encode()),
                ("traceparent", self.traceparent.encode()),
                ("request", meta.request.encode()),
            ],
            self._item,
        )


class Runner:
    """Runs one step over its topics, as the agent of a Faust app."""

    def __init__(
        self,
        app: App,
        step: Step,
        services: Services,
        folds: Mapping[Fold, FoldFunction] | None = None,
        tables: Sequence[Table] = (),
    ) -> None:
        self.app = app
        self.step = step
        self.counts = Counts(step.name)
        self._services = services
        self._codec = services.codec
        self._settings = services.settings
        self._reads: dict[str, tuple[type[Event], FoldFunction | None]] = {
            topic_of(record): (record, None) for record in step.reads
        }
        for fold, function in (folds or {}).items():
            self._reads[topic_of(fold.reads)] = (fold.reads, function)
        self._tables = tables
        self._configuration = services.configurations[step.name]
        self._configuration_values = {self._configuration.digest: self._configuration.values}
        self._digest_keys: dict[str, bytes] = {}
        self._histories: dict[int, History] = {}
        self._lanes: list[Lane] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        app.lanes_assigned = self._assigned
        app.lanes_revoked = self._revoked
        app.agent(raw_topic(app, *self._reads), name=step.name)(self._agent)
        observe(step.name, self.lanes)

    @property
    def _consumer(self) -> Consumer:
        return cast(Consumer, self.app.consumer)

    @property
    def ready(self) -> bool:
        """Whether the group has told which lanes are ours, and all are known."""
        return self._consumer.joined and all(lane.learned for lane in self._lanes)

    def lanes(self) -> Iterator[LaneState]:
        """Tell how the lanes stand."""
        for lane in list(self._lanes):
            yield LaneState(
                topic=lane.topic,
                lane=lane.partition,
                lag=lane.lag,
                in_flight=lane.running,
                taken=len(lane),
                oldest_age_s=_age_s(lane.oldest),
                paused=lane.paused,
                bytes=lane.bytes,
                uncommitted_s=lane.uncommitted_s,
            )

    # ------------------------------------------------------------------ taking events

    async def _agent(self, stream: Any) -> None:
        async for event in stream.noack().events():
            try:
                self._take(event.value)
            except Exception as error:  # noqa: BLE001 - an exception here would lose the batch
                await self._die(error)

    def _take(self, batches: Iterable[Batch]) -> None:
        for lane, records in batches:
            if not lane.revoked:
                lane.take(records)
                self._pump(lane)

    def _pump(self, lane: Lane) -> None:
        """Have a worker at hand for whatever may run next."""
        if lane.learned and not (lane.spare or lane.revoked or self._stopping) and lane.has_work:
            lane.spare = True
            self._spawn(self._work(lane))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, lane: Lane) -> None:
        """Run one event of a lane after the other, until there is none that may run."""
        lane.spare = False
        begin_task()
        until = perf_counter() + SLICE_S
        while not (lane.revoked or self._stopping) and (item := lane.next(self._open)) is not None:
            self._pump(lane)
            try:
                await item.work(item)
            except asyncio.CancelledError:
                raise  # the lane moves: the next owner runs it
            except Exception as error:  # noqa: BLE001 - of the machinery: a step's own is a rejection
                await self._die(error)
                return
            leave()
            lane.left(item)
            item.close()
            if perf_counter() > until:
                await asyncio.sleep(0)
                until = perf_counter() + SLICE_S
        # what became free while no worker was at hand
        self._pump(lane)

    def _open(self, lane: Lane, offset: int, size: int, message: Message) -> Item | None:
        """Decode; what can't be is an item of its own, which blocks no session."""
        value = message.value()
        try:
            schema_id = schema_id_of(value)
            if not self._codec.known(schema_id):
                self._stall(lane, schema_id)
                return None
            record, fold = self._reads[lane.topic]
            event = admit(self._codec, record, value, message.key(), lane.partition)
        except Undecodable as error:
            work: Work = partial(self._refuse, error)
            return Item(lane, offset, size, f"{lane.topic}@{offset}", message, work)
        work = partial(self._process, event) if fold is None else partial(self._fold, fold, event)
        return Item(lane, offset, size, event.meta.session, message, work)

    def _stall(self, lane: Lane, schema_id: int) -> None:
        """Ask the registry for a schema that was never met before; the lane waits for it."""
        if not lane.stalled:
            lane.stalled = True
            self._spawn(self._learn_schema(lane, schema_id))

    async def _learn_schema(self, lane: Lane, schema_id: int) -> None:
        pauses = _pauses()
        while not lane.revoked:
            try:
                await asyncio.to_thread(self._codec.learn, schema_id)
                break
            except RegistryAway as error:
                log.warning(
                    "a schema is unknown here and the registry does not answer: the lane waits",
                    step=self.step.name,
                    lane=lane.partition,
                    schema=schema_id,
                    error=type(error).__name__,
                )
                await asyncio.sleep(next(pauses))
        lane.stalled = False
        self._pump(lane)

    async def _die(self, error: BaseException) -> None:
        """Stop the worker: what it can't do, it must not acknowledge."""
        log.error(
            "the runner broke", step=self.step.name, error=type(error).__name__, stack=places(error)
        )
        await self.app.crash(error)

    # ------------------------------------------------------------------ lanes come and go

    def _assigned(self, lanes: Sequence[Lane]) -> None:
        """Take lanes over: learn what was done before, then run them."""
        self._lanes = [lane for lane in self._lanes if not lane.revoked] + list(lanes)
        ours = {lane.partition for lane in self._lanes}
        for partition in set(self._histories) - ours:
            del self._histories[partition]
        for table in self._tables:
            table.keep_only(ours)
        if lanes:
            self._spawn(self._learn(lanes))

    async def _learn(self, lanes: Sequence[Lane]) -> None:
        taken = [
            Taken(lane.topic, lane.partition, lane.base, lane.partition not in self._histories)
            for lane in lanes
            if self._reads[lane.topic][1] is None
        ]
        partitions = sorted({lane.partition for lane in lanes})
        pauses = _pauses()
        while True:
            try:
                found = await asyncio.to_thread(
                    read_back, self._settings, self._codec, self.step, taken
                )
                changes = [
                    await asyncio.to_thread(table.changes, table.known(partitions))
                    for table in self._tables
                ]
            except (KafkaException, TimeoutError, RegistryAway) as error:
                log.warning(
                    "reading back failed, trying again",
                    step=self.step.name,
                    error=type(error).__name__,
                )
                await asyncio.sleep(next(pauses))
            else:
                break
        # at once, on the event loop: what was read before another rebalance must change nothing
        for table, changed in zip(self._tables, changes, strict=True):
            table.apply(changed)
        for partition in partitions:
            history = self._histories.setdefault(partition, History())
            history.learn(outcome for outcome in found if outcome.cause.partition == partition)
        log.debug("read back", step=self.step.name, lanes=len(lanes), outcomes=len(found))
        for lane in lanes:
            lane.on_progress = self._pump
            lane.learned = True
            self._pump(lane)

    async def _revoked(self, lanes: Sequence[Lane], *, in_good_order: bool) -> None:
        """Let go of lanes. Called when they are revoked, or known to be lost.

        In good order running events may end, and everything written is acknowledged before the next
        owner reads what was done. Of lost lanes nothing more may reach the log.
        """
        if in_good_order:
            await self.drain(REVOKED_GRACE_S, stopping=self._stopping)
        for lane in lanes:
            lane.revoked = True
        if not in_good_order:
            self._abandon()
            await self._cancel()
            return
        try:
            await asyncio.wait_for(self.app.publisher.delivered(), PUBLISHED_S)
        except TimeoutError:
            self._abandon()

    def _abandon(self) -> None:
        """Forget what is not on the log, and that it was done: inputs count as finished before."""
        self.app.publisher.abandon()
        self._histories.clear()

    async def drain(self, grace_s: float, *, stopping: bool = True) -> None:
        """Start nothing new, let running events end for a while, then cancel the rest."""
        self._stopping = True
        try:
            if self._tasks:
                await asyncio.wait(list(self._tasks), timeout=grace_s)
            await self._cancel()
        finally:
            self._stopping = stopping

    async def _cancel(self) -> None:
        left = [task for task in self._tasks if not task.done()]
        for task in left:
            task.cancel()
        if left:
            log.info("cancelled running events", step=self.step.name, events=len(left))
            await asyncio.wait(left, timeout=1.0)

    # ------------------------------------------------------------------ running

    async def _process(self, event: Event, item: Item) -> None:
        """Run the step over an event, unless it was done before."""
        meta = event.meta
        lane = item.lane
        history = self._histories[lane.partition]
        headers = dict(item.message.headers() or ())
        rejected = rejected_attempt(headers) if "retry" in headers else 0
        if history.duplicate(meta, lane.topic, lane.partition, item.offset, rejected):
            self.counts.add("duplicates", lane.partition, topic=lane.topic)
            return
        if rejected:  # its outcomes supersede by a higher attempt, after a restart too
            history.attempted(meta.id, rejected)
        given = Input(event, lane.topic, lane.partition, item.offset)
        outbox = Outbox(self.app, self._codec, item)
        parent = headers.get("traceparent", b"").decode("ascii", "replace") or meta.trace
        retry: Retry | None = None
        tries = 0
        while True:
            tries += 1
            run, failure = await self._attempt(given, item, outbox, history, parent)
            if failure is None:
                break
            if isinstance(failure, Transient):
                retry = retry or Retry(self._settings, event)
                pause_s = retry.next_pause(failure, tries)
                if pause_s is not None:
                    self.counts.add("retries", lane.partition, topic=lane.topic)
                    log.warning(
                        "trying again", tries=tries, pause_s=round(pause_s, 3), error=str(failure)
                    )
                    await asyncio.sleep(pause_s)
                    continue
            if isinstance(failure, RecordTooLarge):
                number = history.next_attempt(meta)
                history.attempted(meta.id, number)
                digest_key = await self._digest_key(meta.tenant)
                run = self._live_run(given, number, outbox, digest_key)
                await run.begin()
            await self._reject(run, given, item, failed(failure, tries))
            break
        history.finished(meta)
        self.counts.add("events", lane.partition, topic=lane.topic)

    async def _attempt(
        self,
        given: Input,
        item: Item,
        outbox: Outbox,
        history: History,
        parent: str,
    ) -> tuple[LiveRun, Exception | None]:
        """Run the step once; return the run and the error that left its outcome open."""
        meta = given.event.meta
        digest_key = self._digest_keys.get(meta.tenant) or await self._digest_key(meta.tenant)
        number = history.next_attempt(meta)
        history.attempted(meta.id, number)
        with tracing.run_span(
            self.step.name, parent, lambda: _attributes(item, meta, number)
        ) as span:
            outbox.traceparent = span.traceparent or parent
            enter(self.step.name, meta.request, item, outbox.traceparent)
            run = self._live_run(given, number, outbox, digest_key)
            try:
                await run.execute()
            except Exception as error:  # noqa: BLE001 - whatever a step may raise is an outcome
                span.failed(error)
                return run, error
        return run, None

    async def _digest_key(self, tenant: str) -> bytes:
        """Look the tenant's key up, as long as it takes: without it nothing can be recorded.

        Its first use makes it, and waits for whoever writes to the key store: in a thread.
        """
        pauses = _pauses()
        while True:
            try:
                found = await asyncio.to_thread(self._services.digest_key, tenant)
            except Transient as error:
                log.warning("no key for digests, trying again", error=str(error))
                await asyncio.sleep(next(pauses))
            else:
                self._digest_keys[tenant] = found
                return found

    def _live_run(self, given: Input, number: int, outbox: Outbox, digest_key: bytes) -> LiveRun:
        services = self._services
        return LiveRun(
            self.step,
            given,
            outbox.put,
            world=services.world,
            codec=services.codec,
            digest_key=digest_key,
            begun=Begun(
                at=now_us(),
                attempt=number,
                code=CODE,
                configuration=self._configuration.digest,
                trace=outbox.traceparent,
            ),
            configuration=self._configuration_values,
        )

    async def _reject(self, run: LiveRun, given: Input, item: Item, why: Failed) -> None:
        log.error(
            "moved to the dead letters", error=why.error, reason=why.message, tries=why.attempts
        )
        run.fail_with(why)
        await run.reject(rejection(self.step, given, item.message.key(), item.message.value()))
        self.counts.add("dead_letters", given.partition, topic=given.topic)

    async def _refuse(self, error: Undecodable, item: Item) -> None:
        """Reject a record that reaches no step."""
        lane = item.lane
        given = unreadable(lane.topic, lane.partition, item.offset)
        assert isinstance(given.event, Unreadable)
        meta = given.event.meta
        history = self._histories[lane.partition]
        if history.duplicate(meta, lane.topic, lane.partition, item.offset):
            self.counts.add("duplicates", lane.partition, topic=lane.topic)
            return
        outbox = Outbox(self.app, self._codec, item)
        number = history.next_attempt(meta)
        with tracing.run_span(
            self.step.name, "", lambda: {"messaging.destination.name": lane.topic}
        ) as span:
            span.failed(error)
            outbox.traceparent = span.traceparent
            enter(self.step.name, "", item, outbox.traceparent)
            run = self._live_run(given, number, outbox, b"")
            await run.begin()
            why = Failed(
                error=type(error).__name__,
                message=f"{error} ({item.place})",
                traceback="",
                attempts=1,
            )
            await self._reject(run, given, item, why)
        history.finished(meta)
        self.counts.add("events", lane.partition, topic=lane.topic)

    async def _fold(self, fold: FoldFunction, event: Event, item: Item) -> None:
        """Bring a table up to date; it is retried until it works, since nothing depends on it."""
        pauses = _pauses()
        enter(self.step.name, event.meta.request, item, event.meta.trace)
        while True:
            try:
                await fold(event)
            except Transient as error:
                log.warning("the table was not written, trying again", error=str(error))
                await asyncio.sleep(next(pauses))
            else:
                return


def _pauses() -> Iterator[float]:
    """Return the pauses, in seconds, between the tries of what has to work in the end."""
    pause_s = PAUSE_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, PAUSE_MAX_S)


def _age_s(message: Message | None) -> float:
    return 0.0 if message is None else max(0.0, now_us() / 1e6 - message.timestamp()[1] / 1e3)


def _attributes(item: Item, meta: Meta, number: int) -> tracing.Attributes:
    """Describe a run for its span."""
    return {
        "playhead.tenant": meta.tenant,
        "playhead.request": meta.request,
        "playhead.attempt": number,
        "playhead.queued_us": max(0, now_us() - item.message.timestamp()[1] * 1_000),
        "messaging.destination.name": item.lane.topic,
        "messaging.destination.partition.id": str(item.lane.partition),
        "messaging.kafka.offset": item.offset,
    }


def failed(error: Exception, tries: int) -> Failed:
    """Say why a step gave up, without the text of a person.

    The messages of Transient and Permanent are written for this. Another exception is a mistake in
    the code; what it says may quote the text that it stumbled over, so only its class and its place
    are told.
    """
    where = places(error).rpartition("\n")[2]
    if isinstance(error, Permanent):
        message = str(error)
    elif isinstance(error, Transient):
        message = f"{error} (given up after {tries} tries; retry it when the service is back)"
    else:
        message = f"a mistake in the code at {where}: report it, then retry the dead letter"
    return Failed(
        error=type(error).__name__, message=message, traceback=places(error), attempts=tries
    )
