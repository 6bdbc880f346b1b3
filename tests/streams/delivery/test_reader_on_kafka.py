"""The reader over a broker of its own, which fences it and loses its log."""

import asyncio
import dataclasses

import pytest
from confluent_kafka import Consumer

from streams.delivery.commits import due
from streams.delivery.memory import Memory
from streams.delivery.reader import Reader
from streams.delivery.slot import instance_of
from tests.streams.delivery.fake_listener import FakeListener
from tests.streams.delivery.reader_bench import Worker, soon

pytestmark = pytest.mark.stack


class OnKafka(Worker):
    """A worker whose client is librdkafka's."""

    def __init__(self, settings, topic):
        FakeListener.__init__(self)
        self.read = []
        self.reader = Reader(f"g.{topic}", [topic], settings, Memory(10**9), self)


@pytest.fixture
async def on_kafka(lone_broker):
    topic = lone_broker.new_topic()
    settings = dataclasses.replace(lone_broker.settings, slot="worker-1")
    made = OnKafka(settings, topic)
    made.topic, made.settings = topic, settings
    yield made
    await made.reader.stop()


async def test_on_kafka_a_fenced_client_is_made_anew_by_the_same_worker(lone_broker, on_kafka):
    worker = on_kafka
    worker.reader.start()
    lone_broker.put(worker.topic, [b"a"])
    await soon(lambda: worker.read == [b"a"])
    worker.reader.commit_soon(due(worker.lanes))
    await asyncio.sleep(0.5)
    other = await asyncio.to_thread(fence, worker)
    await soon(lambda: worker.words == ["assigned", "lost", "assigned"])
    lone_broker.put(worker.topic, [b"b"])
    await soon(lambda: worker.read == [b"a", b"b"])
    assert worker.errors == []
    other.close()


async def test_on_kafka_a_member_is_known_until_it_has_left(on_kafka):
    worker = on_kafka
    worker.reader.start()
    await soon(lambda: worker.words and worker.reader._member_id)
    assert await asyncio.to_thread(worker.reader.is_known)
    worker.reader._settings = dataclasses.replace(worker.settings, slot="worker-2")
    assert not await asyncio.to_thread(worker.reader.is_known)
    worker.reader._settings = dataclasses.replace(worker.settings, slot="")
    assert await asyncio.to_thread(worker.reader.is_known)


def fence(worker):
    """Take a worker's slot on the broker, and do nothing with it."""
    group = worker.reader._group
    other = Consumer(
        {
            "bootstrap.servers": worker.settings.kafka,
            "group.id": group,
            "group.instance.id": instance_of(group, "worker-1"),
            "session.timeout.ms": 6_000,
        }
    )
    came = []
    other.subscribe([worker.topic], on_assign=lambda *_: came.append(1))
    while not came:
        other.poll(0.1)
    return other


async def test_on_kafka_a_lane_whose_log_ends_before_it_is_displaced_and_nothing_is_swallowed(
    lone_broker, on_kafka
):
    worker = on_kafka
    worker.reader.start()
    lone_broker.put(worker.topic, [b"a", b"b", b"c"])
    await soon(lambda: len(worker.read) == 3)
    [lane, other] = worker.lanes
    await asyncio.to_thread(lone_broker.delete_topic, worker.topic)
    await asyncio.to_thread(lone_broker.new_topic, worker.topic)
    lone_broker.put(worker.topic, [b"x"])
    lone_broker.put(worker.topic, [b"y"], 1)
    await soon(lambda: lane.displaced)
    lone_broker.put(worker.topic, [b"more"] * 5)
    await soon(lambda: worker.read[3:] == [b"y"])
    assert not other.displaced
    assert worker.errors == []
