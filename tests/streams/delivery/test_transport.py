"""The reader over a client that does as it is told; the real one is under tests/streams/delivery/test_runner.py."""

import asyncio
import types

import pytest
from confluent_kafka import KafkaError, TopicPartition

from streams.delivery import transport
from streams.delivery.lane import LOW_WATER
from streams.delivery.transport import HIGH_WATER, Memory, Reader
from streams.settings import Settings

TOPIC = "playhead.question.asked"


class FakeMessage:
    def __init__(self, offset, partition=0):
        self._offset, self._partition = offset, partition

    def error(self):
        return None

    def topic(self):
        return TOPIC

    def partition(self):
        return self._partition

    def offset(self):
        return self._offset

    def __len__(self):
        return 10


class FakeClient:
    """Stands for librdkafka's consumer: keeps what it is told."""

    def __init__(self, _config):
        self.assigned, self.resumed, self.paused, self.commits = [], [], [], []

    def committed(self, partitions, timeout):
        return [TopicPartition(at.topic, at.partition, 7) for at in partitions]

    def assign(self, partitions):
        self.assigned.append([(at.partition, at.offset) for at in partitions])

    def resume(self, partitions):
        self.resumed += [at.partition for at in partitions]

    def pause(self, partitions):
        self.paused += [at.partition for at in partitions]

    def commit(self, offsets, asynchronous):
        self.commits.append([(at.partition, at.offset) for at in offsets])


class FakeConsumer:
    """What the reader tells its consumer."""

    def __init__(self):
        self.app = types.SimpleNamespace(
            settings=Settings(), memory=Memory(1000), conf=types.SimpleNamespace(id="group")
        )
        self.came, self.went, self.answers = [], [], True

    def assigned(self, lanes):
        self.came += lanes

    async def revoked(self, lanes):
        if not self.answers:
            await asyncio.sleep(60)
        self.went.append(("revoked", [lane.partition for lane in lanes]))

    async def lost(self, lanes):
        self.went.append(("lost", [lane.partition for lane in lanes]))


@pytest.fixture
async def reader(monkeypatch):
    monkeypatch.setattr(transport, "Client", FakeClient)
    return Reader(FakeConsumer(), [TOPIC])


def places(*partitions):
    return [TopicPartition(TOPIC, partition) for partition in partitions]


async def in_thread(work, *arguments):
    await asyncio.to_thread(work, *arguments)
    await asyncio.sleep(0)


async def test_lanes_begin_where_they_were_left_and_none_stays_paused_from_before(reader):
    await in_thread(reader._on_assign, reader.client, places(0, 1))
    assert reader.client.assigned == [[(0, 7), (1, 7)]]
    assert reader.client.resumed == [0, 1]
    assert [(lane.partition, lane.base) for lane in reader._consumer.came] == [(0, 7), (1, 7)]


async def test_what_was_finished_is_committed_before_lanes_are_given_up(reader):
    await in_thread(reader._on_assign, reader.client, places(0, 1))
    reader._consumer.came[1].safe = 9
    await in_thread(reader._on_revoke, reader.client, places(0, 1))
    assert reader._consumer.went == [("revoked", [0, 1])]
    assert reader.client.commits == [[(1, 9)]]
    assert reader.lanes == {}


async def test_lanes_that_could_not_be_handed_over_write_nothing_more(reader, monkeypatch):
    monkeypatch.setattr(transport, "HANDED_OVER_S", 0.05)
    reader._consumer.answers = False
    await in_thread(reader._on_assign, reader.client, places(0))
    await in_thread(reader._on_revoke, reader.client, places(0))
    await asyncio.sleep(0.05)
    assert all(lane.revoked for lane in reader._consumer.came)
    assert reader._consumer.went == [("lost", [0])]


async def test_lost_lanes_are_closed_before_anybody_is_told(reader):
    await in_thread(reader._on_assign, reader.client, places(0))
    await in_thread(reader._on_lost, reader.client, places(0))
    assert reader._consumer.came[0].revoked
    assert reader._consumer.went == [("lost", [0])]
    assert reader.client.commits == []


async def test_a_commit_that_failed_is_asked_for_again(reader):
    await in_thread(reader._on_assign, reader.client, places(0))
    reader._consumer.came[0].safe = 9
    reader._commit(reader.lanes.values(), asynchronous=True)
    reader._commit(reader.lanes.values(), asynchronous=True)
    assert reader.client.commits == [[(0, 9)]]
    reader._on_commit(KafkaError(KafkaError.REBALANCE_IN_PROGRESS), places(0))
    reader._commit(reader.lanes.values(), asynchronous=True)
    assert reader.client.commits == [[(0, 9)], [(0, 9)]]


async def test_records_of_one_poll_are_put_together_by_lane(reader):
    await in_thread(reader._on_assign, reader.client, places(0, 1))
    messages = [FakeMessage(7), FakeMessage(7, 1), FakeMessage(8), FakeMessage(3, 2)]
    batches = reader._batches(messages)
    assert [
        (lane.partition, [offset for offset, _, _ in records]) for lane, records in batches
    ] == [
        (0, [7, 8]),
        (1, [7]),
    ]


async def test_a_lane_that_falls_behind_pauses_alone_and_goes_on_when_it_has_caught_up(
    reader, monkeypatch
):
    monkeypatch.setattr(transport, "POLL_S", 0.01)
    await in_thread(reader._on_assign, reader.client, places(0, 1))
    slow = reader.lanes[TOPIC, 0]
    slow.take([(7 + number, 1, None) for number in range(HIGH_WATER + 1)])
    reader._keep_pace()
    assert reader.client.paused == [0]
    reader.client.resumed.clear()
    reader._keep_pace()
    assert reader.client.resumed == []
    while slow.waiting > LOW_WATER:
        slow._waiting.popleft()
    reader._keep_pace()
    assert reader.client.resumed == [0]


async def test_above_its_memory_a_worker_fetches_nothing(reader, monkeypatch):
    monkeypatch.setattr(transport, "POLL_S", 0.01)
    await in_thread(reader._on_assign, reader.client, places(0, 1))
    memory = reader._consumer.app.memory
    memory.used = 1001
    reader._keep_pace()
    assert reader.client.paused == [0, 1]
    memory.used, reader.client.resumed = 501, []
    reader._keep_pace()
    assert reader.client.resumed == []
    memory.used = 500
    reader._keep_pace()
    assert reader.client.resumed == [0, 1]
