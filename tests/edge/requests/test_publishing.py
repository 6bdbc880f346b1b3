"""The publisher of requests, over a writer in memory."""

from __future__ import annotations

from concurrent.futures import Future

import httpx
import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.schema_registry.error import SchemaRegistryError

from agents.errors import Permanent, Transient
from edge.requests.publishing import RequestPublisher
from schemas import DocumentWithdrawn
from streams.log.writing import RECORD_BYTES_MAX, Position, QueueFull, check_size
from streams.settings import Settings
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta

CODEC = a_codec()
PLACE = Position("t", 3, 41, 77)


def a_withdrawal(reason=""):
    meta = a_meta(lane=3, trace="00-a-b-01")
    return DocumentWithdrawn(meta=meta, document="d-1", reason=reason)


class FakeWriter:
    """Keeps records; the test says what becomes of them."""

    def __init__(self, error=None):
        self.records, self.words, self.closed = [], [], 0
        self._error = error

    def write(self, *record):
        if self._error:
            raise self._error
        topic, _, key, value, headers = record
        check_size(topic, key, value, headers)
        self.records.append(record)
        self.words.append(Future())
        return self.words[-1]

    def close(self):
        self.closed += 1


def a_publisher(writer, codec=CODEC):
    return RequestPublisher(Settings(), codec, client="test", writer=writer)


class RegistryAway:
    def __init__(self, error):
        self.error = error

    def encode(self, _event):
        raise self.error


def test_a_request_is_written_to_its_topic_and_lane_under_its_tenant():
    writer, event = FakeWriter(), a_withdrawal()
    a_publisher(writer).send(event)
    [(topic, lane, key, value, headers)] = writer.records
    assert (topic, lane, key) == (topic_of(event), 3, b"acme")
    assert CODEC.decode(value, DocumentWithdrawn) == event
    assert dict(headers) == {
        "id": event.meta.id.encode(),
        "request": event.meta.request.encode(),
        "traceparent": b"00-a-b-01",
    }


def test_word_of_a_record_is_where_it_lies():
    writer = FakeWriter()
    publisher = a_publisher(writer)
    words = [publisher.send(a_withdrawal()) for _ in range(2)]
    assert (publisher.unsent, [word.done() for word in words]) == (2, [False, False])
    writer.words[1].set_result(PLACE)
    assert (publisher.unsent, words[1].result(0)) == (1, PLACE)
    assert not words[0].done()


def test_word_that_a_broker_did_not_take_a_record_is_transient():
    writer = FakeWriter()
    publisher = a_publisher(writer)
    word = publisher.send(a_withdrawal())
    writer.words[0].set_exception(KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT)))
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
def test_a_registry_that_is_away_is_transient(error):
    writer = FakeWriter()
    publisher = a_publisher(writer, RegistryAway(error))
    with pytest.raises(Transient, match="registry is away"):
        publisher.send(a_withdrawal())
    assert (publisher.unsent, writer.records) == (0, [])


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (QueueFull("too many records wait: try again"), Transient),
        (KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION)), Permanent),
    ],
)
def test_a_record_that_is_not_even_queued_is_refused_at_once(error, kind):
    publisher = a_publisher(FakeWriter(error))
    with pytest.raises(kind):
        publisher.send(a_withdrawal())
    assert publisher.unsent == 0


def test_a_record_above_what_the_log_takes_is_refused_at_once():
    publisher = a_publisher(FakeWriter())
    with pytest.raises(Permanent, match=r"playhead\.document\.withdrawn"):
        publisher.send(a_withdrawal("x" * RECORD_BYTES_MAX))
    assert publisher.unsent == 0


def test_closing_closes_the_writer():
    writer = FakeWriter()
    a_publisher(writer).close()
    assert writer.closed == 1
