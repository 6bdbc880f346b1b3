"""Faust's shell: a transport driver over librdkafka, and all that depends on Faust's private names.

A broker URL `librdkafka://HOST:PORT` chooses it, as `kafka://` chooses aiokafka: it is registered
as an entry point of `faust.transports`. It serves the apps of steps, whose lanes tell what is
committed.

Faust pays 100 to 400 µs for every message that passes its conductor, channel and stream, and its
own drivers decide what is committed by a list of acks that can skip an unfinished event. Here

* a reader thread hands over whole polled batches (`reader`), and all that has arrived of a topic
  reaches its agent as one Faust event, so that Faust's price is paid once for many records;
* a lane decides what may be committed (`lane`), nothing else does;
* partitions come and go between the consumer group and the lanes; Faust is told of all partitions
  once, at the start, and its agents and tables live on through every rebalance. So its dance of
  stopping, seeking and recovering never drops a record, and a table is recovered lane by lane,
  together with what was done before (`takeover`).

Why it is so: the private names make an exact pin of Faust's version necessary, and the tests that
kill a worker must pass before the pin moves. What was tried with stock Faust is told in
docs/decisions/0005-transport.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, cast

import faust
from faust.tables import TableManager
from faust.transport import base
from faust.transport.consumer import Consumer as FaustConsumer
from faust.transport.producer import Producer as FaustProducer
from faust.types import TP, ConsumerMessage
from mode import ServiceT
from yarl import URL

from streams.delivery.commits import Commit, due
from streams.delivery.held_slots import HeldSlot
from streams.delivery.intake import LaneBatch
from streams.delivery.lane import Lane
from streams.delivery.memory import Memory
from streams.delivery.publisher import Publisher
from streams.delivery.reader import Reader
from streams.settings import Settings
from streams.watching.logs import logger

log = logger("faust")

SCHEME = "librdkafka"
NOTES_EVERY = 10
"""Commits, of which one looks for notes that have grown old: a takeover would read more, no sooner
than thousands of records later."""


class Consumer(FaustConsumer):
    """Faust's consumer: gives Faust what the reader has read, of each topic as one event."""

    app: App

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lanes: list[Lane] = []
        self.joined = False
        """Whether the group has told, at least once, which lanes are ours; maybe none."""
        self._reader: Reader | None = None
        self._arrivals: asyncio.Queue[list[LaneBatch]] = asyncio.Queue()
        self._taking = True
        self._commits = 0

    # ------------------------------------------------------------------ for Faust

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join the group; changelogs are none of its topics, they are read when a lane comes."""
        if self._reader is not None:
            return
        sources = sorted(set(topics) - self.app.tables.changelog_topics)
        app = self.app
        self._reader = Reader(app.conf.id, sources, app.settings, app.memory, self, held=app.held)
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
        """Hand over what has arrived, of each topic as one event: the body of Faust's fetcher."""
        while not (self.should_stop or fetcher.should_stop):
            arrived = await self._arrivals.get()
            while not self._arrivals.empty():
                arrived += self._arrivals.get_nowait()
            by_topic: dict[str, list[LaneBatch]] = {}
            for batch in arrived:
                by_topic.setdefault(batch[0].topic, []).append(batch)
            for batches in by_topic.values():
                await self.callback(self._event(batches))

    def _event(self, batches: list[LaneBatch]) -> ConsumerMessage:
        """Make one Faust message of all that has arrived of a topic."""
        lane, records = batches[0]
        return ConsumerMessage(
            topic=lane.topic,
            partition=lane.partition,
            offset=records[0][0],
            timestamp=0.0,
            timestamp_type=0,
            headers=[],
            key=None,
            value=cast(Any, batches),
            checksum=None,
            tp=TP(lane.topic, lane.partition),
            generation_id=self.app.consumer_generation_id,
        )

    def assignment(self) -> set[TP]:
        """Return the partitions that are ours."""
        return {TP(lane.topic, lane.partition) for lane in self.lanes}

    def track_message(self, message: Any) -> None:
        """Keep no book: the lanes do."""

    def ack(self, message: Any) -> bool:
        """Keep no book: the lanes do."""
        message.acked = True
        return True

    @FaustConsumer.task
    async def _commit_handler(self) -> None:
        """Commit again and again, by a timer that costs a turn of the loop.

        Faust's makes a task and two waits each time: of what a worker did while nothing was asked,
        this and the next were two fifths.
        """
        while not self.should_stop:
            await asyncio.sleep(self.commit_interval)
            await self.commit()

    @FaustConsumer.task
    async def _commit_livelock_detector(self) -> None:
        """Look for nothing: quiet partitions are no livelock, and the watchdog tells of others."""

    async def commit(self, *_: Any, **__: Any) -> bool:
        """Have committed, soon, what the lanes have finished; called by our timer."""
        self._commits += 1
        if self._reader is not None:
            old_notes = self._commits % NOTES_EVERY == 0
            self._reader.commit_soon(due(self.lanes, old_notes=old_notes))
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

    # ------------------------------------------------------------------ from the reader

    def arrived(self, batches: list[LaneBatch]) -> None:
        """Take records, in the order in which they were read."""
        ours = []
        for lane, records in batches:
            if not lane.revoked and self._taking:
                ours.append((lane, records))
                first = not lane.bytes
                size = lane.reserve(records)
                self.app.memory.take(size, first=first and size > 0)
        if ours:
            self._arrivals.put_nowait(ours)

    def assigned(self, lanes: list[Lane]) -> None:
        """Take lanes over; all that are ours now."""
        for lane in lanes:
            lane.on_freed = partial(self._freed, lane)
            lane.on_drained = self._drained
        self.lanes = lanes
        self.joined = True
        log.debug("lanes taken over", group=self.app.conf.id, lanes=len(lanes))
        self.app.lanes_assigned(lanes)

    async def revoked(self, lanes: list[Lane]) -> list[Commit]:
        """Give lanes up in good order; return what is still to be committed of them.

        Nothing of theirs may reach the log later: the next owner reads now what was done.
        """
        await self.app.lanes_revoked(lanes, in_good_order=True)
        commits = due(lanes)
        self._dropped(lanes)
        return commits

    async def lost(self, lanes: list[Lane]) -> None:
        """Drop lanes that are another worker's already."""
        if lanes:
            log.warning("lanes lost: what is not on the log is forgotten", lanes=len(lanes))
        await self.app.lanes_revoked(lanes, in_good_order=False)
        self._dropped(lanes)

    def broken(self, error: BaseException) -> None:
        """Stop the worker: it can't read any more."""
        log.error("the reader broke", error=type(error).__name__, reason=str(error))
        self.add_future(self.app.crash(error))

    # ------------------------------------------------------------------ for the worker

    async def prove(self) -> bool:
        """Say whether the group takes us for the owner of our lanes."""
        return self._reader is None or await self._reader.prove()

    @property
    def trouble(self) -> str:
        """Why the group gives this worker no lane; empty while it may."""
        return "" if self._reader is None else self._reader.slot.trouble

    def is_known(self) -> bool:
        """Say whether the group may give this worker lanes; blocks, raises NoAnswer."""
        return self._reader is None or self._reader.is_known()

    def join_anew(self) -> None:
        """Join the group with another client."""
        if self._reader is not None:
            self._reader.join_anew()

    # ------------------------------------------------------------------ for the runner

    async def claim(self, claims: Sequence[Commit]) -> bool:
        """Make lanes ours that have come; say whether the group has taken it."""
        return self._reader is None or await self._reader.claim(claims)

    def begin_again(self, error: Exception) -> None:
        """Forget what is not on the log, and have the lanes come again."""
        if self._reader is None:
            self.broken(error)
        else:
            self._reader.begin_again(error)

    def stop_taking(self) -> None:
        """Leave what arrives from now on to the next owner."""
        self._taking = False

    def _freed(self, lane: Lane, size: int) -> None:
        self.app.memory.free(size, last=size > 0 and not lane.bytes)

    def _drained(self) -> None:
        if self._reader is not None:
            self._reader.intake.drained.set()

    def _dropped(self, lanes: list[Lane]) -> None:
        gone = set(map(id, lanes))
        self.lanes = [lane for lane in self.lanes if id(lane) not in gone]
        for lane in lanes:
            self.app.memory.free(lane.bytes, last=lane.bytes > 0)
            lane.bytes = 0
            lane.on_freed = bool  # what still ends there has been freed just now

    # ------------------------------------------------------------------ what Faust never asks for

    def _unused(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("partitions are the reader's business")

    create_topic = position = seek_to_beginning = topic_partitions = _unused
    key_partition = highwater = _commit = _getmany = _new_topicpartition = _seek = _unused
    _to_message = _unused


class IdleProducer(FaustProducer):
    """Faust's producer, which sends nothing: outcomes and tables go through the publisher."""

    async def flush(self) -> None:
        """Do nothing: what is committed was acknowledged before."""


class Transport(base.Transport):
    """The driver behind `librdkafka://`."""

    Consumer: ClassVar[type[Consumer]] = Consumer
    Producer: ClassVar[type[IdleProducer]] = IdleProducer
    driver_version = "librdkafka by Playhead"

    def __init__(self, url: list[URL], app: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(app, App):
            raise TypeError(
                f"{SCHEME}:// serves the apps of Playhead's steps, whose lanes tell what is "
                "committed: make one with streams.delivery.faust_shell.new_app"
            )
        super().__init__(url, app, *args, **kwargs)


class FaustTables(TableManager):
    """Faust's tables, all of which are declared before an app starts."""

    async def on_start(self) -> None:
        """Begin at once: Faust's waits a second, for modules that declare more."""
        await self._update_channels()
        await self.recovery.start()


class App(faust.App):
    """The Faust app of a step."""

    settings: Settings
    memory: Memory
    held: HeldSlot | None = None
    """The worker's slot of this group, where its file could be held."""
    lanes_assigned: Callable[[list[Lane]], None]
    """Told which lanes are about to be read; set by the runner."""
    lanes_revoked: Callable[..., Awaitable[None]]
    """Lets go of lanes, in good order or at once; set by the runner."""
    prepare: Callable[[], Awaitable[None]] | None = None
    """Makes what the step asks, where nobody has done so before the app starts."""
    clean_up: Callable[[], Awaitable[None]] | None = None
    """Closes it again."""
    may_write: Callable[[], bool] = staticmethod(lambda: True)
    """Says whether what was handed over may leave the process now."""
    _publisher: Publisher | None = None

    def on_init_dependencies(self) -> Iterable[ServiceT]:
        """Start all but Faust's own monitor: nobody reads its figures, and each event pays."""
        services = super().on_init_dependencies()
        self.sensors.remove(self.monitor)
        return services

    def on_rebalance_start(self) -> None:
        """Begin as Faust does, which takes what no sensor has told for a fault, and warns of it."""
        super().on_rebalance_start()
        self._rebalancing_sensor_state = self._rebalancing_sensor_state or {"nobody": None}

    async def on_first_start(self) -> None:
        """Make the folder that Faust wants."""
        self.conf.datadir.mkdir(parents=True, exist_ok=True)
        await super().on_first_start()

    async def on_start(self) -> None:
        """Have everything that the step asks, before its lanes come."""
        if self.prepare is not None:
            await self.prepare()
        await super().on_start()

    async def on_stop(self) -> None:
        """Leave the group, then close what the step asked."""
        await super().on_stop()
        if self.clean_up is not None:
            await self.clean_up()

    @property
    def publisher(self) -> Publisher:
        """What publishes for this step; made when it is first needed, on the event loop."""
        if self._publisher is None:
            self._publisher = Publisher(
                self.settings, self.conf.id, self.publishing_failed, self.may_write
            )
        return self._publisher

    def publishing_failed(self, error: Exception) -> None:
        """Have the lanes come again: what was handed over of them is not on the log."""
        log.error("publishing broke", step=self.conf.id, reason=str(error))
        cast(Consumer, self.consumer).begin_again(error)


def new_app(name: str, settings: Settings, memory: Memory) -> App:
    """Make the Faust app of a step; its name is the consumer group."""
    folder = settings.run / "faust" / name
    app = App(
        name,
        broker=[f"{SCHEME}://{server.strip()}" for server in settings.kafka.split(",")],
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
        TableManager=FaustTables,
        worker_redirect_stdouts=False,
    )
    app.settings = settings
    app.memory = memory
    return app


def raw_topic(app: App, name: str) -> Any:
    """Subscribe to a topic as it is: what it means is the runner's business."""
    return app.topic(name, schema=_AsIs())


class _AsIs(faust.Schema[Any, Any]):
    """Leaves keys and values alone."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002 - the interface
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002 - as above
        return message.value
