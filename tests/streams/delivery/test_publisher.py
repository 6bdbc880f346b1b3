"""The publisher over a client that acknowledges when it is told to; the real one is under tests/streams/delivery/test_runner.py."""

import asyncio
import threading
from typing import ClassVar

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from streams.delivery import publisher
from streams.delivery.publisher import EAGER, Acknowledgement, Publisher, PublishingFailed
from streams.log.writing import RECORD_BYTES_MAX, RecordTooLarge


class FakeHeldProducer:
    """Stands for librdkafka: its queue holds so many records, and it delivers on demand."""

    ROOM = 100
    made: ClassVar[list] = []

    def __init__(self, _servers, _name, **config):
        self.config = config
        self.queue, self.taken, self.purged, self._lock = [], [], False, threading.Lock()
        self._due = []
        self._offset = 0
        self.made.append(self)

    def produce(self, topic, value, key, partition, on_delivery, headers):
        if topic == "gone":
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC))
        if len(self.queue) >= self.ROOM:
            raise BufferError
        self.queue.append((value, on_delivery))
        self.taken.append(value)

    def deliver(self, count=None, error=None):
        with self._lock:
            given, self.queue = self.queue[:count], self.queue[len(self.queue[:count]) :]
            self._due += [(on_delivery, error) for _, on_delivery in given]

    def poll(self, timeout):
        with self._lock:
            due, self._due = self._due, []
        if not due:
            threading.Event().wait(min(timeout, 0.005))
        for on_delivery, error in due:
            on_delivery(error, Message(topic="topic", partition=0, offset=self._offset))
            self._offset += 1

    def purge(self, **_):
        self.purged = True


@pytest.fixture
async def made():
    FakeHeldProducer.made = []
    fatal = []
    sure = [True]
    made = Publisher("nowhere", "test", fatal.append, lambda: sure[0], FakeHeldProducer)
    made.fatal, made.sure = fatal, sure
    yield made
    for client in FakeHeldProducer.made:
        client.deliver()
    await made.close(1.0)


def send(made, *values):
    receipts = [Acknowledgement() for _ in values]
    for value, receipt in zip(values, receipts, strict=True):
        made.send("topic", 0, b"key", value, [], receipt)
    return receipts


async def soon(condition):
    for _ in range(400):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to that")


async def test_a_lone_record_leaves_in_the_same_turn_of_the_loop(made):
    [client] = FakeHeldProducer.made
    [receipt] = send(made, b"a")
    await asyncio.sleep(0)
    assert client.taken == [b"a"]
    assert not receipt.done.done()
    client.deliver()
    await asyncio.wait_for(receipt.done, 2)
    assert made.outstanding == 0


async def test_records_wait_for_an_acknowledgement_while_some_are_on_their_way(made, monkeypatch):
    monkeypatch.setattr(publisher, "HOLD_S", 60.0)
    [client] = FakeHeldProducer.made
    first = [b"%d" % number for number in range(EAGER)]
    send(made, *first)
    await asyncio.sleep(0)
    send(made, b"x")
    await asyncio.sleep(0)
    send(made, b"y")
    await asyncio.sleep(0.02)
    assert client.taken == first
    client.deliver(1)
    await soon(lambda: client.taken == [*first, b"x", b"y"])


async def test_while_it_is_in_doubt_whose_the_lanes_are_records_wait_and_leave_in_order_then(made):
    [client] = FakeHeldProducer.made
    made.sure[0] = False
    send(made, b"a")
    await asyncio.sleep(0.01)
    send(made, b"b")
    await asyncio.sleep(0.1)
    assert client.taken == []
    assert made.outstanding == 2
    made.sure[0] = True
    await soon(lambda: client.taken == [b"a", b"b"])


async def test_what_was_abandoned_in_doubt_never_leaves(made):
    made.sure[0] = False
    send(made, b"a")
    await asyncio.sleep(0.01)
    made.abandon()
    made.sure[0] = True
    send(made, b"b")
    await soon(lambda: FakeHeldProducer.made[-1].taken == [b"b"])
    assert FakeHeldProducer.made[0].taken == []


async def test_records_do_not_wait_for_long(made):
    [client] = FakeHeldProducer.made
    send(made, *[b"a"] * EAGER)
    await asyncio.sleep(0)
    send(made, b"x")
    await soon(lambda: client.taken[-1] == b"x")


