"""Faust's Kafka transport over librdkafka: all that depends on Faust's private names.

Faust pays 100 to 400 µs for every message that passes its conductor, channel and stream, and its
own drivers decide what is committed by a list of acks that can skip an unfinished event. Here

* a reader thread hands over whole polled batches, and all that has arrived reaches the agent as one
  Faust event, so that Faust's price is paid once for many records;
* a lane decides what may be committed (`streams.delivery.lane`), nothing else does;
* partitions come and go between the consumer group and the lanes; Faust is told of all partitions
  once, at the start, and its agents and tables live on through every rebalance. So its dance of
  stopping, seeking and recovering never drops a record, and a table is recovered lane by lane,
  together with what was done before (`streams.delivery.runner`).

Why it is so: the private names make an exact pin of Faust's version necessary, and the tests that
kill a worker must pass before the pin moves.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, cast

import faust
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka import Consumer as Client
from faust.transport import base
from faust.transport.consumer import Consumer as FaustConsumer
from faust.transport.producer import Producer as FaustProducer
from faust.types import TP, ConsumerMessage

from streams.delivery.lane import LOW_WATER, Busy, Lane
from streams.log.writing import Publisher
from streams.settings import Settings
from streams.watching.logs import logger

log = logger("transport")

SESSION_S = 6.0  # the broker's own minimum; one death stalls a lane for about this long (measured)
HEARTBEAT_S = 1.0
POLL_INTERVAL_S = 60.0  # within which a worker must answer a rebalance
POLL_S = 0.1
BATCH = 2_000  # records of one poll
PREFETCH_KB = 16_384  # of one step, in the client
HIGH_WATER = 2_048  # records of a lane taken and not looked at; beyond, its fetch pauses
HANDED_OVER_S = 6.0  # for running events, the publisher and the commit when lanes move
BROKER_TIMEOUT_S = 10.0
PAUSE_S = 0.5

Batch = tuple[Lane, list[tuple[int, int, Message]]]


class Memory:
    """Bytes of inputs taken and not finished, over all steps of a process."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    @property
    def over(self) -> bool:
        """Whether nothing more should be taken."""
        return self.used > self.limit

    @property
    def ample(self) -> bool:
        """Whether taking may begin again."""
        return self.used <= self.limit // 2


