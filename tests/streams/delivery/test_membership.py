"""Membership: lanes come where they were left, and go with all that they have finished committed."""

import asyncio
import threading

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streams.delivery.membership import Membership
from tests.memory_broker import MemoryBroker
from tests.streams.delivery.fake_listener import FakeListener
from tests.streams.delivery.lanes import finish, take
from tests.streams.delivery.memory_group import MemoryGroup

TOPIC, OTHER_TOPIC = "playhead.question.redacted", "playhead.answer.released"
NEVER_S, AT_ONCE_S = 60.0, 0.05


class Bench:
    """A member of a group over a broker in memory; its methods run in a thread, as librdkafka calls them."""

    def __init__(self, limit_s=NEVER_S):
        self.broker = MemoryBroker()
        for topic in (TOPIC, OTHER_TOPIC):
            self.broker.create(topic)
        self.group = MemoryGroup(self.broker)
        self.client = self.group.client()
        self.listener = FakeListener()
        self.ended = threading.Event()
        self.membership = Membership(
            self.listener, asyncio.get_running_loop(), 16, self.ended, limit_s, pause_s=0.01
        )

    async def assign(self, *partitions, topics=(TOPIC,)):
        self.listener.came.clear()
        places = [TopicPartition(topic, one) for topic in topics for one in partitions]
        await asyncio.to_thread(self.membership.assign, self.client, places)
        await asyncio.wait_for(self.listener.came.wait(), 60)
        return self.listener.lanes

    async def revoke(self, *partitions):
        await asyncio.to_thread(self.membership.revoke, self.client, self._places(partitions))

    async def lose(self, *partitions):
        await asyncio.to_thread(self.membership.lose, self.client, self._places(partitions))

    @property
    def ours(self):
        return [partition for _, partition in self.membership.lanes]

    def _places(self, partitions):
        return [TopicPartition(TOPIC, partition) for partition in partitions]


@pytest.fixture
async def bench():
    return Bench()


def done(lane, number=0, of=1):
    finish(lane, take(lane, lane.base, of)[number])


# ---------------------------------------------------------------------- lanes come


async def test_a_lane_begins_where_the_group_left_it_with_what_it_wrote_beside_it(bench):
    bench.group.commit(TOPIC, 1, 7, "a note")
    [lane] = await bench.assign(1)
    assert (lane.topic, lane.partition, lane.base, lane.note) == (TOPIC, 1, 7, "a note")
    bench.broker.put(TOPIC, b"6", partition=1)
    assert bench.client.poll(0) is None
    for _ in range(7):
        bench.broker.put(TOPIC, b"x", partition=1)
    assert bench.client.poll(0).offset() == 7


@pytest.mark.parametrize("trimmed", [0, 2])
async def test_a_lane_of_which_nothing_was_committed_begins_where_its_partition_does(
    bench, trimmed
):
    for _ in range(3):
        bench.broker.put(TOPIC, b"x")
    bench.broker.trim(TOPIC, trimmed)
    [lane] = await bench.assign(0)
    assert (lane.base, lane.note) == (trimmed, "")
    assert bench.client.poll(0).offset() == trimmed


async def test_a_lane_that_was_paused_before_is_not_when_it_comes_again(bench):
    bench.broker.put(TOPIC, b"x")
    bench.client.pause([TopicPartition(TOPIC, 0)])
    await bench.assign(0)
    assert bench.client.poll(0).value() == b"x"


async def test_all_lanes_that_are_ours_now_are_told_and_no_others_are(bench):
    await bench.assign(0, 1)
    await bench.assign(1, 2)
    assert bench.ours == [1, 2]
    assert bench.listener.told == [("assigned", [0, 1]), ("assigned", [1, 2])]


async def test_a_worker_without_a_lane_is_told_that_it_has_none(bench):
    assert await bench.assign() == []
    assert bench.listener.told == [("assigned", [])]


async def test_a_session_keeps_its_order_over_all_topics_of_its_lane_and_no_further(bench):
    lanes = await bench.assign(0, 1, topics=(TOPIC, OTHER_TOPIC))
    assert {(lane.topic, lane.partition) for lane in lanes} == set(bench.membership.lanes)
    began = {}
    for lane in lanes:  # the same session in each of them, since its offset stands for it
        began[lane.topic, lane.partition] = len(take(lane, 0))
    assert began == {
        (TOPIC, 0): 1,
        (OTHER_TOPIC, 0): 0,
        (TOPIC, 1): 1,
        (OTHER_TOPIC, 1): 0,
    }


