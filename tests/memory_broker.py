"""A broker in memory, behind the clients that the log is read and written with.

What it does as a real one is held to in tests/streams/log: the same tests run over both.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from streams.log.offsets import Partition
from streams.log.writing import QUEUE_KB, Headers, Position, QueueFull, check_size
from streams.topics import STEPS, TOPICS, changelog_of

GROUP_MISSING = -1
PAUSE_S = 0.001  # of a reader that polls where nothing is
DEFAULTS = {
    "cleanup.policy": "delete",
    "retention.ms": "604800000",
    "retention.bytes": "-1",
    "max.message.bytes": "1048588",
}
"""A broker's own settings of a topic."""
BROKER = "1"


@dataclass
class Rows:
    """One partition; offsets below `end` may hold no record."""

    begin: int = 0
    end: int = 0
    messages: list[Message] = field(default_factory=list)

    def at(self, offset: int) -> list[Message]:
        return self.messages[bisect_left(self.messages, offset, key=Message.offset) :]


class MemoryBroker:
    """Topics and what groups have committed."""

    def __init__(self, partitions: int = 4) -> None:
        self.partitions = partitions
        self.rows: dict[Partition, Rows] = {}
        self.committed: dict[str, dict[Partition, int]] = {}
        self.notes: dict[tuple[str, str, int], str] = {}
        """What was written with the commit of a group in a partition."""
        self.asked: list[str] = []
        self.errors: deque[BaseException] = deque()
        """Raised one by one, in place of the answers about groups, and to an admin about topics."""
        self.unseen: deque[Collection[str]] = deque()
        """Topics that an admin's next looks don't show yet, look by look."""
        self.lingering = 0
        """How many times an admin still sees topics that were deleted."""
        self.gone: list[str] = []
        """Topics that were deleted, in order."""
        self.refusal: int | None = None
        """The code of the error with which the broker refuses to create and to delete topics."""
        self.settings: dict[str, dict[str, str]] = {}
        """Topic -> settings that are not the broker's defaults."""
        self.offsets_kept_min: str | None = "5256000"
        """As its own settings tell it; None: it refuses to tell them."""
        self.handed: Counter[str] = Counter()
        """Topic -> records of it that were handed to consumers."""
        self.away = False
        """Nobody answers consumers and writers."""
        self.signs: deque[Exception | Message] = deque()
        """What the next poll raises, or hands over, before any record."""

    def create(self, topic: str, partitions: int | None = None) -> None:
        for number in range(partitions or self.partitions):
            self.rows.setdefault((topic, number), Rows())

    def topics(self) -> Counter[str]:
        """Topic -> the number of its partitions."""
        return Counter(topic for topic, _ in self.rows)

    def put(
        self,
        topic: str,
        value: bytes | None,
        *,
        partition: int = 0,
        key: bytes | None = b"acme",
        headers: Sequence[tuple[str, bytes]] = (),
        time_ms: int = 1,
    ) -> int:
        self.create(topic)
        rows = self.rows[topic, partition]
        rows.messages.append(
            Message(
                topic=topic,
                partition=partition,
                offset=rows.end,
                key=key,
                value=value,
                headers=list(headers) or None,
                timestamp=(1, time_ms),
            )
        )
        rows.end += 1
        return rows.end - 1

    def skip(self, topic: str, partition: int = 0, count: int = 1) -> None:
        """Let offsets hold no record, as the end of a transaction does."""
        self.rows[topic, partition].end += count

    def trim(self, topic: str, begin: int, partition: int = 0) -> None:
        rows = self.rows[topic, partition]
        rows.begin, rows.messages = begin, rows.at(begin)

    def commit(self, group: str, topic: str, partition: int, offset: int) -> None:
        self.committed.setdefault(group, {})[topic, partition] = offset

    def consumer(self) -> Any:
        """A consumer as `streams.log.reading.new_consumer` makes one."""
        return MemoryConsumer(self)

    def admin(self) -> Any:
        """An admin client of librdkafka's."""
        return MemoryAdmin(self)

    def aiokafka(self, *_: Any) -> tuple[Any, Any]:
        """Clients as `streams.log.offsets.connect` makes them."""
        return MemoryAioAdmin(self), MemoryAioConsumer(self)