class Reader:
    """Reads the assigned partitions of a step in a thread of its own.

    Rebalances are answered here: librdkafka calls back within a poll, and a partition is given up
    only when that call returns.
    """

    def __init__(self, consumer: Consumer, topics: Sequence[str]) -> None:
        self._consumer = consumer
        self._topics = list(topics)
        self._loop = asyncio.get_running_loop()
        self._settings = consumer.app.settings
        self._memory: Memory = consumer.app.memory
        self._ended = threading.Event()
        self.drained = threading.Event()
        """Set when a lane has fallen to its low water mark."""
        self.commit_due = False
        """Whether what the lanes have finished is to be committed."""
        # used by the thread alone: with callbacks, the client stands still for two threads at once
        self.client = Client(self._config())
        self.lanes: dict[tuple[str, int], Lane] = {}
        self._thread = threading.Thread(
            target=self._read, name=f"reader {consumer.app.conf.id}", daemon=True
        )

    def _config(self) -> dict[str, Any]:
        group = self._consumer.app.conf.id
        config = {
            "bootstrap.servers": self._settings.kafka,
            "group.id": group,
            "client.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            # aligns lanes over topics of equal size: a table's lane and its inputs move together
            "partition.assignment.strategy": "range",
            "session.timeout.ms": int(SESSION_S * 1000),
            "heartbeat.interval.ms": int(HEARTBEAT_S * 1000),
            "max.poll.interval.ms": int(POLL_INTERVAL_S * 1000),
            "queued.max.messages.kbytes": PREFETCH_KB,
            "fetch.queue.backoff.ms": 10,
            "reconnect.backoff.max.ms": 1_000,
            "log_level": 2,
            "error_cb": self._on_error,
            "on_commit": self._on_commit,
        }
        if self._settings.slot:
            config["group.instance.id"] = f"{group}-{self._settings.slot}"
        return config

    def start(self) -> None:
        """Join the group and read."""
        self._thread.start()

    async def stop(self) -> None:
        """Give the lanes up and leave the group."""
        self._ended.set()
        self.drained.set()
        await asyncio.to_thread(self._thread.join, HANDED_OVER_S + BROKER_TIMEOUT_S)

    # ------------------------------------------------------------------ in the thread

    def _read(self) -> None:
        client = self.client
        try:
            client.subscribe(
                self._topics,
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_lost,
            )
            while not self._ended.is_set():
                self._keep_pace()
                if self.commit_due:
                    self.commit_due = False
                    self._commit(self.lanes.values(), asynchronous=True)
                    self._look_ahead()
                before = self.lanes
                first = client.poll(POLL_S)
                messages = [] if first is None else [first, *client.consume(BATCH - 1, 0)]
                if self.lanes is not before:
                    # among them may be records fetched for the assignment that has ended
                    client.assign([_start_of(lane) for lane in self.lanes.values()])
                elif messages and (batches := self._batches(messages)):
                    self._loop.call_soon_threadsafe(self._consumer.arrived, batches)
            client.close()  # calls _on_revoke
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker must not go on deaf
            self._loop.call_soon_threadsafe(self._consumer.broken, error)

    def _batches(self, messages: Iterable[Message]) -> list[Batch]:
        batches: dict[tuple[str, int], Batch] = {}
        for message in messages:
            if message.error() is not None:
                self._on_error(cast(KafkaError, message.error()))
                continue
            place = (message.topic(), message.partition())
            batch = batches.get(place)  # type: ignore[arg-type]  # delivered messages have both
            if batch is None:
                lane = self.lanes.get(place)  # type: ignore[arg-type]
                if lane is None:
                    continue  # revoked within this very poll
                batch = batches[place] = (lane, [])  # type: ignore[index]
            batch[1].append((cast(int, message.offset()), len(message), message))
        return list(batches.values())

    def _commit(self, lanes: Iterable[Lane], *, asynchronous: bool) -> None:
        due = [(lane, lane.safe) for lane in lanes if lane.safe > lane.requested]
        if not due:
            return
        for lane, safe in due:
            lane.requested = safe
        offsets = [TopicPartition(lane.topic, lane.partition, safe) for lane, safe in due]
        try:
            if asynchronous:
                self.client.commit(offsets=offsets, asynchronous=True)
            else:
                self.client.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            log.warning("a commit failed", error=_name(error))

    def _look_ahead(self) -> None:
        """Note how far each lane reaches on the broker, as far as the client has heard."""
        for lane in self.lanes.values():
            place = TopicPartition(lane.topic, lane.partition)
            _, lane.end = self.client.get_watermark_offsets(place, cached=True)

    def _keep_pace(self) -> None:
        """Let the steps keep up: wait a moment for them, then pause the lanes that don't."""
        paused = [lane for lane in self.lanes.values() if lane.paused]
        if paused and self._memory.ample:
            self._pause([lane for lane in paused if lane.waiting <= LOW_WATER], False)
        full = [
            lane
            for lane in self.lanes.values()
            if not lane.paused and (lane.waiting > HIGH_WATER or self._memory.over)
        ]
        if full:
            self.drained.clear()
            if not self.drained.wait(POLL_S) or self._memory.over:
                self._pause(full, True)

    def _pause(self, lanes: list[Lane], paused: bool) -> None:
        places = [TopicPartition(lane.topic, lane.partition) for lane in lanes]
        if places:
            (self.client.pause if paused else self.client.resume)(places)
        for lane in lanes:
            lane.paused = paused

    def _on_assign(self, client: Client, partitions: list[TopicPartition]) -> None:
        begun = {(at.topic, at.partition): at for at in self._beginnings(client, partitions)}
        client.assign(list(begun.values()))
        if begun:  # a partition that was paused and comes back would stay so
            client.resume(list(begun.values()))
        busy: dict[int, Busy] = {at.partition: {} for at in begun.values()}
        lanes = {
            place: Lane(
                at.topic, at.partition, at.offset, self._settings.window, busy[at.partition]
            )
            for place, at in begun.items()
        }
        self.lanes = lanes
        self._loop.call_soon_threadsafe(self._consumer.assigned, list(lanes.values()))

    def _beginnings(self, client: Client, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Look up where each partition was left, as long as it takes."""
        while partitions:
            try:
                found = client.committed(partitions, timeout=BROKER_TIMEOUT_S)
                for at in found:
                    if at.offset == OFFSET_INVALID:
                        at.offset = client.get_watermark_offsets(at, timeout=BROKER_TIMEOUT_S)[0]
            except KafkaException as error:
                log.warning("the committed offsets are not known yet", error=_name(error))
                if self._ended.wait(PAUSE_S):
                    break
            else:
                return found
        return []

    def _on_revoke(self, _client: Client, partitions: list[TopicPartition]) -> None:
        lanes = self._forget(partitions)
        if not self._await(self._consumer.revoked(lanes)):
            self._take_away(lanes)
        self._commit(lanes, asynchronous=False)

    def _on_lost(self, _client: Client, partitions: list[TopicPartition]) -> None:
        lanes = self._forget(partitions)
        for lane in lanes:
            lane.revoked = True
        self._await(self._consumer.lost(lanes))

    def _forget(self, partitions: list[TopicPartition]) -> list[Lane]:
        gone = {(at.topic, at.partition) for at in partitions}
        kept = {place: lane for place, lane in self.lanes.items() if place not in gone}
        lanes = [lane for place, lane in self.lanes.items() if place in gone]
        self.lanes = kept
        return lanes

    def _take_away(self, lanes: list[Lane]) -> None:
        """Drop lanes although the event loop did not answer: from now on they write nothing."""
        for lane in lanes:
            lane.revoked = True
        asyncio.run_coroutine_threadsafe(self._consumer.lost(lanes), self._loop)

    def _await(self, work: Coroutine[Any, Any, None]) -> bool:
        """Run something on the event loop while this thread waits; say whether it ended in time."""
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            running.result(HANDED_OVER_S)
        except TimeoutError:
            log.warning("handing lanes over took too long", limit_s=HANDED_OVER_S)
            running.cancel()
            return False
        return True

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        for at in partitions:
            lane = self.lanes.get((at.topic, at.partition))
            if lane is not None and (error is not None or at.error is not None):
                lane.requested = lane.base  # so that it is tried again

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._loop.call_soon_threadsafe(self._consumer.broken, KafkaException(error))
        elif error.code() not in _PASSING:
            log.warning("the broker says", error=error.name())


_PASSING = frozenset(
    getattr(KafkaError, name) for name in ("_TRANSPORT", "_ALL_BROKERS_DOWN", "_RESOLVE")
)
"""The broker is away: the client goes on trying by itself."""


def _start_of(lane: Lane) -> TopicPartition:
    return TopicPartition(lane.topic, lane.partition, lane.base)


def _name(error: KafkaException) -> str:
    found = error.args[0]
    return found.name() if isinstance(found, KafkaError) else str(found)


class Consumer(FaustConsumer):
    """Faust's consumer: gives Faust what the reader has read, all of it as one event."""

    app: App

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lanes: list[Lane] = []
        self.joined = False
        """Whether the group has told, at least once, which lanes are ours; maybe none."""
        self._reader: Reader | None = None
        self._arrivals: asyncio.Queue[list[Batch]] = asyncio.Queue()
        self._taking = True

    # ------------------------------------------------------------------ for Faust

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join the group; changelogs are none of its topics, they are read when a lane comes."""
        if self._reader is not None:
            return
        sources = sorted(set(topics) - self.app.tables.changelog_topics)
        self._reader = Reader(self, sources)
        self.add_future(self._open(sources))

    async def _open(self, sources: Sequence[str]) -> None:
        """Tell Faust that it has every lane, once: which are ours is the lanes' business."""
        partitions = range(self.app.conf.topic_partitions)
        everything = {TP(topic, number) for topic in sources for number in partitions}
        self.app.on_rebalance_start()
        await self.on_partitions_assigned(everything, self.app.consumer_generation_id)
        assert self._reader is not None
        self._reader.start()

    async def _drain_messages(self, fetcher: Any) -> None:
        """Hand over what has arrived, all of it as one event: the body of Faust's fetcher."""
        while not (self.should_stop or fetcher.should_stop):
            arrived = await self._arrivals.get()
            while not self._arrivals.empty():
                arrived += self._arrivals.get_nowait()
            lane, records = arrived[0]
            message = ConsumerMessage(
                topic=lane.topic,
                partition=lane.partition,
                offset=records[0][0],
                timestamp=0.0,
                timestamp_type=0,
                headers=[],
                key=None,
                value=cast(Any, arrived),
                checksum=None,
                tp=TP(lane.topic, lane.partition),
                generation_id=self.app.consumer_generation_id,
            )
            await self.callback(message)

    def assignment(self) -> set[TP]:
        """Return the partitions that are ours."""
        return {TP(lane.topic, lane.partition) for lane in self.lanes}

    def track_message(self, message: Any) -> None:
        """Keep no book: the lanes do."""

    def ack(self, message: Any) -> bool:
        """Keep no book: the lanes do."""
        message.acked = True
        return True

    async def commit(self, *_: Any, **__: Any) -> bool:
        """Have committed, soon, what the lanes have finished; called by Faust's timer."""
        if self._reader is not None:
            self._reader.commit_due = True
        return True

    async def on_stop(self) -> None:
        """Leave the group; the last commit is made on the way."""
        if self._reader is not None:
            await self._reader.stop()

    async def perform_seek(self) -> None:
        """Seek nowhere: an assignment begins where it was left."""

    async def seek_wait(self, _partitions: Mapping[TP, int]) -> None:
        """Seek nowhere, as above."""

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek nowhere."""
        return {}

    async def highwaters(self, *_partitions: TP) -> Mapping[TP, int]:
        """Return nothing: Faust recovers no table here."""
        return {}

    async def earliest_offsets(self, *_partitions: TP) -> Mapping[TP, int]:
        """Return nothing, as above."""
        return {}

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Say nothing about quiet partitions: they are no livelock."""

    # ------------------------------------------------------------------ from the reader

    def arrived(self, batches: list[Batch]) -> None:
        """Take batches in; on the event loop, in the order in which they were read."""
        taken = []
        for lane, records in batches:
            if not lane.revoked and self._taking:
                taken.append((lane, records))
                self.app.memory.used += lane.reserve(records)
        if taken:
            self._arrivals.put_nowait(taken)

    def assigned(self, lanes: list[Lane]) -> None:
        """Take lanes over."""
        for lane in lanes:
            lane.on_freed = self._freed
            lane.on_drained = self._drained
        self.lanes = lanes
        self.joined = True
        log.debug("lanes taken over", group=self.app.conf.id, lanes=len(lanes))
        self.app.lanes_assigned(lanes)

    async def revoked(self, lanes: list[Lane]) -> None:
        """Give lanes up in good order.

        Nothing of theirs may reach the log later: the next owner reads now what was done.
        """
        await self.app.lanes_revoked(lanes, in_good_order=True)
        self._dropped(lanes)

    async def lost(self, lanes: list[Lane]) -> None:
        """Drop lanes that are another worker's already."""
        log.warning("lanes lost: not heard by the broker in time", lanes=len(lanes))
        await self.app.lanes_revoked(lanes, in_good_order=False)
        self._dropped(lanes)

    def broken(self, error: BaseException) -> None:
        """Stop the worker: it can't read any more."""
        log.error("the reader broke", error=type(error).__name__, reason=str(error))
        self.add_future(self.app.crash(error))

    # ------------------------------------------------------------------ for the runner

    def stop_taking(self) -> None:
        """Leave what arrives from now on to the next owner."""
        self._taking = False

    def _freed(self, size: int) -> None:
        self.app.memory.used -= size

    def _drained(self) -> None:
        if self._reader is not None:
            self._reader.drained.set()

    def _dropped(self, lanes: list[Lane]) -> None:
        gone = set(map(id, lanes))
        self.lanes = [lane for lane in self.lanes if id(lane) not in gone]
        for lane in lanes:
            self.app.memory.used -= lane.bytes
            lane.bytes = 0
            lane.on_freed = bool  # what still ends there has been freed just now

    # ------------------------------------------------------------------ what Faust never asks for

    def _unused(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("partitions are the reader's business")

    create_topic = position = seek_to_beginning = topic_partitions = _unused
    key_partition = highwater = _commit = _getmany = _new_topicpartition = _seek = _unused
    _to_message = _unused


class Producer(FaustProducer):
    """Faust's producer, which sends nothing: outcomes and tables go through the publisher."""

    async def flush(self) -> None:
        """Do nothing: what is committed was acknowledged before."""


class Transport(base.Transport):
    """Faust's transport with our consumer and producer."""

    Consumer = Consumer
    Producer = Producer
    driver_version = "playhead"


class App(faust.App):
    """A Faust app on this transport."""

    settings: Settings
    memory: Memory
    lanes_assigned: Callable[[list[Lane]], None]
    """Told which lanes are about to be read; set by the runner."""
    lanes_revoked: Callable[..., Awaitable[None]]
    """Lets go of lanes, in good order or at once; set by the runner."""
    _publisher: Publisher | None = None

    @property
    def publisher(self) -> Publisher:
        """What publishes for this step; made when it is first needed, on the event loop."""
        if self._publisher is None:
            self._publisher = Publisher(self.settings.kafka, self.conf.id, self._publishing_failed)
        return self._publisher

    def _publishing_failed(self, error: Exception) -> None:
        log.error("publishing broke", step=self.conf.id, reason=str(error))
        self.add_future(self.crash(error))

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> Any:
        return Transport(self.conf.broker_producer, self)


def new_app(name: str, settings: Settings, memory: Memory) -> App:
    """Make the Faust app of a step; its name is the consumer group."""
    folder = settings.run / "faust" / name
    folder.mkdir(parents=True, exist_ok=True)
    app = App(
        name,
        broker=[f"kafka://{server.strip()}" for server in settings.kafka.split(",")],
        store="memory://",
        datadir=str(folder),
        processing_guarantee="at_least_once",
        broker_commit_interval=settings.commit_ms / 1000,
        stream_wait_empty=False,
        table_standby_replicas=0,
        topic_disable_leader=True,
        topic_allow_declare=False,
        topic_partitions=settings.partitions,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    app.settings = settings
    app.memory = memory
    return app


def raw_topic(app: App, *names: str) -> Any:
    """Subscribe to topics as they are: what they mean is the runner's business."""
    return app.topic(*names, schema=_AsIs())


class _AsIs(faust.Schema[Any, Any]):
    """Leaves keys and values alone."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002 - the interface
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002 - as above
        return message.value
