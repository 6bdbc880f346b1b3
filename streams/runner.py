"""Step -> Faust agent: decode, deduplicate, run, publish, acknowledge.

An input is finished when the broker has acknowledged its closed outcome, and only a contiguous
prefix of finished inputs is committed. So nothing is lost; what a crash repeats is told apart by
the attempt in its records, and what was finished is not run again (see `streams.history`).

Many inputs of a lane run at once; those of one session run one after another (see `streams.lane`).
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import structlog
from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException
from faust.exceptions import ProducerSendError
from faust.transport.consumer import ensure_TP
from faust.types import TP

from agents.errors import Permanent, Transient
from schemas import Begun, Event, Failed
from streams import tracing
from streams.admission import Unreadable, admit, rejection, unreadable
from streams.codec import Codec, Undecodable
from streams.configuration import Configuration
from streams.effects import LiveRun, now_us
from streams.history import History, Taken, read_back, rejected_attempt
from streams.lane import Item, Lane
from streams.logs import logger, places
from streams.metrics import Counts
from streams.run import Input
from streams.settings import Settings
from streams.topics import Fold, Step, topic_of
from streams.transport import App, Consumer, Ledger, Verdict, raw_topic
from streams.version import CODE
from streams.world import World

log = logger("runner")

TAKEN_MAX = 4  # inputs taken per slot of the window before the lane's fetch pauses
BACKOFF_MAX_S = 10.0
REVOKED_GRACE_S = 3.0  # for running events when lanes move: well within the rebalance timeout
RECORD_BYTES_MAX = 1_000_000  # under the broker's limit of 1 MiB, headers included
PUBLISH_GIVE_UP_S = 120.0  # without an acknowledgement; then the worker dies and is started again

FoldFunction = Callable[[Event], Awaitable[None]]


class RecordTooLarge(Permanent):
    """An outcome does not fit a record of the log."""


class BrokerSilent(Exception):
    """The broker has acknowledged nothing for too long."""


@dataclass(frozen=True)
class Message:
    """A record as it was delivered."""

    topic: str
    partition: int
    offset: int
    timestamp_us: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]

    @property
    def place(self) -> str:
        """Where it lies."""
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True)
class Services:
    """What all runners of a process share."""

    settings: Settings
    codec: Codec
    world: World
    digest_key: Callable[[str], bytes]
    configurations: Mapping[str, Configuration]


class Outbox:
    """Outcomes of one input on their way to the broker, in the order in which they were yielded."""

    def __init__(self, app: App, codec: Codec, traceparent: str) -> None:
        self._app = app
        self._codec = codec
        self.traceparent = traceparent
        self._unsent: deque[tuple[Any, ...]] = deque()
        self._unacknowledged: deque[tuple[tuple[Any, ...], Awaitable[Any]]] = deque()
        self._sending: asyncio.Task[None] | None = None
        self.count = 0

    def put(self, event: Event) -> None:
        """Publish an outcome; raises RecordTooLarge."""
        value = self._codec.encode(event)
        if len(value) > RECORD_BYTES_MAX:
            raise RecordTooLarge(
                f"{event.SCHEMA} would take {len(value)} bytes, a record holds {RECORD_BYTES_MAX}: "
                "cut its batches smaller"
            )
        meta = event.meta
        headers = [
            ("id", meta.id.encode()),
            ("traceparent", self.traceparent.encode()),
            ("request", meta.request.encode()),
        ]
        self._unsent.append(
            (topic_of(event), meta.tenant.encode(), value, meta.lane, None, headers)
        )
        self.count += 1
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        while self._unsent:
            record = self._unsent[0]
            acknowledgement = await self._app.producer.send(*record)
            self._unacknowledged.append((record, acknowledgement))
            self._unsent.popleft()

    async def delivered(self) -> None:
        """Wait until the broker has acknowledged everything, again and again where it fails.

        What follows a failed record is sent again after it: copies are dropped by their id, the
        order is kept. Raises BrokerSilent in the end.
        """
        deadline = asyncio.get_running_loop().time() + PUBLISH_GIVE_UP_S
        pause_s = 0.1
        while self._sending is not None or self._unacknowledged:
            try:
                if self._sending is not None:
                    await self._sending
                    self._sending = None
                while self._unacknowledged:
                    await self._unacknowledged[0][1]
                    self._unacknowledged.popleft()
            except (KafkaError, ProducerSendError) as error:
                await asyncio.gather(
                    *(ack for _, ack in self._unacknowledged), return_exceptions=True
                )
                if asyncio.get_running_loop().time() > deadline:
                    raise BrokerSilent(
                        f"no acknowledgement for {PUBLISH_GIVE_UP_S:g} s: {type(error).__name__}"
                    ) from None
                log.warning("publishing failed, trying again", error=type(error).__name__)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 5.0)
                self._unsent.extendleft(record for record, _ in reversed(self._unacknowledged))
                self._unacknowledged.clear()
                self._sending = asyncio.create_task(self._send())

    def abandon(self) -> None:
        """Send no more: the input's lane has moved."""
        if self._sending is not None:
            self._sending.cancel()


