"""The client of a consumer group: the one over the broker in memory is held to what librdkafka's does."""

import time
import uuid
from functools import partial

import pytest
from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)

from tests.memory_broker import MemoryBroker
from tests.streams.delivery.memory_group import FakeRefusedPlace, MemoryGroup


class InMemory:
    def __init__(self):
        self.topic = "test"
        self._broker = MemoryBroker()
        self._broker.create(self.topic)
        self._group = MemoryGroup(self._broker)

    def publish(self, partition, *values):
        for value in values:
            self._broker.put(self.topic, value, partition=partition)

    def client(self):
        return self._group.client()

    def member(self):
        return self.client()


class OnKafka:
    def __init__(self, settings, topic):
        self.topic = topic
        self._servers = {"bootstrap.servers": settings.kafka, "log_level": 0}
        self._group = uuid.uuid4().hex

    def publish(self, partition, *values):
        producer = Producer(self._servers)
        for value in values:
            producer.produce(self.topic, value, b"acme", partition)
        assert producer.flush(30) == 0

    def client(self, **more):
        config = {**self._servers, "group.id": self._group, "enable.auto.commit": False, **more}
        return Consumer(config)

    def member(self):
        """A client that takes the group's one slot."""
        slot = {"group.instance.id": self._group, "session.timeout.ms": 6_000}
        return self.client(**slot, **{"heartbeat.interval.ms": 500})


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.stack)])
def group(request):
    if request.param == "memory":
        return InMemory()
    broker = request.getfixturevalue("lone_broker")
    return OnKafka(broker.settings, broker.new_topic())


def read(client, count):
    """Read so many records; none that comes within a moment is missed."""
    messages, deadline = [], time.monotonic() + 60
    while len(messages) < count and time.monotonic() < deadline:
        messages += [one for one in client.consume(100, 0.1) if one.error() is None]
    return [(one.partition(), one.offset(), one.value(), one.key()) for one in messages]


def test_where_nothing_was_committed_no_offset_is_told(group):
    [at] = group.client().committed([TopicPartition(group.topic, 0)], timeout=60)
    assert (at.topic, at.partition, at.offset) == (group.topic, 0, OFFSET_INVALID)
    assert not at.metadata


def test_what_was_committed_is_told_to_the_next_member_with_what_was_written_beside_it(group):
    place = TopicPartition(group.topic, 1, 7, metadata="a note")
    group.client().commit(offsets=[place], asynchronous=False)
    wanted = [TopicPartition(group.topic, number) for number in (1, 0)]
    told = group.client().committed(wanted, timeout=60)
    assert [at.offset for at in told] == [7, OFFSET_INVALID]
    assert told[0].metadata == "a note"


def test_a_partition_tells_where_it_begins_and_ends(group):
    group.publish(0, b"0", b"1")
    client = group.client()
    assert client.get_watermark_offsets(TopicPartition(group.topic, 0), timeout=60) == (0, 2)
    assert client.get_watermark_offsets(TopicPartition(group.topic, 1), timeout=60) == (0, 0)


def test_records_are_read_from_where_their_partition_was_assigned(group):
    group.publish(0, b"0", b"1", b"2")
    group.publish(1, b"other")
    client = group.client()
    client.assign([TopicPartition(group.topic, 0, 1)])
    assert read(client, 2) == [(0, 1, b"1", b"acme"), (0, 2, b"2", b"acme")]
    assert client.poll(0.1) is None


def test_of_a_paused_partition_nothing_comes_until_it_is_resumed(group):
    group.publish(0, b"0")
    group.publish(1, b"1")
    client = group.client()
    client.assign([TopicPartition(group.topic, number, 0) for number in (0, 1)])
    client.pause([TopicPartition(group.topic, 0)])
    assert read(client, 1) == [(1, 0, b"1", b"acme")]
    assert client.poll(0.3) is None
    client.resume([TopicPartition(group.topic, 0)])
    assert read(client, 1) == [(0, 0, b"0", b"acme")]


# ---------------------------------------------------------------------- who takes a slot that is taken


class Told:
    """What a member is told."""

    def __init__(self, group, client):
        self.words = []
        client.subscribe(
            [group.topic],
            on_assign=partial(self._note, "assigned"),
            on_revoke=partial(self._note, "revoked"),
            on_lost=partial(self._note, "lost"),
        )

    def _note(self, word, _client, places):
        self.words.append((word, sorted(at.partition for at in places)))


def polled(client, until):
    """Poll until something has come."""
    deadline = time.monotonic() + 60
    while not (came := until(client.poll(0.1))) and time.monotonic() < deadline:
        pass
    return came


def test_who_joins_under_a_slot_that_is_taken_ends_the_client_that_has_it(group):
    first, second = group.member(), group.member()
    told = Told(group, first)
    polled(first, lambda _: told.words)
    [(word, lanes)] = told.words
    assert word == "assigned"
    told_second = Told(group, second)
    polled(second, lambda _: told_second.words)
    assert told_second.words == [("assigned", lanes)], "at once, whoever had them before"
    error = polled(first, lambda message: message is not None and message.error())
    assert error.code() == KafkaError._FATAL
    place = TopicPartition(group.topic, 0, 1)
    with pytest.raises(KafkaException) as refused:
        first.commit(offsets=[place], asynchronous=False)
    assert refused.value.args[0].code() == KafkaError._FATAL
    first.close()
    assert len(told.words) == 1, "it is told of no loss"
    second.commit(offsets=[place], asynchronous=False)
    second.close()
    assert told_second.words[1:] == [("revoked", lanes)]


# ---------------------------------------------------------------------- a commit's answer


def refused_in_memory(_group, place):
    return [FakeRefusedPlace(place.topic, place.partition, KafkaError.OFFSET_METADATA_TOO_LARGE)]


def refused_on_kafka(group, place):
    """Let a commit be answered with an error of its place alone."""
    answers = []
    client = group.client(on_commit=lambda _error, places: answers.append(places))
    client.commit(offsets=[place], asynchronous=True)
    deadline = time.monotonic() + 60
    while not answers and time.monotonic() < deadline:
        client.poll(0.1)
    return answers[0]


def test_a_place_whose_commit_is_refused_says_why(group):
    long = TopicPartition(group.topic, 1, 7, metadata="x" * 10_000)
    refuse = refused_in_memory if isinstance(group, InMemory) else refused_on_kafka
    [place] = refuse(group, long)
    assert isinstance(place, TopicPartition)
    assert (place.topic, place.partition) == (group.topic, 1)
    assert place.error.code() == KafkaError.OFFSET_METADATA_TOO_LARGE
    assert TopicPartition(group.topic, 1).error is None