def a_broker() -> MemoryBroker:
    """Return a broker with every topic of ours, those of tables too."""
    broker = MemoryBroker()
    tables = (changelog_of(table) for step in STEPS for table in step.tables)
    for topic in (*(topic.name for topic in TOPICS), *tables):
        broker.create(topic)
    return broker


class MemoryConsumer:
    """librdkafka's consumer, assigned by hand, with `enable.partition.eof`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._queue: deque[Message] = deque()
        self._positions: dict[Partition, int] = {}
        self._ends_told: dict[Partition, int] = {}
        self.closed = False
        self.assigned: list[TopicPartition] = []

    def assign(self, places: Sequence[TopicPartition]) -> None:
        self.unassign()
        self.assigned = list(places)
        self._positions = {(one.topic, one.partition): self._begin(one) for one in places}

    def _begin(self, place: TopicPartition) -> int:
        rows = self._rows(place)
        return {OFFSET_BEGINNING: rows.begin, OFFSET_END: rows.end}.get(place.offset, place.offset)

    def _fetched(self) -> Iterator[Message]:
        """Yield what came since the last time, and each end that is reached again."""
        for partition, offset in list(self._positions.items()):
            topic, number = partition
            rows = self._broker.rows[partition]
            if not rows.begin <= offset <= rows.end:
                del self._positions[partition]
                gone = KafkaError(KafkaError._AUTO_OFFSET_RESET, "the offset is out of range")
                yield Message(topic=topic, partition=number, offset=-1, error=gone)
                continue
            end = self._positions[partition] = rows.end  # another thread may be writing
            yield from (one for one in rows.at(offset) if (one.offset() or 0) < end)
            if self._ends_told.get(partition) != end:
                self._ends_told[partition] = end
                reached = KafkaError(KafkaError._PARTITION_EOF)
                yield Message(topic=topic, partition=number, offset=end, error=reached)

    def seek(self, place: TopicPartition) -> None:
        partition = (place.topic, place.partition)
        if partition not in {(one.topic, one.partition) for one in self.assigned}:
            raise KafkaException(KafkaError(KafkaError._STATE, "the partition is not assigned"))
        kept = (one for one in self._queue if (one.topic(), one.partition()) != partition)
        self._queue = deque(kept)
        self._positions[partition] = self._begin(place)
        self._ends_told.pop(partition, None)

    def unassign(self) -> None:
        self.assigned = []
        self._queue.clear()
        self._positions, self._ends_told = {}, {}

    def poll(self, timeout: float) -> Message | None:
        if self._broker.signs:
            sign = self._broker.signs.popleft()
            if isinstance(sign, Exception):
                raise sign
            return sign
        return next(iter(self.consume(1, timeout)), None)

    def consume(self, count: int, timeout: float) -> list[Message]:
        if not self._queue and not self._broker.away:
            self._queue.extend(self._fetched())
        if not self._queue:
            time.sleep(min(timeout, PAUSE_S))
        messages = [self._queue.popleft() for _ in range(min(count, len(self._queue)))]
        self._broker.handed.update(one.topic() for one in messages if one.error() is None)
        return messages

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> tuple[int, int]:
        rows = self._rows(place)
        return rows.begin, rows.end

    def _rows(self, place: TopicPartition) -> Rows:
        try:
            return self._broker.rows[place.topic, place.partition]
        except KeyError:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION)) from None

    def offsets_for_times(
        self, places: Sequence[TopicPartition], timeout: float
    ) -> list[TopicPartition]:
        return [
            TopicPartition(place.topic, place.partition, self._first_since(place))
            for place in places
        ]

    def _first_since(self, place: TopicPartition) -> int:
        if place.offset == OFFSET_END:
            return self._rows(place).end
        for one in self._broker.rows[place.topic, place.partition].messages:
            if one.timestamp()[1] >= place.offset:
                return one.offset() or 0
        return -1

    def list_topics(self, timeout: float) -> Any:
        if self._broker.away:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        topics: dict[str, Any] = {}
        for topic, number in self._broker.rows:
            topics.setdefault(topic, SimpleNamespace(partitions={})).partitions[number] = None
        return SimpleNamespace(topics=topics, brokers={1: "the one in memory"}, cluster_id="memory")

    def close(self) -> None:
        self.closed = True


class MemoryWriter:
    """`streams.log.writing.Writer`.

    While the broker is away records wait, until it comes back or the writer gives up.
    """

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._waiting: deque[tuple[Future[Position], Any]] = deque()
        self.refusal: KafkaException | None = None
        """Raised by `write`: what the client says of a partition that there is not, say."""
        self.closed = 0

    def write(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
    ) -> Future[Position]:
        check_size(topic, key, value, headers)
        if self.refusal is not None:
            raise self.refusal
        if sum(len(record[3] or b"") for _, record in self._waiting) > QUEUE_KB * 1_024:
            raise QueueFull("too many records wait for the broker: try again shortly")
        done: Future[Position] = Future()
        done.set_running_or_notify_cancel()
        self._waiting.append((done, (topic, partition, key, value, headers)))
        if not self._broker.away:
            self.settle()
        return done

    def write_all(self, records: Sequence[Any]) -> list[Position]:
        return [self.write(*record).result(0) for record in records]

    def settle(self, count: int | None = None) -> None:
        """Let the broker take what waits, or the first few of it."""
        for _ in range(len(self._waiting) if count is None else count):
            done, (topic, partition, key, value, headers) = self._waiting.popleft()
            time_ms = int(time.time() * 1_000)
            place = {"partition": partition, "key": key, "headers": headers, "time_ms": time_ms}
            offset = self._broker.put(topic, value, **place)
            done.set_result(Position(topic, partition, offset, time_ms))

    def give_up(self) -> None:
        """Let the time be over for what waits."""
        while self._waiting:
            done, _ = self._waiting.popleft()
            done.set_exception(KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT)))

    def close(self) -> None:
        self.give_up()
        self.closed += 1


class MemoryAdmin:
    """librdkafka's admin client, as far as it shows and makes topics."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    def list_topics(self, timeout: float) -> Any:
        if self._broker.errors:
            raise self._broker.errors.popleft()
        unseen = self._broker.unseen.popleft() if self._broker.unseen else ()
        seen = self._broker.topics()
        if self._broker.gone and self._broker.lingering:
            self._broker.lingering -= 1
            seen |= dict.fromkeys(self._broker.gone, 1)
        return SimpleNamespace(
            topics={
                name: SimpleNamespace(partitions=dict.fromkeys(range(count)))
                for name, count in seen.items()
                if name not in unseen
            }
        )

    def delete_topics(
        self, topics: Sequence[str], operation_timeout: float = 0
    ) -> dict[str, Future[None]]:
        return {topic: self._deleted(topic) for topic in topics}

    def _deleted(self, topic: str) -> Future[None]:
        if self._broker.refusal is not None:
            return _answer(self._broker.refusal)
        if topic not in self._broker.topics():
            return _answer(KafkaError.UNKNOWN_TOPIC_OR_PART)
        for place in [place for place in self._broker.rows if place[0] == topic]:
            del self._broker.rows[place]
        self._broker.gone.append(topic)
        return _answer()

    def delete_consumer_groups(self, groups: Sequence[str]) -> dict[str, Future[None]]:
        known = self._broker.committed
        return {
            group: _answer(
                KafkaError.GROUP_ID_NOT_FOUND if known.pop(group, None) is None else None
            )
            for group in groups
        }

    def create_topics(
        self, topics: Sequence[Any], operation_timeout: float = 0
    ) -> dict[str, Future[None]]:
        return {topic.topic: self._made(topic) for topic in topics}

    def describe_cluster(self, request_timeout: float = 0) -> Future[Any]:
        cluster: Future[Any] = Future()
        cluster.set_result(SimpleNamespace(nodes=[SimpleNamespace(id=int(BROKER))]))
        return cluster

    def describe_configs(
        self, resources: Sequence[Any], request_timeout: float = 0
    ) -> dict[Any, Future[dict[str, Any]]]:
        return {resource: self._described(resource.name) for resource in resources}

    def _described(self, name: str) -> Future[dict[str, Any]]:
        described: Future[dict[str, Any]] = Future()
        settings = {**DEFAULTS, **self._broker.settings.get(name, {})}
        if name == BROKER:
            if self._broker.offsets_kept_min is None:
                refused = KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED)
                described.set_exception(KafkaException(refused))
                return described
            settings = {"offsets.retention.minutes": self._broker.offsets_kept_min}
        described.set_result(
            {key: SimpleNamespace(name=key, value=value) for key, value in settings.items()}
        )
        return described

    def _made(self, topic: Any) -> Future[None]:
        refusal = self._broker.refusal
        if refusal is None and topic.topic in self._broker.topics():
            refusal = KafkaError.TOPIC_ALREADY_EXISTS
        if refusal is None:
            self._broker.create(topic.topic, topic.num_partitions)
            self._broker.settings[topic.topic] = dict(topic.config or {})
        return _answer(refusal)


