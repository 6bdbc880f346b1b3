"""Going back to a record that could not be read; over a broker in memory, and over one of its own."""

import dataclasses
import uuid

import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from tests.lone_broker import PARTITIONS
from tests.streams.log.brokers import InMemory, OnKafka

PATIENCE_S = 60.0


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.stack)])
def broker(request):
    if request.param == "memory":
        return InMemory(f"test.{uuid.uuid4().hex}")
    lone = request.getfixturevalue("lone_broker")
    settings = dataclasses.replace(lone.settings, partitions=PARTITIONS)
    return OnKafka(settings, lone.new_topic())


def assign(consumer, broker, *partitions):
    places = [TopicPartition(broker.topic, number, OFFSET_BEGINNING) for number in partitions]
    consumer.assign(places)


def seek(consumer, broker, partition, offset):
    consumer.seek(TopicPartition(broker.topic, partition, offset))


def handed(consumer, ends):
    """Return the partition and value of each record, until so many ends were reached."""
    told = []
    while ends:
        message = consumer.poll(PATIENCE_S)
        assert message is not None
        if message.error() is None:
            told.append((message.partition(), message.value()))
            continue
        assert message.error().code() == KafkaError._PARTITION_EOF
        ends -= 1
    return told


def test_who_goes_back_is_handed_everything_from_there_on_and_told_of_the_end_again(
    broker, consumer
):
    broker.publish(0, b"0", b"1", b"2")
    assign(consumer, broker, 0)
    assert handed(consumer, ends=1) == [(0, b"0"), (0, b"1"), (0, b"2")]
    for _ in range(2):
        seek(consumer, broker, 0, 1)
        assert handed(consumer, ends=1) == [(0, b"1"), (0, b"2")]


def test_what_was_fetched_before_comes_once_and_other_partitions_go_on(broker, consumer):
    values = [str(n).encode() for n in range(100)]
    for partition in range(PARTITIONS):
        broker.publish(partition, *values)
    assign(consumer, broker, *range(PARTITIONS))
    first = consumer.poll(PATIENCE_S)
    assert first.value() == b"0"
    seek(consumer, broker, first.partition(), 50)
    told = handed(consumer, ends=PARTITIONS)
    [other] = set(range(PARTITIONS)) - {first.partition()}
    assert [value for at, value in told if at == first.partition()] == values[50:]
    assert [value for at, value in told if at == other] == values


def test_who_goes_back_reads_what_is_written_later_too(broker, consumer):
    broker.publish(0, b"0")
    assign(consumer, broker, 0)
    handed(consumer, ends=1)
    seek(consumer, broker, 0, 0)
    handed(consumer, ends=1)
    broker.publish(0, b"1")
    assert handed(consumer, ends=1) == [(0, b"1")]


def test_an_offset_that_is_gone_is_an_error(broker, consumer):
    broker.publish(0, b"0", b"1")
    assign(consumer, broker, 0)
    handed(consumer, ends=1)
    broker.trim(0, 1)
    seek(consumer, broker, 0, 0)
    message = consumer.poll(PATIENCE_S)
    assert message.error().code() == KafkaError._AUTO_OFFSET_RESET


def test_in_a_partition_that_is_not_assigned_nobody_goes_back(broker, consumer):
    broker.publish(0, b"0")
    broker.publish(1, b"1")
    assign(consumer, broker, 0)
    handed(consumer, ends=1)
    with pytest.raises(KafkaException) as refused:
        seek(consumer, broker, 1, 0)
    assert refused.value.args[0].code() == KafkaError._STATE