class Runner:
    """Runs one step over its topics, as the agent of a Faust app."""

    def __init__(
        self,
        app: App,
        step: Step,
        services: Services,
        folds: Mapping[Fold, FoldFunction] | None = None,
    ) -> None:
        self.app = app
        self.step = step
        self.counts = Counts(step.name)
        self._services = services
        self._settings = services.settings
        self._records = {topic_of(record): record for record in step.reads}
        self._folds = {
            topic_of(fold.reads): (fold.reads, function) for fold, function in (folds or {}).items()
        }
        self._configuration = services.configurations[step.name]
        self._configuration_values = {self._configuration.digest: self._configuration.values}
        self._history = History()
        self._lanes: dict[TP, Lane] = {}
        self._learned: dict[TP, asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._full: set[TP] = set()
        topics = (*self._records, *self._folds)
        app.drained = self._drained
        app.assigned = self._assigned
        app.agent(raw_topic(app, *topics), name=step.name)(self._agent)

    @property
    def _consumer(self) -> Consumer:
        return cast(Consumer, self.app.consumer)

    # ------------------------------------------------------------------ taking events

    async def _agent(self, stream: Any) -> None:
        async for event in stream.noack().events():
            try:
                self._take(event)
            except Exception as error:  # noqa: BLE001 - an exception here would lose the event
                await self._die(error)

    def _take(self, event: Any) -> None:
        message = event.message
        tp = ensure_TP(message.tp)
        consumer = self._consumer
        if consumer.revoking or self._stopping or not consumer.taken_up(tp):
            event.ack()
            return
        verdict = consumer.ledger(tp).begin(message.offset)
        if verdict is not Verdict.RUN:
            event.ack()
            if verdict is Verdict.READ_AGAIN:
                self._spawn(self._read_again(tp))
            return
        lane = self._lanes.get(tp)
        if lane is None:
            lane = self._lanes[tp] = Lane(self._settings.window)
            self._assigned({tp})
        given = Message(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            timestamp_us=int((message.timestamp or 0) * 1e6),
            key=event.key,
            value=event.value,
            headers=dict(message.headers or ()),
        )
        lane.take(self._item(given, event))
        if len(lane) >= TAKEN_MAX * self._settings.window:
            self._full.add(tp)
            consumer.on_buffer_full(tp)
        self._pump(tp, lane)

    async def _read_again(self, tp: TP) -> None:
        try:
            await self._consumer.read_again(tp)
        except Exception as error:  # noqa: BLE001 - without it the lane would stand still
            await self._die(error)

    def _item(self, message: Message, event: Any) -> Item:
        """Decode; what can't be is an item of its own, which blocks no session."""
        record, fold = self._records.get(message.topic), None
        if record is None:
            record, fold = self._folds[message.topic]
        work: Callable[[], Awaitable[None]]
        try:
            decoded = admit(
                self._services.codec, record, message.value, message.key, message.partition
            )
        except Undecodable as error:
            session, failure = message.place, error
            work = lambda: self._refuse(message, failure)  # noqa: E731
        else:
            session = decoded.meta.session
            work = lambda: self._process(decoded, message, fold)  # noqa: E731
        return Item(message.offset, session, (work, event))

    def _pump(self, tp: TP, lane: Lane) -> None:
        if self._stopping:
            return
        ledger = self._consumer.ledger(tp)
        while (item := lane.next(ledger.oldest)) is not None:
            self._spawn(self._run_item(tp, lane, ledger, item))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_item(self, tp: TP, lane: Lane, ledger: Ledger, item: Item) -> None:
        work, event = item.work
        self.counts.add("in_flight", tp.partition)
        try:
            await asyncio.shield(self._learned[tp])
            await work()
        except asyncio.CancelledError:
            raise  # the lane moves: the next owner runs it
        except Exception as error:  # noqa: BLE001 - of the machinery: a step's own end in a rejection
            await self._die(error)
            return
        finally:
            self.counts.add("in_flight", tp.partition, -1)
            event.ack()  # Faust's own book; it decides nothing
        ledger.finish(item.offset)
        lane.done(item)
        if self._lanes.get(tp) is lane:
            self._pump(tp, lane)
            if tp in self._full and len(lane) <= TAKEN_MAX * self._settings.window // 2:
                self._full.discard(tp)
                self._consumer.on_buffer_drop(tp)

    async def _die(self, error: BaseException) -> None:
        """Stop the worker: what it can't do, it must not acknowledge."""
        log.error(
            "the runner broke", step=self.step.name, error=type(error).__name__, stack=places(error)
        )
        await self.app.crash(error)

    # ------------------------------------------------------------------ what was done before

    def _assigned(self, tps: Iterable[TP]) -> None:
        """Begin to read back what this step has already written in these lanes."""
        new = [tp for tp in tps if tp not in self._learned]
        if new:
            reading = asyncio.ensure_future(self._learn(new))
            self._learned.update(dict.fromkeys(new, reading))

    async def _learn(self, tps: Sequence[TP]) -> None:
        lanes = [
            Taken(tp.topic, tp.partition, self._consumer.committed(tp))
            for tp in tps
            if tp.topic in self._records
        ]
        settings, codec, tries = self._settings, self._services.codec, 0
        while True:
            try:
                found = await asyncio.to_thread(read_back, settings, codec, self.step, lanes)
            except (KafkaException, TimeoutError) as error:
                tries += 1
                log.warning(
                    "reading back failed, trying again",
                    step=self.step.name,
                    error=type(error).__name__,
                )
                await asyncio.sleep(self._backoff_s(tries))
            else:
                break
        self._history.learn(found)
        log.debug("read back", step=self.step.name, lanes=len(lanes), outcomes=len(found))

    # ------------------------------------------------------------------ running

    async def _process(self, event: Event, message: Message, fold: FoldFunction | None) -> None:
        meta = event.meta
        with structlog.contextvars.bound_contextvars(
            step=self.step.name, request=meta.request, place=message.place
        ):
            if fold is not None:
                await self._fold(fold, event)
                return
            rejected = rejected_attempt(message.headers)
            if self._history.duplicate(
                meta, message.topic, message.partition, message.offset, rejected
            ):
                self.counts.add("duplicates", message.partition)
                return
            if rejected:  # its outcomes supersede by a higher attempt, after a restart too
                self._history.attempted(meta.id, rejected)
            given = Input(event, message.topic, message.partition, message.offset)
            outbox = Outbox(self.app, self._services.codec, meta.trace)
            try:
                await self._attempts(given, message, outbox)
                await outbox.delivered()
            except asyncio.CancelledError:
                outbox.abandon()
                raise
            self._history.finished(meta)
            self.counts.add("events", message.partition)

    async def _attempts(self, given: Input, message: Message, outbox: Outbox) -> None:
        """Run the step until an outcome is closed, by itself or by a rejection."""
        began_us, tries = now_us(), 0
        while True:
            tries += 1
            failure = await self._attempt(given, message, outbox, tries, began_us)
            if failure is None:
                return
            self.counts.add("retries", message.partition)
            pause_s = self._backoff_s(tries)
            log.warning("trying again", tries=tries, pause_s=round(pause_s, 3), error=str(failure))
            await asyncio.sleep(pause_s)

    async def _attempt(
        self, given: Input, message: Message, outbox: Outbox, tries: int, began_us: int
    ) -> Transient | None:
        """Run the step once; return the error if it is to be tried again."""
        meta = given.event.meta
        digest_key = await self._digest_key(meta.tenant)
        number = self._history.next_attempt(meta)
        self._history.attempted(meta.id, number)
        parent = message.headers.get("traceparent", b"").decode("ascii", "replace") or meta.trace
        attributes: tracing.Attributes = {
            "playhead.tenant": meta.tenant,
            "playhead.request": meta.request,
            "playhead.attempt": number,
            "playhead.queued_us": max(0, now_us() - message.timestamp_us),
            "messaging.destination.name": message.topic,
            "messaging.destination.partition.id": str(message.partition),
            "messaging.kafka.offset": message.offset,
        }
        with tracing.run_span(self.step.name, parent, attributes) as span:
            outbox.traceparent = tracing.traceparent_of(span) or parent
            structlog.contextvars.bind_contextvars(trace=tracing.trace_id_of(outbox.traceparent))
            run = self._live_run(given, number, outbox, digest_key)
            try:
                await run.execute()
            except Exception as error:  # noqa: BLE001 - whatever a step may raise is an outcome
                tracing.failed(span, error)
                if isinstance(error, Transient) and self._may_retry(given, tries, began_us):
                    return error
                if isinstance(error, RecordTooLarge):
                    run = self._live_run(given, number + 1, outbox, digest_key)
                    self._history.attempted(meta.id, number + 1)
                    await run.begin()
                await self._reject(run, given, message, failed(error, tries))
            return None

    async def _digest_key(self, tenant: str) -> bytes:
        """Look the tenant's key up, as long as it takes: without it nothing can be recorded."""
        tries = 0
        while True:
            try:
                return self._services.digest_key(tenant)
            except Transient as error:
                tries += 1
                log.warning("no key for digests, trying again", error=str(error))
                await asyncio.sleep(self._backoff_s(tries))

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

    async def _reject(self, run: LiveRun, given: Input, message: Message, why: Failed) -> None:
        log.error(
            "moved to the dead letters", error=why.error, reason=why.message, tries=why.attempts
        )
        run.fail_with(why)
        await run.reject(rejection(self.step, given, message.key, message.value))
        self.counts.add("dead_letters", message.partition)

    async def _refuse(self, message: Message, error: Undecodable) -> None:
        """Reject a record that reaches no step."""
        given = unreadable(message.topic, message.partition, message.offset)
        assert isinstance(given.event, Unreadable)
        meta = given.event.meta
        if self._history.duplicate(meta, message.topic, message.partition, message.offset):
            self.counts.add("duplicates", message.partition)
            return
        outbox = Outbox(self.app, self._services.codec, "")
        number = self._history.next_attempt(meta)
        with (
            structlog.contextvars.bound_contextvars(step=self.step.name, place=message.place),
            tracing.run_span(
                self.step.name, "", {"messaging.destination.name": message.topic}
            ) as span,
        ):
            tracing.failed(span, error)
            outbox.traceparent = tracing.traceparent_of(span)
            run = self._live_run(given, number, outbox, b"")
            await run.begin()
            why = Failed(
                error=type(error).__name__,
                message=f"{error} ({message.place})",
                traceback="",
                attempts=1,
            )
            await self._reject(run, given, message, why)
        await outbox.delivered()
        self._history.finished(meta)
        self.counts.add("events", message.partition)

    async def _fold(self, fold: FoldFunction, event: Event) -> None:
        """Bring a table up to date; it is retried until it works, since nothing depends on it."""
        tries = 0
        while True:
            try:
                await fold(event)
            except Transient as error:
                tries += 1
                log.warning("the table was not written, trying again", error=str(error))
                await asyncio.sleep(self._backoff_s(tries))
            else:
                return

    def _backoff_s(self, tries: int) -> float:
        """Return the pause before another try: it doubles, with jitter, so that tries spread."""
        base_s: float = self._settings.backoff_ms / 1000 * 2 ** min(tries - 1, 16)
        return min(BACKOFF_MAX_S, base_s) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret

    def _may_retry(self, given: Input, tries: int, began_us: int) -> bool:
        """Whether another attempt is of use.

        A question has a deadline. What has none waits longer than its attempts take: a document
        must not be given up because a service restarts.
        """
        deadline = getattr(getattr(given.event, "ask", None), "deadline", 0)
        if deadline:
            return tries < self._settings.attempts_max and now_us() < deadline
        patient = now_us() < began_us + self._settings.patience_ms * 1000
        return tries < self._settings.attempts_max or patient

    # ------------------------------------------------------------------ stopping

    async def _drained(self) -> None:
        """Let go of every lane: called when partitions are revoked."""
        await self.drain(REVOKED_GRACE_S)

    async def drain(self, grace_s: float, *, stopping: bool = False) -> None:
        """Let running events end for a while, then cancel the rest: the next owner runs them."""
        self._stopping = True
        try:
            if self._tasks:
                await asyncio.wait(list(self._tasks), timeout=grace_s)
            left = [task for task in self._tasks if not task.done()]
            for task in left:
                task.cancel()
            if left:
                log.info("cancelled running events", step=self.step.name, events=len(left))
                await asyncio.wait(left, timeout=1.0)
        finally:
            self._stopping = stopping
        for future in self._learned.values():
            future.cancel()
        self._learned.clear()
        self._lanes.clear()
        self._full.clear()


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
