"""Intake: what arrives is put together by lane, and lanes that the steps can't keep up with are paused.

How lanes share the memory of a worker is in test_reader.py.
"""

import threading

import pytest
from confluent_kafka import KafkaError, Message, TopicPartition

from streams.delivery.intake import BATCH, HIGH_WATER, LEARNING_POLL_S, POLL_S, Intake
from streams.delivery.lane import LOW_WATER, Lane
from streams.delivery.memory import Memory
from tests.memory_broker import MemoryBroker
from tests.streams.delivery.lanes import work_off
from tests.streams.delivery.memory_group import MemoryGroup

TOPIC, OTHER_TOPIC = "playhead.question.redacted", "playhead.answer.released"
PLENTY = 10**9


class Bench:
    """An intake of three lanes, and a client that reads them from a broker in memory."""

    def __init__(self):
        self.broker = MemoryBroker()
        for topic in (TOPIC, OTHER_TOPIC):
            self.broker.create(topic)
        self.lanes = {
            place: Lane(*place, 0, HIGH_WATER)
            for place in [(TOPIC, 0), (TOPIC, 1), (OTHER_TOPIC, 0)]
        }
        self.client = MemoryGroup(self.broker).client()
        self.client.assign([TopicPartition(*place, 0) for place in self.lanes])
        self.errors = []
        self.intake = Intake(lambda: self.lanes, Memory(PLENTY), self.errors.append, pause_s=0.01)

    def publish(self, *values, topic=TOPIC, partition=0):
        for value in values:
            self.broker.put(topic, value, partition=partition)

    def read(self):
        """Take what has arrived, as the reader does; returns its batches."""
        batches = self.intake.batches(self.intake.poll(self.client))
        for lane, records in batches:
            lane.take(records)
        return batches

    def fill(self, lane, count):
        """Let a lane fall behind by so many records."""
        self.publish(*[b"x"] * count, topic=lane.topic, partition=lane.partition)
        while lane.waiting < count:
            self.read()

    @property
    def paused(self):
        """The lanes of which nothing comes any more, though there is something."""
        for topic, partition in self.lanes:
            self.publish(b"one more", topic=topic, partition=partition)
        came = set()
        while batches := self.read():
            came |= {(lane.topic, lane.partition) for lane, _ in batches}
        return set(self.lanes) - came


@pytest.fixture
def bench():
    return Bench()


def test_keys_and_headers_count_too(bench):
    bench.broker.put(TOPIC, b"v", key=b"k" * 100, headers=[("h" * 10, b"c" * 1_000)])
    [(_, [(_, size, *_)])] = bench.read()
    assert size == 1 + 100 + 10 + 1_000


def values_of(batches):
    """Batches as values by lane; each record tells its own offset, size and the record itself."""
    told = {}
    for lane, records in batches:
        for offset, size, *_, message in records:
            assert (offset, size) == (message.offset(), len(message) + len(message.key()))
        told[lane.topic, lane.partition] = [message.value() for *_, message in records]
    return told


# ---------------------------------------------------------------------- what arrives


def test_what_has_arrived_comes_by_lane_and_in_its_order(bench):
    bench.publish(b"a", b"b")
    bench.publish(b"c", partition=1)
    bench.publish(b"d", topic=OTHER_TOPIC)
    assert values_of(bench.read()) == {
        (TOPIC, 0): [b"a", b"b"],
        (TOPIC, 1): [b"c"],
        (OTHER_TOPIC, 0): [b"d"],
    }
    assert bench.read() == []


def test_a_poll_brings_no_more_than_a_batch_and_the_next_one_goes_on(bench):
    bench.publish(*[b"%d" % number for number in range(BATCH + 3)])
    sizes = []
    read = []
    while batches := bench.read():
        [(_, records)] = batches
        sizes.append(len(records))
        read += values_of(batches)[TOPIC, 0]
    assert sizes == [BATCH, 3]
    assert read == [b"%d" % number for number in range(BATCH + 3)]