def _answer(code: int | None = None) -> Future[None]:
    """Return what the broker answers to an admin: nothing, or an error."""
    answered: Future[None] = Future()
    if code is None:
        answered.set_result(None)
    else:
        answered.set_exception(KafkaException(KafkaError(code)))
    return answered


class MemoryAioAdmin:
    """aiokafka's admin client."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self.open = False

    async def start(self) -> None:
        self.open = True

    async def close(self) -> None:
        self.open = False

    async def find_coordinator(self, group: str) -> int:
        self._broker.asked.append(group)
        if self._broker.errors:
            raise self._broker.errors.popleft()
        return 1

    async def list_consumer_group_offsets(
        self, group: str, coordinator: int, partitions: Sequence[Any]
    ) -> Mapping[Any, Any]:
        committed = self._broker.committed.get(group, {})
        return {
            one: SimpleNamespace(
                offset=committed.get(tuple(one), GROUP_MISSING),
                metadata=self._broker.notes.get((group, *one), ""),
            )
            for one in partitions
        }


class MemoryAioConsumer:
    """aiokafka's consumer, as far as it tells offsets and first records."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._positions: dict[Any, int] = {}

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def beginning_offsets(self, partitions: Sequence[Any]) -> dict[Any, int]:
        return {one: self._broker.rows[tuple(one)].begin for one in partitions}

    async def end_offsets(self, partitions: Sequence[Any]) -> dict[Any, int]:
        return {one: self._broker.rows[tuple(one)].end for one in partitions}

    def assign(self, partitions: Sequence[Any]) -> None:
        self._positions = dict.fromkeys(partitions, 0)

    def seek(self, partition: Any, offset: int) -> None:
        self._positions[partition] = offset

    def pause(self, partition: Any) -> None:
        del self._positions[partition]

    def unsubscribe(self) -> None:
        self._positions = {}

    async def getmany(self, timeout_ms: int) -> dict[Any, list[Any]]:
        batches = {}
        for one, offset in self._positions.items():
            if messages := self._broker.rows[tuple(one)].at(offset):
                batches[one] = [SimpleNamespace(timestamp=messages[0].timestamp()[1])]
        return batches
