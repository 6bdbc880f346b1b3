"""The publisher over a client that acknowledges when it is told to; the real one is under tests/streams/delivery/test_runner.py."""

import asyncio
import time

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException

from streams.delivery import publisher
from streams.delivery.publisher import EAGER, Acknowledgement, Publisher, PublishingFailed
from streams.log.writing import RECORD_BYTES_MAX, RecordTooLarge
from tests.memory_broker import MemoryBroker
from tests.memory_producer import MemoryProducer
from tests.streams.delivery.memory_publisher import sent

ROOM = 100


class Bench(Publisher):
    """A publisher over a broker that is away: what it is given waits until a test lets it be taken."""

    def __init__(self, room=ROOM):
        self.broker = MemoryBroker()
        self.broker.create("topic")
        self.broker.away = True
        self.clients, self.fatal, self.is_sure, self._room = [], [], True, room
        super().__init__("nowhere", "test", self.fatal.append, lambda: self.is_sure, self._client)

    def _client(self, _servers, _name, **config):
        self.clients.append(MemoryProducer(self.broker, self._room, config))
        return self.clients[-1]

    def on_log(self):
        return [one.value() for one in sent(self.broker)]


@pytest.fixture
async def made(request):
    made = Bench(getattr(request, "param", ROOM))
    yield made
    made.broker.away = False
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
    [client] = made.clients
    [receipt] = send(made, b"a")
    await asyncio.sleep(0)
    assert client.taken == [b"a"]
    assert not receipt.done.done()
    client.settle()
    await asyncio.wait_for(receipt.done, 60)
    assert made.outstanding == 0


async def test_records_wait_for_an_acknowledgement_while_some_are_on_their_way(made, monkeypatch):
    monkeypatch.setattr(publisher, "HOLD_S", 60.0)
    [client] = made.clients
    first = [b"%d" % number for number in range(EAGER)]
    send(made, *first)
    await asyncio.sleep(0)
    send(made, b"x")
    await asyncio.sleep(0)
    send(made, b"y")
    await asyncio.sleep(0.02)
    assert client.taken == first
    client.settle(1)
    await soon(lambda: client.taken == [*first, b"x", b"y"])


async def test_while_it_is_in_doubt_whose_the_lanes_are_records_wait_and_leave_in_order_then(made):
    [client] = made.clients
    made.is_sure = False
    send(made, b"a")
    await asyncio.sleep(0.01)
    send(made, b"b")
    await asyncio.sleep(0.1)
    assert client.taken == []
    assert made.outstanding == 2
    made.is_sure = True
    await soon(lambda: client.taken == [b"a", b"b"])


async def test_what_was_abandoned_in_doubt_never_leaves(made):
    made.is_sure = False
    send(made, b"a")
    await asyncio.sleep(0.01)
    made.abandon()
    made.is_sure = True
    send(made, b"b")
    await soon(lambda: made.clients[-1].taken == [b"b"])
    assert made.clients[0].taken == []


async def test_records_do_not_wait_for_long(made):
    [client] = made.clients
    send(made, *[b"a"] * EAGER)
    await asyncio.sleep(0)
    send(made, b"x")
    await soon(lambda: client.taken[-1] == b"x")


@pytest.mark.parametrize("made", [3], indirect=True)
async def test_a_full_queue_keeps_the_order_and_loses_nothing(made):
    [client] = made.clients
    values = [b"%d" % number for number in range(10)]
    receipts = send(made, *values)
    for _ in range(10):
        await asyncio.sleep(0.01)
        client.settle(1)
    await soon(lambda: client.settle() or all(receipt.done.done() for receipt in receipts))
    assert client.taken == values


async def test_what_was_abandoned_is_purged_and_its_acknowledgements_count_for_nothing(made):
    [lost] = made.clients
    send(made, b"a", b"b")
    await asyncio.sleep(0)
    lost.settle(1)
    while lost.due:  # the broker has it, and the loop was not told yet
        time.sleep(0.001)  # noqa: ASYNC251 - the loop must not run meanwhile
    made.abandon()
    assert made.outstanding == 0
    [receipt] = send(made, b"c")
    await asyncio.sleep(0)
    assert made.clients[-1].taken == [b"c"]
    await soon(lambda: not len(lost))
    assert made.on_log() == [b"a"]
    assert made.outstanding == 1
    made.clients[-1].settle()
    await asyncio.wait_for(receipt.done, 60)
    assert made.outstanding == 0


async def test_everything_is_delivered_before_it_says_so(made):
    [client] = made.clients
    send(made, b"a", b"b")
    waiting = asyncio.ensure_future(made.delivered())
    await asyncio.sleep(0.02)
    client.settle(1)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    client.settle()
    await asyncio.wait_for(waiting, 60)


