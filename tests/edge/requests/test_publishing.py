"""The publisher of requests, over a writer in memory."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.schema_registry.error import SchemaRegistryError

from agents.errors import Permanent, Transient
from edge.cli.producers import new_key
from edge.requests.publishing import RequestPublisher
from schemas import DocumentWithdrawn
from streams.log.producer_signature import SignedRecord
from streams.log.writing import RECORD_BYTES_MAX
from streams.running.producer_gate import ProducerRules, WrittenAt
from streams.settings import Settings
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta
from tests.memory_broker import MemoryBroker, MemoryWriter
from tests.producer_keys import ProducerKeys

CODEC = a_codec()
TOPIC = topic_of(DocumentWithdrawn)


def a_withdrawal(reason=""):
    meta = a_meta(lane=3, trace="00-a-b-01")
    return DocumentWithdrawn(meta=meta, document="d-1", reason=reason)


@pytest.fixture
def broker():
    return MemoryBroker()


@pytest.fixture
def writer(broker):
    return MemoryWriter(broker)


def a_publisher(writer, codec=CODEC):
    return RequestPublisher(Settings(), codec, client="test", writer=writer)


class RegistryAway:
    def __init__(self, error):
        self.error = error

    def encode(self, _event):
        raise self.error


def test_a_request_is_written_to_its_topic_and_lane_under_its_tenant(broker, writer):
    event = a_withdrawal()
    a_publisher(writer).send(event)
    [record] = broker.rows[topic_of(event), 3].messages
    assert record.key() == b"acme"
    assert CODEC.decode(record.value(), DocumentWithdrawn) == event
    assert dict(record.headers()) == {
        "id": event.meta.id.encode(),
        "request": event.meta.request.encode(),
        "traceparent": b"00-a-b-01",
    }


def test_a_request_is_signed_where_there_is_a_key(broker, writer, tmp_path):
    keys = ProducerKeys({TOPIC: [0] * 4})
    identity, secret, public = new_key()
    keys.values["keys"][identity] = {"tenant": "*", "public_key": public}
    (tmp_path / "key").write_text(secret)
    settings = Settings(producer_key_file=str(tmp_path / "key"))
    RequestPublisher(settings, CODEC, client="test", writer=writer).send(a_withdrawal())
    [record] = broker.rows[TOPIC, 3].messages
    over = SignedRecord(TOPIC, b"acme", record.value(), "acme")
    rules, at = ProducerRules(keys.values), WrittenAt(TOPIC, 3, 0)
    assert rules.asks(at)
    assert rules.why_not(at, over, record.headers()) == ""


def test_without_a_key_nothing_is_sent_that_its_step_would_reject(broker, writer):
    publisher = RequestPublisher(
        Settings(), CODEC, client="test", writer=writer, must_sign=lambda: True
    )
    with pytest.raises(Transient, match="must set PLAYHEAD_PRODUCER_KEY_FILE"):
        publisher.send(a_withdrawal())
    assert not broker.rows


def test_word_of_a_record_is_where_it_lies(broker, writer):
    broker.away = True
    publisher = a_publisher(writer)
    words = [publisher.send(a_withdrawal()) for _ in range(2)]
    assert (publisher.unsent, [word.done() for word in words]) == (2, [False, False])
    writer.settle(1)
    assert (publisher.unsent, [word.done() for word in words]) == (1, [True, False])
    place = words[0].result(0)
    assert (place.topic, place.partition, place.offset) == (TOPIC, 3, 0)
    [record] = broker.rows[TOPIC, 3].messages
    assert record.timestamp()[1] == place.time_ms


async def test_who_waits_no_longer_for_word_does_not_disturb_who_brings_it(broker, writer):
    broker.away = True
    publisher = a_publisher(writer)
    word = publisher.send(a_withdrawal())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.wrap_future(word)
    writer.settle(1)
    assert word.result(0).offset == 0
    assert publisher.unsent == 0


def test_word_that_a_broker_did_not_take_a_record_is_transient(broker, writer):
    broker.away = True
    publisher = a_publisher(writer)
    word = publisher.send(a_withdrawal())
    writer.give_up()
    with pytest.raises(Transient, match="_MSG_TIMED_OUT"):
        word.result(0)
    assert publisher.unsent == 0


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("away"),
        httpx.ConnectError("away"),
        SchemaRegistryError(500, 50_001, "away"),
    ],
)
def test_a_registry_that_is_away_is_transient(broker, writer, error):
    publisher = a_publisher(writer, RegistryAway(error))
    with pytest.raises(Transient, match="registry is away"):
        publisher.send(a_withdrawal())
    assert (publisher.unsent, broker.rows) == (0, {})


def test_a_record_for_which_the_client_has_no_room_is_transient(broker, writer):
    broker.away = True
    publisher = a_publisher(writer)
    words = []

    def flood():
        while True:
            words.append(publisher.send(a_withdrawal("x" * 1_000_000)))

    with pytest.raises(Transient, match="too many records wait"):
        flood()
    assert publisher.unsent == len(words) > 0


def test_a_record_that_the_client_does_not_even_queue_is_refused_for_good(writer):
    writer.refusal = KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))
    publisher = a_publisher(writer)
    with pytest.raises(Permanent, match="does not take the record"):
        publisher.send(a_withdrawal())
    assert publisher.unsent == 0


def test_a_record_above_what_the_log_takes_is_refused_at_once(writer):
    publisher = a_publisher(writer)
    with pytest.raises(Permanent, match=r"playhead\.document\.withdrawn"):
        publisher.send(a_withdrawal("x" * RECORD_BYTES_MAX))
    assert publisher.unsent == 0


def test_closing_closes_the_writer(writer):
    a_publisher(writer).close()
    assert writer.closed == 1
