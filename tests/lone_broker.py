"""A real broker without the rest of the stack: 400 MB, ready in seconds, and its log may be hurt."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.local.supervisor import Stack, Wish
from streams.settings import Settings
from tests.standing_process import standing

ANSWER_S = 60.0
PARTITIONS = 2


class LoneBroker:
    """A broker in a folder of its own."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.settings = Settings.load(environment={}, run=stack.run)

    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.settings.kafka, "log_level": 0})

    def await_coordinator(self) -> None:
        """Wait until groups are answered: a new broker makes what they need when it is first asked."""
        told = {"bootstrap.servers": self.settings.kafka, "group.id": "first"}
        client = Consumer({**told, "enable.auto.commit": False})  # so that it never waits for it
        place = TopicPartition(self.new_topic(), 0)
        deadline = time.monotonic() + ANSWER_S
        while time.monotonic() < deadline:
            try:
                client.committed([place], timeout=ANSWER_S)
            except KafkaException:
                time.sleep(0.1)
            else:
                return

    def new_topic(self, name: str | None = None) -> str:
        """Make a topic; returns its name."""
        name = name or f"test.{uuid.uuid4().hex}"
        admin = self.admin()
        admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(ANSWER_S)
        while any(
            part.leader < 0 for part in admin.list_topics(name).topics[name].partitions.values()
        ):
            time.sleep(0.05)
        return name

    def delete_topic(self, name: str) -> None:
        """Delete a topic, and wait until the broker knows it no more."""
        admin = self.admin()
        admin.delete_topics([name])[name].result(ANSWER_S)
        while name in admin.list_topics(timeout=ANSWER_S).topics:
            time.sleep(0.05)

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Let a partition begin later."""
        place = TopicPartition(topic, partition, before)
        admin = self.admin()
        admin.delete_records([place])[place].result(ANSWER_S)

    def put(self, topic: str, values: Sequence[bytes], partition: int = 0) -> None:
        """Write records."""
        producer = Producer({"bootstrap.servers": self.settings.kafka, "log_level": 0})
        for value in values:
            producer.produce(topic, value, b"acme", partition)
        assert producer.flush(ANSWER_S) == 0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the broker stand still: it takes connections, and answers nothing."""
        pid = self._stack._keepers["kafka"].pid
        assert pid is not None
        with standing(pid):
            yield

    @contextmanager
    def down(self) -> Iterator[Path]:
        """Stop the broker; gives the folder of its logs."""
        self._stack.stop_component("kafka")
        yield self._stack.run / "kafka" / "data"
        self._stack.start_component("kafka")
        self.await_coordinator()


@contextmanager
def a_lone_broker(run: Path, say: Callable[[str], None]) -> Iterator[LoneBroker]:
    """Start a broker on free ports."""
    with Stack(run, Wish(names=frozenset({"kafka"}), free_ports=True), say=say) as stack:
        broker = LoneBroker(stack)
        broker.await_coordinator()
        yield broker
    shutil.rmtree(run, ignore_errors=True)
