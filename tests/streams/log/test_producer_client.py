"""The producer's client: the one over the broker in memory is held to what librdkafka's does."""

import time

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streams.log.reading import new_consumer
from streams.log.writing import new_producer
from streams.settings import Settings
from tests.memory_broker import MemoryBroker
from tests.memory_producer import MemoryProducer

NOWHERE = "127.0.0.1:9"  # discard: nobody listens
QUEUE, ROOM = "queue.buffering.max.messages", 3
PATIENCE_S = 20.0


class InMemory:
    def __init__(self):
        self.topic = "test"
        self.broker = MemoryBroker()
        self.broker.create(self.topic)

    def producer(self, **settings):
        return MemoryProducer(self.broker, settings.get(QUEUE, 100_000))

    def consumer(self):
        return self.broker.consumer()

    def unheard(self):
        self.broker.away = True
        return MemoryProducer(self.broker, ROOM)


class OnKafka:
    def __init__(self, settings, topic):
        self.topic = topic
        self._settings = settings

    def producer(self, **settings):
        made = new_producer(self._settings, "test", **settings)
        made.list_topics(self.topic, timeout=PATIENCE_S)  # from now on it knows the partitions
        return made

    def consumer(self):
        return new_consumer(self._settings, "test")

    def unheard(self):
        return new_producer(Settings(kafka=NOWHERE), "test", **{QUEUE: ROOM})


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.stack)])
def log(request):
    if request.param == "memory":
        return InMemory()
    running, topic = request.getfixturevalue("running"), request.getfixturevalue("topic")
    return OnKafka(running.settings, topic)


@pytest.fixture
def told():
    """What was told of records, in order."""
    return []


def note(told):
    """A callback that notes what it is told."""

    def on_delivery(error, message):
        told.append((error and error.name(), message.partition(), message.value()))

    return on_delivery


def on_log(log, partition=0):
    """Read a partition whole: value, key and headers of each record."""
    consumer = log.consumer()
    consumer.assign([TopicPartition(log.topic, partition, 0)])
    read, deadline = [], time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for message in consumer.consume(100, 0.1):
            if (error := message.error()) is not None:
                assert error.code() == KafkaError._PARTITION_EOF
                consumer.close()
                return read
            read.append((message.value(), message.key(), message.headers()))
    raise AssertionError("the partition has no end")


def test_records_of_a_partition_lie_in_the_order_in_which_they_were_handed_over(log, told):
    producer = log.producer()
    for number in range(20):
        value = b"%d" % number
        producer.produce(log.topic, value, b"acme", number % 2, on_delivery=note(told))
    assert producer.flush(PATIENCE_S) == 0
    for partition in (0, 1):
        values = [b"%d" % number for number in range(partition, 20, 2)]
        assert [value for value, _, _ in on_log(log, partition)] == values
        assert [one[2] for one in told if one[1] == partition] == values
    assert {error for error, _, _ in told} == {None}


def test_a_record_lies_there_as_it_was_handed_over(log):
    producer = log.producer()
    producer.produce(log.topic, b"v", b"k", 1, headers=[("a", b"1"), ("a", b"2")])
    producer.produce(log.topic, None, b"k", 1)
    assert producer.flush(PATIENCE_S) == 0
    assert on_log(log, 1) == [(b"v", b"k", [("a", b"1"), ("a", b"2")]), (None, b"k", None)]


def test_what_became_of_a_record_is_told_within_a_poll_with_its_place(log):
    places = []
    producer = log.producer()
    for value in (b"a", b"b"):
        producer.produce(
            log.topic,
            value,
            b"acme",
            1,
            on_delivery=lambda _, m: places.append((m.topic(), m.partition(), m.offset())),
        )
        assert places == []
    assert len(producer) == 2
    deadline, served = time.monotonic() + PATIENCE_S, 0
    while len(places) < 2 and time.monotonic() < deadline:
        served += producer.poll(0.1)
    assert served in {1, 2}, "what was told of together may count once"
    assert places == [(log.topic, 1, 0), (log.topic, 1, 1)]
    assert len(producer) == 0
    assert producer.poll(0) == 0


def test_a_partition_that_there_is_not_is_refused_in_its_callers_frame(log, told):
    producer = log.producer()
    with pytest.raises(KafkaException) as refused:
        producer.produce(log.topic, b"v", b"k", 99, on_delivery=note(told))
    assert refused.value.args[0].code() == KafkaError._UNKNOWN_PARTITION
    producer.produce(log.topic, b"next", b"k", 0, on_delivery=note(told))
    assert producer.flush(PATIENCE_S) == 0
    assert told == [(None, 0, b"next")]


def test_what_goes_to_a_topic_that_there_is_not_waits(log, told):
    producer = log.producer()
    producer.produce(f"{log.topic}.gone", b"v", b"k", 0, on_delivery=note(told))
    assert producer.flush(0.3) == 1
    assert told == []


# ---------------------------------------------------------------------- nobody answers


def filled(log, told):
    producer = log.unheard()
    for number in range(ROOM):
        producer.produce(log.topic, b"%d" % number, b"acme", 0, on_delivery=note(told))
    return producer


def test_while_nobody_answers_records_wait_and_nothing_is_told(log, told):
    producer = filled(log, told)
    producer.poll(0.1)
    assert producer.flush(0.1) == len(producer) == ROOM
    assert told == []


def test_where_there_is_no_room_left_a_record_is_not_taken(log, told):
    producer = filled(log, told)
    with pytest.raises(BufferError):
        producer.produce(log.topic, b"one more", b"acme", 0)


def test_what_is_purged_is_told_as_an_error_within_a_poll_and_leaves_room(log, told):
    producer = filled(log, told)
    producer.purge(in_queue=True, in_flight=True, blocking=False)
    assert told == []
    deadline = time.monotonic() + PATIENCE_S
    while len(told) < ROOM and time.monotonic() < deadline:
        producer.poll(0.1)
    assert told == [("_PURGE_QUEUE", 0, b"%d" % number) for number in range(ROOM)]
    producer.produce(log.topic, b"one more", b"acme", 0)
    assert len(producer) == 1


def test_an_answer_takes_its_room_until_it_is_told(log, told):
    producer = log.producer(**{QUEUE: ROOM})
    for number in range(ROOM):
        producer.produce(log.topic, b"%d" % number, b"acme", 0, on_delivery=note(told))
    deadline = time.monotonic() + PATIENCE_S
    while len(on_log(log)) < ROOM and time.monotonic() < deadline:
        time.sleep(0.05)
    with pytest.raises(BufferError):
        producer.produce(log.topic, b"one more", b"acme", 0)
    assert producer.flush(PATIENCE_S) == 0
    producer.produce(log.topic, b"one more", b"acme", 0)
    assert producer.flush(PATIENCE_S) == 0


def test_a_client_that_was_closed_has_told_of_all_and_takes_nothing_in(log, told):
    producer = log.producer()
    producer.produce(log.topic, b"x", b"acme", 0, on_delivery=note(told))
    producer.close()
    assert told == [(None, 0, b"x")]
    with pytest.raises(RuntimeError, match="closed"):
        producer.produce(log.topic, b"y")
