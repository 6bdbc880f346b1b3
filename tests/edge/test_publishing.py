"""The publisher of requests, without a broker."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace

import httpx
import pytest
from confluent_kafka.schema_registry.error import SchemaRegistryError

from agents.errors import Permanent, Transient
from edge.publishing import Position, RequestPublisher, _tell
from schemas import DocumentWithdrawn
from streams.settings import Settings
from tests.fakes import a_codec, a_meta

NOBODY = Settings(kafka="127.0.0.1:9")


def a_withdrawal(reason=""):
    return DocumentWithdrawn(meta=a_meta(), document="d-1", reason=reason)


@pytest.fixture
def publisher():
    publisher = RequestPublisher(NOBODY, a_codec(), client="test")
    yield publisher
    publisher.close(timeout_s=0)


class RegistryAway:
    def __init__(self, error):
        self.error = error

    def encode(self, _event):
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("away"),
        httpx.ConnectError("away"),
        SchemaRegistryError(500, 50_001, "away"),
    ],
)
def test_a_registry_that_is_away_is_transient(error):
    publisher = RequestPublisher(NOBODY, RegistryAway(error), client="test")
    with pytest.raises(Transient, match="registry is away"):
        publisher.send(a_withdrawal())
    publisher.close(timeout_s=0)


def test_what_no_broker_took_is_unsent(publisher):
    word = publisher.send(a_withdrawal())
    assert not word.done()
    assert publisher.unsent >= 1


def test_a_record_above_what_the_broker_takes_is_refused_at_once(publisher):
    with pytest.raises(Permanent, match=r"playhead\.document\.withdrawn"):
        publisher.send(a_withdrawal("x" * 1_100_000))


def test_closing_twice_is_closing_once(publisher):
    publisher.close(timeout_s=0)
    publisher.close(timeout_s=0)


def test_word_of_a_record_is_where_it_lies():
    word = Future()
    message = SimpleNamespace(partition=lambda: 3, offset=lambda: 41, timestamp=lambda: (1, 77))
    _tell(word, "t", None, message)
    assert word.result(0) == Position("t", 3, 41, 77)


def test_word_that_a_broker_did_not_take_a_record_is_transient():
    word = Future()
    _tell(word, "t", SimpleNamespace(name=lambda: "_MSG_TIMED_OUT"), None)
    with pytest.raises(Transient, match="_MSG_TIMED_OUT"):
        word.result(0)
