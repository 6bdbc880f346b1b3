"""Reading partitions of the real broker as they stand."""

import contextlib
import time

import pytest
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.log.reading import Extent, extent_of, new_consumer, records


@pytest.fixture
def consumer(running):
    with contextlib.closing(new_consumer(running.settings, "test-reading")) as consumer:
        yield consumer


def publish(running, topic, partition, *values, ending=None):
    """Publish values; `ending` names how their transaction ends, where they are in one."""
    config = {"bootstrap.servers": running.settings.kafka}
    if ending:
        config["transactional.id"] = topic
    producer = Producer(config)
    if ending:
        producer.init_transactions(20)
        producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, partition=partition)
    assert producer.flush(20) == 0
    if ending:
        getattr(producer, f"{ending}_transaction")(20)


def places(messages):
    return [(message.partition(), message.offset(), message.value()) for message in messages]


@pytest.mark.stack
def test_each_partition_is_read_in_order_up_to_where_it_ended(running, topic, consumer):
    publish(running, topic, 0, *(f"a{n}".encode() for n in range(3_000)))
    publish(running, topic, 1, b"b0", b"b1")
    extents = [extent_of(consumer, topic, partition) for partition in (0, 1)]
    assert extents == [Extent(topic, 0, 0, 3_000), Extent(topic, 1, 0, 2)]
    publish(running, topic, 1, b"later")
    found = places(records(consumer, extents))
    assert [place for place in found if place[0] == 0] == [
        (0, n, f"a{n}".encode()) for n in range(3_000)
    ]
    assert [place for place in found if place[0] == 1] == [(1, 0, b"b0"), (1, 1, b"b1")]


@pytest.mark.stack
def test_an_extent_may_begin_later_and_another_follow(running, topic, consumer):
    publish(running, topic, 0, b"0", b"1", b"2", b"3")
    assert places(records(consumer, [Extent(topic, 0, 1, 3)])) == [(0, 1, b"1"), (0, 2, b"2")]
    assert places(records(consumer, [extent_of(consumer, topic, 0, 3)])) == [(0, 3, b"3")]
    assert places(records(consumer, [extent_of(consumer, topic, 0, 4)])) == []
    assert places(records(consumer, [])) == []


@pytest.mark.stack
@pytest.mark.parametrize(("ending", "read"), [("commit", [b"0", b"1"]), ("abort", [])])
def test_a_partition_whose_last_offset_holds_no_record_is_read_to_its_end(
    running, topic, consumer, ending, read
):
    publish(running, topic, 0, b"0", b"1", ending=ending)
    deadline = time.monotonic() + 20
    while (extent := extent_of(consumer, topic, 0)).end < 3:  # the marker follows the answer
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [value for _, _, value in places(records(consumer, [extent]))] == read


@pytest.mark.stack
def test_an_offset_that_is_gone_is_an_error(running, topic, consumer):
    publish(running, topic, 0, b"0", b"1")
    admin = AdminClient({"bootstrap.servers": running.settings.kafka})
    for trimmed in admin.delete_records([TopicPartition(topic, 0, 1)]).values():
        trimmed.result(10)
    assert extent_of(consumer, topic, 0) == Extent(topic, 0, 1, 2)
    with pytest.raises(KafkaException):
        list(records(consumer, [Extent(topic, 0, 0, 2)]))