async def test_a_full_queue_keeps_the_order_and_loses_nothing(made, monkeypatch):
    monkeypatch.setattr(FakeHeldProducer, "ROOM", 3)
    [client] = FakeHeldProducer.made
    values = [b"%d" % number for number in range(10)]
    receipts = send(made, *values)
    for _ in range(10):
        await asyncio.sleep(0.01)
        client.deliver(1)
    await soon(lambda: client.deliver() or all(receipt.done.done() for receipt in receipts))
    assert client.taken == values


async def test_what_was_abandoned_is_purged_and_its_acknowledgements_count_for_nothing(made):
    [lost] = FakeHeldProducer.made
    send(made, b"a", b"b")
    await asyncio.sleep(0)
    made.abandon()
    assert lost.purged
    assert made.outstanding == 0
    [receipt] = send(made, b"c")
    await asyncio.sleep(0)
    assert FakeHeldProducer.made[-1].taken == [b"c"]
    lost.deliver()
    lost.poll(0)
    await asyncio.sleep(0.02)
    assert made.outstanding == 1
    FakeHeldProducer.made[-1].deliver()
    await asyncio.wait_for(receipt.done, 2)
    assert made.outstanding == 0


async def test_everything_is_delivered_before_it_says_so(made):
    [client] = FakeHeldProducer.made
    send(made, b"a", b"b")
    waiting = asyncio.ensure_future(made.delivered())
    await asyncio.sleep(0.02)
    client.deliver(1)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    client.deliver()
    await asyncio.wait_for(waiting, 2)


async def test_a_record_that_the_broker_refuses_fails_its_receipt_alone(made):
    [client] = FakeHeldProducer.made
    refused, taken = send(made, b"a", b"b")
    await asyncio.sleep(0)
    client.deliver(1, error=KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    client.deliver()
    with pytest.raises(PublishingFailed, match="did not take a record of topic"):
        await asyncio.wait_for(refused.done, 2)
    await asyncio.wait_for(taken.done, 2)
    assert made.outstanding == 0
    assert made.fatal == []


async def test_a_topic_that_is_gone_fails_its_record_and_holds_up_no_other(made):
    [client] = FakeHeldProducer.made
    gone = Acknowledgement()
    made.send("gone", 0, b"k", b"v", [], gone)
    [after] = send(made, b"a")
    with pytest.raises(PublishingFailed, match=r"gone\[0\] takes no record"):
        await asyncio.wait_for(gone.done, 2)
    client.deliver()
    await asyncio.wait_for(after.done, 2)
    assert made.outstanding == 0


async def test_an_error_that_ends_the_client_is_told(made):
    [client] = FakeHeldProducer.made
    client.config["error_cb"](KafkaError(KafkaError._TRANSPORT))
    await asyncio.sleep(0.01)
    assert made.fatal == []
    client.config["error_cb"](KafkaError(KafkaError._FATAL, "fenced", fatal=True))
    await soon(lambda: made.fatal)
    assert "fenced" in str(made.fatal[0])


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"k", b"v" * RECORD_BYTES_MAX, []),
        (b"k" * RECORD_BYTES_MAX, b"v", []),
        (b"k", b"v", [("h", b"x" * RECORD_BYTES_MAX)]),
        (b"k", None, [("h" * RECORD_BYTES_MAX, b"")]),
    ],
)
async def test_a_record_that_fits_nowhere_is_refused_in_its_callers_frame(
    made, key, value, headers
):
    receipt = Acknowledgement()
    with pytest.raises(RecordTooLarge, match="send less at once"):
        made.send("topic", 0, key, value, headers, receipt)
    await asyncio.sleep(0.01)
    assert made.outstanding == 0
    assert not receipt.done.done()
    [client] = FakeHeldProducer.made
    [after] = send(made, b"the next one goes on")
    await asyncio.sleep(0)
    client.deliver()
    await asyncio.wait_for(after.done, 2)


async def test_it_tells_how_far_its_records_reach(made):
    [client] = FakeHeldProducer.made
    send(made, b"a", b"b", b"c")
    await asyncio.sleep(0)
    client.deliver(2)
    await soon(lambda: made.outstanding == 1)
    assert made.ends == {("topic", 0): 2}


async def test_an_offset_that_the_client_can_not_tell_moves_nothing(made):
    [client] = FakeHeldProducer.made
    client._offset = -1001
    [receipt] = send(made, b"a")
    await asyncio.sleep(0)
    client.deliver()
    await asyncio.wait_for(receipt.done, 2)
    assert made.ends == {}
