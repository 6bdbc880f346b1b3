"""What steps and tables rely on of their publisher: the one in memory keeps it as the real one does."""

import asyncio
import time
from functools import partial

import pytest
from confluent_kafka import TopicPartition

from streams.delivery.publisher import Acknowledgement, Publisher
from streams.log.reading import new_consumer
from streams.log.writing import RECORD_BYTES_MAX, RecordTooLarge, new_producer
from streams.settings import Settings
from tests.memory_broker import MemoryBroker
from tests.memory_producer import MemoryProducer
from tests.streams.delivery.memory_publisher import MemoryPublisher

PATIENCE_S = 20.0
NOWHERE = "127.0.0.1:9"  # discard: nobody listens


class InMemory:
    """The publisher in memory."""

    def __init__(self):
        self.topic = "test"
        self.broker = MemoryBroker()
        self.broker.create(self.topic)
        self.publisher = MemoryPublisher(self.broker)

    def goes_away(self):
        self.broker.away = True

    def consumer(self):
        self.broker.away = False
        return self.broker.consumer()


class OverMemory(InMemory):
    """The real publisher, over a client in memory."""

    def __init__(self):
        super().__init__()
        self.publisher = Publisher("", "test", pytest.fail, client=self._client)

    def _client(self, *_, **config):
        return MemoryProducer(self.broker, config=config)


class OnKafka:
    """The real publisher over the real client; the broker goes away where the client's next address is wrong."""

    def __init__(self, settings, topic):
        self.topic = topic
        self._settings = settings
        self._servers = settings.kafka
        self.publisher = self._new()

    def _new(self):
        return Publisher("", "test", pytest.fail, client=self._client)

    def _client(self, _servers, name, **config):
        return new_producer(Settings(kafka=self._servers), name, **config)

    def goes_away(self):
        self._servers = NOWHERE
        self.publisher = self._new()

    def consumer(self):
        return new_consumer(self._settings, "test")


@pytest.fixture(params=["memory", "over memory", pytest.param("kafka", marks=pytest.mark.stack)])
async def log(request):
    if request.param == "kafka":
        running, topic = request.getfixturevalue("running"), request.getfixturevalue("topic")
        made = OnKafka(running.settings, topic)
    else:
        made = {"memory": InMemory, "over memory": OverMemory}[request.param]()
    yield made
    made.publisher.abandon()
    await made.publisher.close(PATIENCE_S)


@pytest.fixture
def publisher(log):
    return log.publisher


class Told:
    """A receipt that notes what it is told."""

    def __init__(self):
        self.words = []

    def acknowledged(self):
        self.words.append("acknowledged")

    def failed(self, error):
        self.words.append(error)


def on_log(
    log, partition=0, what=lambda message: (message.key(), message.value(), message.headers())
):
    """Read what lies in a partition, until its end; the broker answers again."""
    consumer, read, deadline = log.consumer(), [], time.monotonic() + PATIENCE_S
    consumer.assign([TopicPartition(log.topic, partition, 0)])
    while time.monotonic() < deadline:
        for message in consumer.consume(100, 0.1):
            if message.error() is not None:
                consumer.close()
                return read
            read.append(what(message))
    raise AssertionError("the partition has no end")


async def test_a_receipt_is_told_once_and_never_within_the_handing_over(log, publisher):
    receipts = [Told() for _ in range(3)]
    for number, receipt in enumerate(receipts):
        publisher.send(log.topic, 0, b"acme", b"%d" % number, [], receipt)
        assert [one.words for one in receipts] == [[]] * 3
    assert publisher.outstanding == 3
    await asyncio.wait_for(publisher.delivered(), PATIENCE_S)
    assert [one.words for one in receipts] == [["acknowledged"]] * 3
    assert publisher.outstanding == 0


class SendsAnother(Told):
    """A receipt that hands the next record over when it is told."""

    def __init__(self, publisher, topic):
        super().__init__()
        self.next = Told()
        self._send = partial(publisher.send, topic, 0, b"acme", b"next", [], self.next)

    def acknowledged(self):
        super().acknowledged()
        self._send()


