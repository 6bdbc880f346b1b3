"""Writing to the log: what fits, what is refused, and where a record lies; on a real broker too."""

from contextlib import nullcontext

import pytest
from confluent_kafka import KafkaException
from hypothesis import given
from hypothesis import strategies as st

from streams.log.writing import (
    RECORD_BYTES_MAX,
    QueueFull,
    RecordTooLarge,
    Writer,
    check_size,
)

NOWHERE = "127.0.0.1:9"  # discard: nobody listens


@given(
    st.integers(0, RECORD_BYTES_MAX),
    st.integers(0, 1_000),
    st.lists(st.tuples(st.text("abc", max_size=9), st.binary(max_size=99)), max_size=5),
)
def test_the_whole_record_counts(value, key, headers):
    size = value + key + sum(len(name) + len(content) + 10 for name, content in headers)
    expected = nullcontext()
    if size > RECORD_BYTES_MAX:
        expected = pytest.raises(RecordTooLarge, match=str(size))
    with expected:
        check_size("t", b"k" * key, b"v" * value, headers)


def test_a_tombstone_without_a_key_fits():
    check_size("t", None, None, [])


def test_a_record_that_fits_nowhere_is_refused_before_anybody_queues_it():
    with (
        Writer(NOWHERE, "test", 1.0) as writer,
        pytest.raises(RecordTooLarge, match="less at once"),
    ):
        writer.write("t", 0, None, b"v" * (RECORD_BYTES_MAX + 1))


def test_a_broker_that_does_not_answer_is_an_error_of_the_record():
    with Writer(NOWHERE, "test", 1.0) as writer, pytest.raises(KafkaException):
        writer.write("t", 0, None, b"v").result(30)


def test_more_than_its_queue_holds_is_not_taken():
    def flood(writer):
        for _ in range(100):
            writer.write("t", 0, None, b"v" * 1_000_000)

    with Writer(NOWHERE, "test", 1.0) as writer, pytest.raises(QueueFull, match="try again"):
        flood(writer)


def test_it_may_be_closed_twice():
    writer = Writer(NOWHERE, "test", 1.0)
    writer.close()
    writer.close()


@pytest.mark.stack
@pytest.mark.parametrize("left_over", [0, 1, 8_000])
def test_the_broker_takes_whatever_fits(running, topic, left_over):
    """The rule of size against the broker's own."""
    value = b"v" * (RECORD_BYTES_MAX - len(b"key") - len(b"hx") - 10 - left_over)
    with Writer(running.settings.kafka, "test") as writer:
        place = writer.write(topic, 1, b"key", value, [("h", b"x")]).result(30)
        assert (place.topic, place.partition, place.offset) == (topic, 1, 0)
        [again] = writer.write_all([(topic, 1, b"key", b"next", [])])
        assert again.offset == 1
        assert again.time_ms >= place.time_ms