async def test_a_record_that_the_broker_refuses_fails_its_receipt_alone(made):
    [client] = made.clients
    refused, taken = send(made, b"a", b"b")
    await asyncio.sleep(0)
    client.settle(1, error=KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    client.settle()
    with pytest.raises(PublishingFailed, match="did not take a record of topic"):
        await asyncio.wait_for(refused.done, 60)
    await asyncio.wait_for(taken.done, 60)
    assert made.outstanding == 0
    assert made.fatal == []


async def test_a_partition_that_is_not_there_fails_its_record_and_holds_up_no_other(made):
    [client] = made.clients
    gone = Acknowledgement()
    made.send("topic", 99, b"k", b"v", [], gone)
    [after] = send(made, b"a")
    with pytest.raises(PublishingFailed, match=r"topic\[99\] takes no record"):
        await asyncio.wait_for(gone.done, 60)
    client.settle()
    await asyncio.wait_for(after.done, 60)
    assert made.outstanding == 0


async def test_an_error_that_ends_the_client_is_told_once(made):
    [client] = made.clients
    client.config["error_cb"](KafkaError(KafkaError._TRANSPORT))
    await asyncio.sleep(0.01)
    assert made.fatal == []
    client.config["error_cb"](KafkaError(KafkaError._FATAL, "fenced", fatal=True))
    client.config["error_cb"](KafkaError(KafkaError._FATAL, "again", fatal=True))
    await soon(lambda: made.fatal)
    await asyncio.sleep(0.01)
    assert ["fenced" in str(error) for error in made.fatal] == [True]


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
    [client] = made.clients
    [after] = send(made, b"the next one goes on")
    await asyncio.sleep(0)
    client.settle()
    await asyncio.wait_for(after.done, 60)


async def test_an_error_that_ends_the_client_is_somebodys(made):
    [client] = made.clients
    made.broker.away = True
    [receipt] = send(made, b"a")
    client.end_with(KafkaError(KafkaError._FATAL))
    await soon(lambda: made.fatal)
    assert "the client has ended" in str(made.fatal[0])
    assert not receipt.done.done()


async def test_while_its_client_has_ended_all_waits_and_what_is_abandoned_then_never_leaves(made):
    [lost] = made.clients
    [on_its_way] = send(made, b"on its way")
    await asyncio.sleep(0)
    lost.settle(1, error=KafkaError(KafkaError._FATAL))  # nobody knows whether the broker has it
    await soon(lambda: made.fatal)
    [waiting] = send(made, b"waiting")
    await asyncio.sleep(0.02)
    assert lost.taken == [b"on its way"]
    assert made.outstanding == 2
    made.abandon()
    [after] = send(made, b"after")
    await soon(lambda: made.clients[-1].settle() or after.done.done())
    assert not on_its_way.done.done()
    assert not waiting.done.done()
    assert made.on_log() == [b"after"]
    assert len(made.fatal) == 1


async def test_a_client_that_ends_where_it_is_handed_a_record_is_told_and_keeps_the_record(made):
    [client] = made.clients

    def produce(*_, **__):
        raise KafkaException(KafkaError(KafkaError._FATAL))

    client.produce = produce
    receipts = send(made, b"a", b"b")
    await soon(lambda: made.fatal)
    await asyncio.sleep(0.01)
    assert (len(made.fatal), made.outstanding) == (1, 2)
    assert not any(receipt.done.done() for receipt in receipts)


async def test_the_next_client_is_heard_when_it_ends_too(made):
    for number in (1, 2):
        made.clients[-1].end_with(KafkaError(KafkaError._FATAL))
        await soon(lambda number=number: len(made.fatal) == number)
        made.abandon()
    [receipt] = send(made, b"a")
    await soon(lambda: made.clients[-1].settle() or receipt.done.done())


async def test_what_an_abandoned_client_says_late_ends_nothing(made):
    [lost] = made.clients
    made.abandon()
    lost.config["error_cb"](KafkaError(KafkaError._FATAL))
    [receipt] = send(made, b"b")
    await soon(lambda: made.clients[-1].settle() or receipt.done.done())
    assert made.fatal == []


async def test_an_abandoned_client_may_end_as_it_likes(made):
    [lost] = made.clients
    made.abandon()
    lost.end_with(KafkaError(KafkaError._FATAL))
    [receipt] = send(made, b"b")
    await soon(lambda: made.clients[-1].settle() or receipt.done.done())
    assert made.fatal == []


async def test_each_client_is_heard_by_a_thread_that_ends_with_it(made):
    [lost], first = made.clients, made._thread
    made.abandon()
    assert made._thread is not first
    lost.end_with(KafkaError(KafkaError._FATAL))
    await asyncio.wait_for(asyncio.to_thread(first.join), 60)
    assert made._thread.is_alive()
    assert made.fatal == []


async def test_it_tells_how_far_its_records_reach(made):
    [client] = made.clients
    send(made, b"a", b"b", b"c")
    await asyncio.sleep(0)
    client.settle(2)
    await soon(lambda: made.outstanding == 1)
    assert made.ends == {("topic", 0): 2}


async def test_an_offset_that_the_client_can_not_tell_moves_nothing(made):
    [client] = made.clients
    [receipt] = send(made, b"a")
    await asyncio.sleep(0)
    client.settle(offset=OFFSET_INVALID)
    await asyncio.wait_for(receipt.done, 60)
    assert made.ends == {}
