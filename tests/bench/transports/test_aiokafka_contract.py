"""What the baselines rely on of aiokafka's clients: the fakes keep it as the real ones do."""

import asyncio
import uuid

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from tests.bench.transports.fake_aiokafka import FakeAioConsumer, FakeAioProducer, Row


@pytest.fixture
async def fakes():
    """Clients in memory, of a topic in which two records lie in each of two partitions."""
    notes = []
    rows = [Row("t", lane, offset, b"k", b"%d" % offset) for offset in (0, 1) for lane in (0, 1)]
    return "t", FakeAioProducer(notes), FakeAioConsumer(notes, [rows])


@pytest.fixture
async def real_ones(request):
    """The same on a broker."""
    running, topic = request.getfixturevalue("running"), request.getfixturevalue("topic")
    server = {"bootstrap_servers": running.settings.kafka}
    producer = AIOKafkaProducer(**server)
    consumer = AIOKafkaConsumer(
        topic,
        group_id=uuid.uuid4().hex,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        **server,
    )
    await producer.start()
    for lane in (0, 1):
        for offset in (0, 1):
            await producer.send_and_wait(topic, b"%d" % offset, b"k", lane)
    await consumer.start()
    yield topic, producer, consumer
    await producer.stop()
    await consumer.stop()


@pytest.fixture(params=["fakes", pytest.param("real_ones", marks=pytest.mark.stack)])
def clients(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def topic(running):
    """A topic of the test's own."""
    from bench.measured_topics import own_topics

    name = f"test.{uuid.uuid4().hex}"
    with own_topics(running.settings, [name], 2):
        yield name


async def test_records_come_by_partition_and_in_their_order(clients):
    topic, _, consumer = clients
    came = {}
    async with asyncio.timeout(60):
        while sum(map(len, came.values())) < 4:
            for place, rows in (await consumer.getmany(timeout_ms=100)).items():
                assert isinstance(place, TopicPartition)
                came.setdefault(place, []).extend(rows)
    for lane in (0, 1):
        rows = came[TopicPartition(topic, lane)]
        assert [(one.topic, one.partition, one.offset) for one in rows] == [
            (topic, lane, 0),
            (topic, lane, 1),
        ]
        assert [(one.key, one.value) for one in rows] == [(b"k", b"0"), (b"k", b"1")]
    assert await consumer.commit() is None


async def test_a_producer_returns_at_once_a_word_that_tells_once_the_broker_has_it(clients):
    topic, producer, _ = clients
    words = [
        await producer.send(topic, b"v", b"k", 0, headers=headers)
        for headers in ([], [("last", b"1")])
    ]
    for word in words:
        await asyncio.wait_for(word, 60)
    assert await producer.flush() is None
