"""Writing to the log: what fits, what is refused, and where a record lies; on a real broker too."""

from contextlib import closing, nullcontext

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given
from hypothesis import strategies as st

from streams.log.writing import (
    RECORD_BYTES_MAX,
    QueueFull,
    RecordTooLarge,
    Writer,
    check_size,
)
from streams.settings import Settings
from tests.memory_broker import MemoryBroker, MemoryWriter
from tests.memory_producer import MemoryProducer

NOWHERE = "127.0.0.1:9"  # discard: nobody listens
QUICK_S = 0.1


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


def unreachable_in_memory():
    broker = MemoryBroker()
    broker.away = True
    return MemoryWriter(broker)


@pytest.fixture(params=["memory", "kafka"])
def unheard(request):
    """A writer to which no broker answers."""
    in_memory = request.param == "memory"
    with closing(
        unreachable_in_memory() if in_memory else Writer(Settings(kafka=NOWHERE), "test", QUICK_S)
    ) as writer:
        yield writer


def test_a_record_that_fits_nowhere_is_refused_before_anybody_queues_it(unheard):
    with pytest.raises(RecordTooLarge, match="less at once"):
        unheard.write("t", 0, None, b"v" * (RECORD_BYTES_MAX + 1))


def test_a_broker_that_does_not_answer_is_an_error_of_the_record(unheard):
    word = unheard.write("t", 0, None, b"v")
    if isinstance(unheard, MemoryWriter):
        unheard.give_up()  # no time passes there
    with pytest.raises(KafkaException) as refused:
        word.result(60)
    assert refused.value.args[0].name() == "_MSG_TIMED_OUT"


def test_what_a_client_held_that_has_ended_was_not_taken_and_the_next_one_serves():
    broker, clients = MemoryBroker(), []
    broker.create("t")

    def client(*_, **__):
        clients.append(MemoryProducer(broker))
        return clients[-1]

    with closing(Writer("nowhere", "test", QUICK_S, client)) as writer:
        broker.away = True
        word = writer.write("t", 0, None, b"v")
        clients[0].end_with(KafkaError(KafkaError._FATAL))
        with pytest.raises(KafkaException) as refused:
            word.result(60)
        assert refused.value.args[0].name() == "_FATAL"
        broker.away = False
        assert writer.write("t", 0, None, b"w").result(60).topic == "t"
        assert len(clients) == 2


def test_nobody_can_cancel_what_is_on_its_way(unheard):
    assert not unheard.write("t", 0, None, b"v").cancel()


def test_more_than_its_queue_holds_is_not_taken(unheard):
    def flood():
        for _ in range(100):
            unheard.write("t", 0, None, b"v" * 1_000_000)

    with pytest.raises(QueueFull, match="try again"):
        flood()


def test_it_may_be_closed_twice(unheard):
    unheard.close()


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.stack)])
def written(request):
    """A writer, and a topic for it."""
    if request.param == "memory":
        yield MemoryWriter(MemoryBroker()), "t"
        return
    settings = request.getfixturevalue("running").settings
    with Writer(settings, "test") as writer:
        yield writer, request.getfixturevalue("topic")


@pytest.mark.parametrize("left_over", [0, 1, 8_000])
def test_the_broker_takes_whatever_fits(written, left_over):
    """The rule of size against the broker's own."""
    writer, topic = written
    value = b"v" * (RECORD_BYTES_MAX - len(b"key") - len(b"hx") - 10 - left_over)
    place = writer.write(topic, 1, b"key", value, [("h", b"x")]).result(60)
    assert (place.topic, place.partition, place.offset) == (topic, 1, 0)
    [again] = writer.write_all([(topic, 1, b"key", b"next", [])])
    assert again.offset == 1
    assert again.time_ms >= place.time_ms