async def test_a_group_that_does_not_answer_yet_is_asked_again(bench):
    bench.group.commit(TOPIC, 0, 7)
    bench.client.errors.append(KafkaError(KafkaError._TIMED_OUT))
    [lane] = await bench.assign(0)
    assert lane.base == 7


async def test_a_worker_that_ends_waits_for_no_group(bench):
    bench.client.errors.extend([KafkaError(KafkaError._TIMED_OUT)] * 1_000)
    bench.ended.set()
    assert await bench.assign(0) == []


# ---------------------------------------------------------------------- lanes go


async def test_what_is_finished_is_committed_before_a_lane_is_given_up(bench):
    lanes = await bench.assign(0, 1)
    done(lanes[1])
    await bench.revoke(1)
    assert bench.listener.told[1:] == [("revoked", [1])]
    assert bench.client.waited == [True]
    assert bench.group.offsets() == {(TOPIC, 1): 1}
    assert bench.ours == [0]


async def test_lanes_that_are_not_ours_are_not_given_up(bench):
    await bench.assign(0)
    await bench.revoke(0, 3)
    assert bench.listener.told[1:] == [("revoked", [0])]


async def test_a_loop_that_does_not_answer_loses_its_lanes_and_what_is_finished_is_committed():
    bench = Bench(AT_ONCE_S)
    bench.group.commit(TOPIC, 0, 7, "older")
    lanes = await bench.assign(0, 1)
    done(lanes[0])
    bench.listener.answers = False
    await bench.revoke(0, 1)
    assert all(lane.revoked for lane in lanes)
    await asyncio.wait_for(bench.listener.dropped.wait(), 60)
    assert sorted(bench.listener.told[1:]) == [("let go of", [0, 1]), ("lost", [0, 1])]
    assert bench.group.offsets() == {(TOPIC, 0): 8}
    assert bench.group.notes == {(TOPIC, 0): "older"}
    assert bench.ours == []


async def test_lost_lanes_write_nothing_more_from_before_anybody_is_told(bench):
    lanes = await bench.assign(0, 1)
    done(lanes[0])
    await bench.lose(0)
    assert bench.listener.told[1:] == [("lost", [0])]
    assert bench.listener.revoked_when_told == [True]
    assert [lane.revoked for lane in lanes] == [True, False]
    assert bench.group.offsets() == {}, "it is another worker's to commit"
    assert bench.ours == [1]


async def test_lanes_come_again_only_when_those_that_went_are_dropped_however_long_it_takes():
    bench = Bench(AT_ONCE_S)
    await bench.assign(0)
    let_go = asyncio.Event()
    lost = bench.listener.lost

    async def lost_late(lanes):
        await let_go.wait()
        await lost(lanes)

    bench.listener.answers, bench.listener.lost = False, lost_late
    await bench.revoke(0)
    coming = asyncio.create_task(bench.assign(0))
    await asyncio.sleep(0.1)
    assert bench.listener.told[1:] == [("let go of", [0])]
    let_go.set()
    await asyncio.wait_for(coming, 60)
    assert bench.listener.told[2:] == [("lost", [0]), ("assigned", [0])]


async def test_lost_lanes_are_dropped_however_long_the_loop_takes():
    bench = Bench(AT_ONCE_S)
    await bench.assign(0, 1)
    let_go = asyncio.Event()
    lost = bench.listener.lost

    async def lost_late(lanes):
        await let_go.wait()
        await lost(lanes)

    bench.listener.lost = lost_late
    losing = asyncio.create_task(asyncio.to_thread(bench.membership.lose_all))
    await asyncio.sleep(4 * AT_ONCE_S)
    assert not losing.done()
    let_go.set()
    places = await asyncio.wait_for(losing, 60)
    assert [at.partition for at in places] == [0, 1]
    assert bench.listener.told[1:] == [("lost", [0, 1])]


async def test_a_client_that_has_ended_is_not_asked_again(bench):
    bench.client.errors.extend([KafkaError(KafkaError._FATAL)] * 2)
    with pytest.raises(KafkaException):
        await bench.assign(0)
    assert len(bench.client.errors) == 1
