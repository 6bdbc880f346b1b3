"""The publisher over a client that acknowledges when it is told to; the real one is under tests/streams/delivery/test_runner.py."""

import asyncio
import threading
from typing import ClassVar

import pytest

from streams.log import writing as publisher
from streams.log.writing import EAGER, Acknowledgement, Publisher


class FakeClient:
    """Stands for librdkafka: its queue holds so many records, and it delivers on demand."""

    ROOM = 100
    made: ClassVar[list] = []

    def __init__(self, _config):
        self.queue, self.taken, self.purged, self._lock = [], [], False, threading.Lock()
        self._due = []
        self.made.append(self)

    def produce(self, topic, value, key, partition, on_delivery, headers):
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
            on_delivery(error, None)

    def purge(self, **_):
        self.purged = True


@pytest.fixture
async def made(monkeypatch):
    FakeClient.made = []
    monkeypatch.setattr(publisher, "Producer", FakeClient)
    fatal = []
    made = Publisher("nowhere", "test", fatal.append)
    made.fatal = fatal
    yield made
    for client in FakeClient.made:
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
    [client] = FakeClient.made
    [receipt] = send(made, b"a")
    await asyncio.sleep(0)
    assert client.taken == [b"a"]
    assert not receipt.done.done()
    client.deliver()
    await asyncio.wait_for(receipt.done, 2)
    assert made.outstanding == 0


async def test_records_wait_for_an_acknowledgement_while_some_are_on_their_way(made, monkeypatch):
    monkeypatch.setattr(publisher, "HOLD_S", 60.0)
    [client] = FakeClient.made
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


async def test_records_do_not_wait_for_long(made):
    [client] = FakeClient.made
    send(made, *[b"a"] * EAGER)
    await asyncio.sleep(0)
    send(made, b"x")
    await soon(lambda: client.taken[-1] == b"x")


async def test_a_full_queue_keeps_the_order_and_loses_nothing(made, monkeypatch):
    monkeypatch.setattr(FakeClient, "ROOM", 3)
    [client] = FakeClient.made
    values = [b"%d" % number for number in range(10)]
    receipts = send(made, *values)
    for _ in range(10):
        await asyncio.sleep(0.01)
        client.deliver(1)
    await soon(lambda: client.deliver() or all(receipt.done.done() for receipt in receipts))
    assert client.taken == values


async def test_what_was_abandoned_is_purged_and_its_acknowledgements_count_for_nothing(made):
    [lost] = FakeClient.made
    send(made, b"a", b"b")
    await asyncio.sleep(0)
    made.abandon()
    assert lost.purged
    assert made.outstanding == 0
    [receipt] = send(made, b"c")
    await asyncio.sleep(0)
    assert FakeClient.made[-1].taken == [b"c"]
    lost.deliver()
    lost.poll(0)
    await asyncio.sleep(0.02)
    assert made.outstanding == 1
    FakeClient.made[-1].deliver()
    await asyncio.wait_for(receipt.done, 2)
    assert made.outstanding == 0


async def test_everything_is_delivered_before_it_says_so(made):
    [client] = FakeClient.made
    send(made, b"a", b"b")
    waiting = asyncio.ensure_future(made.delivered())
    await asyncio.sleep(0.02)
    client.deliver(1)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    client.deliver()
    await asyncio.wait_for(waiting, 2)


async def test_a_record_that_is_refused_for_good_ends_the_worker(made):
    from confluent_kafka import KafkaError

    [client] = FakeClient.made
    send(made, b"a")
    await asyncio.sleep(0)
    client.deliver(error=KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    await soon(lambda: made.fatal)
    assert "not taken" in str(made.fatal[0])
