"""Reading partitions as they stand; over a broker in memory, and over the real one."""

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from streams.log.offsets import Extent, extent_of
from streams.log.reading import records


def read(consumer, *extents):
    return [(m.partition(), m.offset(), m.value()) for m in records(consumer, extents)]


def test_each_partition_is_read_in_order_up_to_where_it_ended(broker, consumer):
    values = [f"a{n}".encode() for n in range(3_000)]
    broker.publish(0, *values)
    broker.publish(1, b"b0", b"b1")
    extents = [extent_of(consumer, broker.topic, partition) for partition in (0, 1)]
    broker.publish(1, b"later")
    told = read(consumer, *extents)
    assert [one for one in told if one[0] == 0] == [(0, n, value) for n, value in enumerate(values)]
    assert [one for one in told if one[0] == 1] == [(1, 0, b"b0"), (1, 1, b"b1")]


def test_an_extent_may_begin_later_and_another_follow(broker, consumer):
    broker.publish(0, b"0", b"1", b"2", b"3")
    assert read(consumer, Extent(broker.topic, 0, 1, 3)) == [(0, 1, b"1"), (0, 2, b"2")]
    assert read(consumer, extent_of(consumer, broker.topic, 0, 3)) == [(0, 3, b"3")]


def test_an_empty_extent_is_read_without_asking(broker, consumer):
    broker.publish(0, b"0")
    assert read(consumer, extent_of(consumer, broker.topic, 0, 1)) == []
    assert read(consumer, extent_of(consumer, broker.topic, 1)) == []
    assert read(consumer) == []


@pytest.mark.parametrize(("ending", "values"), [("commit", [b"0", b"1"]), ("abort", [])])
def test_a_partition_whose_last_offset_holds_no_record_is_read_to_its_end(
    broker, consumer, ending, values
):
    broker.publish_at_once(0, b"0", b"1", ending=ending)
    extent = extent_of(consumer, broker.topic, 0)
    assert extent.end == 3
    assert [value for _, _, value in read(consumer, extent)] == values


def test_an_extent_that_ends_among_missing_offsets_does_not_read_on(broker, consumer):
    broker.publish_at_once(0, b"0", ending="commit")  # offset 1 holds no record
    broker.publish(0, b"2", b"3")
    assert read(consumer, Extent(broker.topic, 0, 0, 2)) == [(0, 0, b"0")]


def test_an_offset_that_is_gone_is_an_error(broker, consumer):
    broker.publish(0, b"0", b"1")
    broker.trim(0, 1)
    with pytest.raises(KafkaException):
        read(consumer, Extent(broker.topic, 0, 0, 2))


def test_a_topic_that_there_is_not_has_no_extent(consumer):
    with pytest.raises(KafkaException):
        extent_of(consumer, "test.no.such.topic", 0)


def test_a_reading_that_is_given_up_lets_another_begin(broker, consumer):
    broker.publish(0, b"0", b"1")
    extent = extent_of(consumer, broker.topic, 0)
    reading = records(consumer, [extent])
    assert next(reading).value() == b"0"
    reading.close()
    assert len(read(consumer, extent)) == 2


def up_to_the_end(consumer):
    """Return the values that are handed over until the end is reached."""
    values = []
    while (message := consumer.poll(30.0)) is not None:
        if message.error() is not None:
            assert message.error().code() == KafkaError._PARTITION_EOF
            return values
        values.append(message.value())
    pytest.fail("the end was not reached")


@pytest.mark.parametrize(("begin", "first"), [(OFFSET_BEGINNING, [b"1"]), (OFFSET_END, [])])
def test_who_reads_on_is_told_of_each_end_that_is_reached(broker, consumer, begin, first):
    broker.publish(0, b"0", b"1")
    broker.trim(0, 1)
    consumer.assign([TopicPartition(broker.topic, 0, begin)])
    assert up_to_the_end(consumer) == first
    for value in (b"2", b"3"):
        broker.publish(0, value)
        assert up_to_the_end(consumer) == [value]


class Client:
    """A consumer that hands over what it is told to."""

    def __init__(self, *messages):
        self.messages = list(messages)
        self.waited_s = None
        self.assigned = True

    def assign(self, places):
        self.assigned = True

    def unassign(self):
        self.assigned = False

    def poll(self, timeout_s):
        self.waited_s = timeout_s
        return self.messages.pop(0) if self.messages else None

    def consume(self, count, timeout_s):
        return []


def test_a_broker_that_falls_silent_is_a_timeout_that_names_what_is_missing():
    client = Client(Message(topic="t", partition=0, offset=0, value=b"0"))
    with pytest.raises(TimeoutError, match=r"t\[0\], t\[3\] gave nothing for 7 s.*status"):
        list(records(client, [Extent("t", 3, 0, 1), Extent("t", 0, 0, 2)], silence_s=7.0))
    assert client.waited_s == 7.0
    assert not client.assigned


def test_an_error_that_belongs_to_no_partition_is_raised():
    down = Message(offset=-1001, error=KafkaError(KafkaError._ALL_BROKERS_DOWN))
    client = Client(down)
    with pytest.raises(KafkaException):
        list(records(client, [Extent("t", 0, 0, 1)]))
    assert not client.assigned
