"""The producer library, over a log in memory."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from agents.errors import Transient
from edge.requests import producer as module
from edge.requests.producer import Producer
from edge.requests.validity import Refused, TooLarge
from schemas import DocumentSubmitted, DocumentWithdrawn, QuestionAsked
from streams.log.ids import document_id, request_id
from streams.settings import Settings
from tests.edge.fake_log import FakeLog


@pytest.fixture
def log():
    return FakeLog()


@pytest.fixture
def producer(tmp_path, log):
    settings = Settings(run=tmp_path, document_bytes_max=1_000)
    with Producer(settings, publisher=log) as producer:
        yield producer


def test_a_question_is_on_the_log_when_it_returns(producer, log):
    request = producer.ask("acme", user="jane", session="s-1", text="When?", fingerprint="f")
    [event] = log.published(QuestionAsked)
    assert (request.request, request.session) == (request_id("acme", "f"), "s-1")
    assert request.position.offset == 0
    assert request.position.partition == event.meta.lane
    assert event.meta.step.name == "producer"


def test_a_document_is_handed_in_and_withdrawn(producer, log):
    request = producer.submit_document("acme", uri="u", content=b"x", title="t")
    assert request.session == document_id("acme", "u")
    [event] = log.published(DocumentSubmitted)
    assert event.meta.request == request.request
    producer.withdraw_document("acme", document=request.session, reason="old")
    [withdrawal] = log.published(DocumentWithdrawn)
    assert (withdrawal.document, withdrawal.reason) == (request.session, "old")
    assert withdrawal.meta.lane == event.meta.lane


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({"content": b"x" * 1_001}, TooLarge), ({"media_type": "image/x-icon"}, Refused)],
)
def test_what_can_not_be_taken_in_is_refused_before_it_is_published(producer, log, wrong, error):
    with pytest.raises(error):
        producer.submit_document("acme", **{"uri": "u", "content": b"x", **wrong})
    assert not log.published(DocumentSubmitted)


def test_a_broker_that_is_away_is_transient(producer, log):
    log.broker = False
    with pytest.raises(Transient):
        producer.ask("acme", user="jane", text="When?")


class Silent(FakeLog):
    """A publisher of which no word comes."""

    def send(self, event):
        word = Future()
        word.result = lambda _timeout: (_ for _ in ()).throw(module.TookTooLong)
        return word


def test_a_broker_that_says_nothing_is_transient(tmp_path):
    producer = Producer(Settings(run=tmp_path), publisher=Silent())
    with pytest.raises(Transient, match="did not answer"):
        producer.ask("acme", user="jane", text="When?")
