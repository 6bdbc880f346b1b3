"""Two brokers behind one set of calls: the one in memory, and the real one of the running stack.

A test that is given `broker` runs over both; so the one in memory is held to what the real one does.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any, Literal

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.log.offsets import OffsetReader, extent_of
from streams.log.reading import new_consumer
from streams.settings import Settings
from tests.memory_broker import MemoryBroker

Ending = Literal["commit", "abort"]


def now_ms() -> int:
    return int(time.time() * 1_000)


class InMemory:
    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.memory = MemoryBroker()
        self.memory.create(topic)

    def publish(self, partition: int, *values: bytes, time_ms: int | None = None) -> None:
        for value in values:
            at_ms = now_ms() if time_ms is None else time_ms
            self.memory.put(self.topic, value, partition=partition, time_ms=at_ms)

    def publish_at_once(self, partition: int, *values: bytes, ending: Ending) -> None:
        """In a transaction, whose end takes an offset of its own."""
        for value in values:
            if ending == "commit":
                self.publish(partition, value)
            else:
                self.memory.skip(self.topic, partition)
        self.memory.skip(self.topic, partition)

    def trim(self, partition: int, begin: int) -> None:
        self.memory.trim(self.topic, begin, partition)

    def commit(self, group: str, partition: int, offset: int) -> None:
        self.memory.commit(group, self.topic, partition, offset)

    def consumer(self) -> Any:
        return self.memory.consumer()

    def admin(self) -> Any:
        return self.memory.admin()

    def offsets(self) -> OffsetReader:
        return OffsetReader(Settings(), clients=self.memory.aiokafka)


class OnKafka:
    def __init__(self, settings: Settings, topic: str) -> None:
        self.topic = topic
        self.settings = settings
        self._servers = {"bootstrap.servers": settings.kafka, "log_level": 0}
        with closing(self.consumer()) as consumer:
            for partition in range(settings.partitions):
                _await_leader(consumer, topic, partition)

    def publish(self, partition: int, *values: bytes, time_ms: int | None = None) -> None:
        producer = Producer(self._servers)
        for value in values:
            at_ms = now_ms() if time_ms is None else time_ms
            producer.produce(self.topic, value, b"acme", partition, timestamp=at_ms)
        assert producer.flush(30) == 0

    def publish_at_once(self, partition: int, *values: bytes, ending: Ending) -> None:
        producer = Producer({**self._servers, "transactional.id": self.topic})
        producer.init_transactions(20)
        with closing(self.consumer()) as consumer:
            end = extent_of(consumer, self.topic, partition).end + len(values) + 1
            producer.begin_transaction()
            for value in values:
                producer.produce(self.topic, value, partition=partition)
            assert producer.flush(60) == 0
            getattr(producer, f"{ending}_transaction")(60)
            deadline = time.monotonic() + 60
            while extent_of(consumer, self.topic, partition).end < end:  # the marker comes later
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def trim(self, partition: int, begin: int) -> None:
        admin = AdminClient(self._servers)
        for trimmed in admin.delete_records(
            [TopicPartition(self.topic, partition, begin)]
        ).values():
            trimmed.result(60)

    def commit(self, group: str, partition: int, offset: int) -> None:
        consumer = Consumer({**self._servers, "group.id": group})
        place = TopicPartition(self.topic, partition, offset)
        consumer.commit(offsets=[place], asynchronous=False)
        consumer.close()

    def consumer(self) -> Consumer:
        return new_consumer(self.settings, "test-reading")

    def admin(self) -> AdminClient:
        return AdminClient(self._servers)

    def offsets(self) -> OffsetReader:
        return OffsetReader(self.settings)


def _await_leader(consumer: Consumer, topic: str, partition: int) -> None:
    """Wait until a partition that was just made has somebody who answers for it."""
    deadline = time.monotonic() + 60
    while True:
        try:
            extent_of(consumer, topic, partition)
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