async def test_what_a_receipt_hands_over_is_waited_for_too(log, publisher):
    first = SendsAnother(publisher, log.topic)
    publisher.send(log.topic, 0, b"acme", b"first", [], first)
    await asyncio.wait_for(publisher.delivered(), PATIENCE_S)
    assert first.next.words == ["acknowledged"]
    assert publisher.outstanding == 0


async def test_records_lie_on_the_log_in_their_order_as_they_were_handed_over(log, publisher):
    for number in range(5):
        publisher.send(log.topic, 1, b"acme", b"%d" % number, [("n", b"x")], Told())
    publisher.send(log.topic, 1, b"acme", None, [], Told())
    await asyncio.wait_for(publisher.delivered(), PATIENCE_S)
    expected = [(b"acme", b"%d" % number, [("n", b"x")]) for number in range(5)]
    assert on_log(log, 1) == [*expected, (b"acme", None, None)]
    assert on_log(log, 0) == []


async def test_a_record_lies_on_the_log_not_before_the_time_that_it_was_given(log, publisher):
    later_ms = int(time.time() * 1_000) + 3_600_000  # a clock that is an hour ahead wrote the input
    for not_before_ms in (later_ms, 0, -1):
        publisher.send(log.topic, 0, b"acme", b"v", [], Told(), not_before_ms)
    await asyncio.wait_for(publisher.delivered(), PATIENCE_S)
    first_ms, *others_ms = on_log(log, what=lambda message: message.timestamp()[1])
    assert first_ms == later_ms
    assert all(0 < other_ms < later_ms for other_ms in others_ms)


async def test_it_tells_how_far_its_records_reach(log, publisher):
    assert publisher.ends == {}
    for partition in (0, 1, 1):
        publisher.send(log.topic, partition, b"acme", b"v", [], Told())
    await asyncio.wait_for(publisher.delivered(), PATIENCE_S)
    assert publisher.ends == {(log.topic, 0): 1, (log.topic, 1): 2}


async def test_a_record_that_fits_nowhere_is_refused_and_nobody_is_told(log, publisher):
    receipt = Told()
    with pytest.raises(RecordTooLarge):
        publisher.send(log.topic, 0, b"k", b"v" * RECORD_BYTES_MAX, [], receipt)
    assert publisher.outstanding == 0
    await asyncio.wait_for(publisher.delivered(), PATIENCE_S)
    assert receipt.words == []
    assert on_log(log) == []


async def test_while_the_broker_is_away_records_wait_and_nobody_is_told(log):
    log.goes_away()
    receipt = Acknowledgement()
    log.publisher.send(log.topic, 0, b"acme", b"v", [], receipt)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(log.publisher.delivered(), 0.2)
    assert log.publisher.outstanding == 1
    assert not receipt.done.done()


async def test_what_was_abandoned_is_told_of_no_more_and_counts_for_nothing(log, publisher):
    lost, waiting = Told(), Told()
    publisher.send(log.topic, 0, b"acme", b"lost", [], lost)
    publisher.abandon()
    assert publisher.outstanding == 0
    publisher.send(log.topic, 0, b"acme", b"next", [], waiting)
    await asyncio.wait_for(publisher.delivered(), PATIENCE_S)
    assert (lost.words, waiting.words) == ([], ["acknowledged"])
    assert publisher.outstanding == 0


async def test_what_waited_while_the_broker_was_away_and_was_abandoned_never_reaches_the_log(log):
    log.goes_away()
    log.publisher.send(log.topic, 0, b"acme", b"lost", [], Told())
    await asyncio.sleep(0.05)
    log.publisher.abandon()
    await asyncio.wait_for(log.publisher.delivered(), PATIENCE_S)
    assert on_log(log) == []


async def test_it_may_be_closed_while_nobody_answers(log):
    log.goes_away()
    log.publisher.send(log.topic, 0, b"acme", b"v", [], Told())
    await asyncio.wait_for(log.publisher.close(0.1), PATIENCE_S)