def test_records_of_a_lane_that_went_within_the_poll_are_dropped(bench):
    bench.publish(b"a")
    bench.publish(b"c", partition=1)
    messages = bench.intake.poll(bench.client)
    del bench.lanes[TOPIC, 0]
    assert values_of(bench.intake.batches(messages)) == {(TOPIC, 1): [b"c"]}


def test_an_error_among_records_is_told_and_keeps_none_of_them(bench):
    bench.publish(b"a", b"b")
    first, second = bench.intake.poll(bench.client)
    error = KafkaError(KafkaError._TRANSPORT)
    broken = Message(topic=TOPIC, partition=0, offset=-1, error=error)
    assert values_of(bench.intake.batches([first, broken, second])) == {(TOPIC, 0): [b"a", b"b"]}
    assert bench.errors == [error]


def test_how_far_each_lane_reaches_on_the_broker_is_noted(bench):
    bench.publish(b"a", b"b")
    bench.publish(b"c", partition=1)
    bench.intake.look_ahead(bench.client)
    assert [lane.end for lane in bench.lanes.values()] == [2, 1, 0]


def test_of_a_lane_that_can_not_go_on_nothing_is_taken_nor_fetched(bench):
    lane = bench.lanes[TOPIC, 0]
    lane.displaced = True
    bench.publish(b"a")
    bench.publish(b"b", partition=1)
    assert values_of(bench.read()) == {(TOPIC, 1): [b"b"]}
    for _ in range(2):
        bench.intake.keep_pace(bench.client)
        assert bench.paused == {(TOPIC, 0)}
    lane.displaced = False  # nothing but the pause holds its records back
    assert bench.read() == []


# ---------------------------------------------------------------------- what keeps up


def test_a_lane_that_is_behind_pauses_alone(bench):
    bench.fill(bench.lanes[TOPIC, 0], HIGH_WATER + 1)
    bench.intake.drained.set()  # of an earlier time: it counts for nothing
    bench.intake.keep_pace(bench.client)
    assert bench.paused == {(TOPIC, 0)}
    assert [lane.paused for lane in bench.lanes.values()] == [True, False, False]


def test_a_lane_at_its_high_water_mark_is_not_behind_yet(bench):
    bench.fill(bench.lanes[TOPIC, 0], HIGH_WATER)
    bench.intake.keep_pace(bench.client)
    assert bench.paused == set()


def test_a_lane_goes_on_when_it_has_fallen_to_its_low_water_mark_and_no_sooner(bench):
    lane = bench.lanes[TOPIC, 0]
    bench.fill(lane, HIGH_WATER + 1)
    bench.intake.keep_pace(bench.client)
    work_off(lane, LOW_WATER + 1)
    bench.intake.keep_pace(bench.client)
    assert bench.paused == {(TOPIC, 0)}
    work_off(lane, LOW_WATER)
    bench.intake.keep_pace(bench.client)
    assert bench.paused == set()
    assert not lane.paused


def test_a_lane_that_is_worked_off_within_a_moment_is_never_paused(bench):
    bench.intake = Intake(lambda: bench.lanes, Memory(PLENTY), bench.errors.append, pause_s=20.0)
    lane = bench.lanes[TOPIC, 0]
    bench.fill(lane, HIGH_WATER + 1)
    lane.on_drained = bench.intake.drained.set  # as the shell has it
    steps = threading.Timer(0.01, work_off, (lane, 0))
    steps.start()
    bench.intake.keep_pace(bench.client)
    steps.join()
    assert bench.paused == set()


def test_a_lane_that_is_taken_over_keeps_its_claim_waiting_for_a_moment_only(bench):
    waits = []
    bench.client.poll = waits.append
    bench.read()
    for lane in bench.lanes.values():
        lane.learned = True
    bench.read()
    bench.lanes.clear()
    bench.read()
    assert waits == [LEARNING_POLL_S, POLL_S, POLL_S]
    assert LEARNING_POLL_S <= POLL_S / 10
