"""What the inbox makes of plain records."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from agents.errors import Transient
from connectors.keyring import Keyring
from edge.requests.inbox import Inbox, _told_of_error
from schemas import (
    DocumentSubmitted,
    DocumentWithdrawn,
    EventRejected,
    InboxDocument,
    InboxQuestion,
    QuestionAsked,
)
from streams.log.codec import body
from streams.log.configuration import PRODUCERS
from streams.log.ids import document_id, outcome_id, position_id
from streams.log.producer_signature import SignedRecord
from streams.log.writing import Position, RecordTooLarge
from streams.running.producer_proof import ProducerProof
from streams.settings import Settings
from streams.topics import topic_of
from tests.fakes import a_codec
from tests.producer_keys import ProducerKeys

CODEC = a_codec()
DOCUMENT = InboxDocument(tenant="acme", uri="u", media_type="text/plain", content=b"secret")
QUESTION = InboxQuestion(tenant="acme", user="jane", session="s-1", text="secret", max_tokens=9)


@pytest.fixture
def keyring(tmp_path):
    return Keyring(Settings(run=tmp_path))


@pytest.fixture
def sent():
    return []


@pytest.fixture
def inbox(tmp_path, keyring, sent):
    def send(event):
        sent.append(event)
        done = Future()
        done.set_result(Position(topic_of(event), 0, 0, 0))
        return done

    settings = Settings(run=tmp_path, document_bytes_max=1_000)
    return Inbox(settings, CODEC, keyring, send)


def lying(record, value=None, offset=7, key=None, headers=()):
    """A record as it lies on its inbox."""
    return Message(
        topic=topic_of(record), partition=1, offset=offset, key=key,
        value=CODEC.encode(record) if value is None else value, headers=list(headers) or None,
    )  # fmt: skip


def request_for(inbox, record, offset=7):
    return inbox.request_for(lying(record, offset=offset))


def changed(record, **fields):
    return type(record)(**{**record.to_avro(), **fields})


def test_a_plain_document_becomes_a_sealed_request(inbox, keyring):
    event = request_for(inbox, DOCUMENT)
    assert isinstance(event, DocumentSubmitted)
    assert event.meta.step.name == "inbox"
    assert keyring.unseal("acme", event.content) == b"secret"
    assert b"secret" not in body(event)


def test_a_plain_question_becomes_a_sealed_request(inbox, keyring):
    event = request_for(inbox, QUESTION)
    assert isinstance(event, QuestionAsked)
    assert keyring.unseal("acme", event.text) == b"secret"
    assert (event.meta.session, event.ask.max_tokens) == ("s-1", 9)
    assert event.ask.deadline > event.meta.at
    assert b"secret" not in body(event)
    assert b"jane" not in body(event)


def test_a_record_read_again_is_the_same_request(inbox):
    for record in (DOCUMENT, QUESTION):
        assert request_for(inbox, record).meta.id == request_for(inbox, record).meta.id
        assert request_for(inbox, record).meta.id != request_for(inbox, record, 8).meta.id
        keyed = changed(record, idempotency_key="k")
        assert request_for(inbox, keyed).meta.id == request_for(inbox, keyed, 8).meta.id


@pytest.mark.parametrize(
    ("record", "error"),
    [
        (changed(DOCUMENT, tenant="not a tenant"), "Refused"),
        (changed(DOCUMENT, tenant=""), "Refused"),
        (changed(DOCUMENT, content=b"secret" * 200), "TooLarge"),
        (changed(DOCUMENT, media_type="image/x-icon"), "Refused"),
        (changed(QUESTION, text="secret" * 5_000), "TooLarge"),
        (changed(DOCUMENT, groups=["g"] * 65), "Refused"),
        (changed(QUESTION, user=""), "Refused"),
        (changed(QUESTION, max_tokens=0), "Refused"),
        (changed(QUESTION, max_tokens=4_097), "Refused"),
        (changed(QUESTION, groups=["g"] * 65), "Refused"),
    ],
)
def test_what_cannot_be_taken_in_is_rejected_without_its_text(inbox, record, error):
    event = request_for(inbox, record)
    assert isinstance(event, EventRejected)
    assert event.error == error
    assert event.message
    assert (event.topic, event.partition, event.offset) == (topic_of(record), 1, 7)
    assert event.meta.id == outcome_id(position_id(topic_of(record), 1, 7), "inbox", 0)
    assert (event.meta.request, event.meta.session, event.meta.lane) == ("", "", 1)
    assert (event.key, event.traceback, event.attempts, event.step) == (None, "", 1, "inbox")
    assert event.value is None
    assert b"secret" not in body(event)
    assert event.meta.tenant == (record.tenant if record.tenant == "acme" else "")


@pytest.mark.parametrize("value", [None, b"", b"nonsense", b"\0\0\0\xff\xff", b"\0\0\0\0\1"])
def test_undecodable_bytes_are_rejected(inbox, value):
    place = {"topic": topic_of(InboxDocument), "partition": 1, "offset": 7}
    event = inbox.request_for(Message(**place, value=value))
    assert isinstance(event, EventRejected)
    assert event.error == "Undecodable"
    assert event.meta.tenant == ""
    assert event.value is None


def test_a_record_of_another_type_is_rejected(inbox):
    event = inbox.request_for(lying(DOCUMENT, CODEC.encode(QUESTION)))
    assert isinstance(event, EventRejected)


class BrokenKeyring:
    def __getattr__(self, _name):
        raise RuntimeError("secret")


def test_an_unforeseen_error_rejects_one_record_and_tells_no_text(tmp_path, sent):
    inbox = Inbox(Settings(run=tmp_path), CODEC, BrokenKeyring(), sent.append)
    event = request_for(inbox, DOCUMENT)
    assert event.error == "RuntimeError"
    assert b"secret" not in body(event)


def message(record, offset):
    return Message(topic=topic_of(record), partition=1, offset=offset, value=CODEC.encode(record))


@pytest.mark.parametrize("code", [KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID])
def test_an_error_that_ends_the_client_is_raised_whatever_it_says_of_itself(code):
    with pytest.raises(KafkaException):
        _told_of_error(Message(error=KafkaError(code)))


def test_an_error_that_passes_is_told_and_is_no_record():
    assert _told_of_error(Message(error=KafkaError(KafkaError._TRANSPORT)))
    assert not _told_of_error(message(QUESTION, 2))


def test_what_the_log_can_not_take_is_rejected_and_holds_up_nothing(tmp_path, keyring):
    sent = []

    def send(event):
        if isinstance(event, DocumentSubmitted):
            raise RecordTooLarge("send less at once")
        sent.append(event)
        done = Future()
        done.set_result(Position(topic_of(event), 0, 0, 0))
        return done

    inbox = Inbox(Settings(run=tmp_path), CODEC, keyring, send, pause_s=0.0)
    assert inbox._take([message(DOCUMENT, 1), message(QUESTION, 2)])
    letter, question = sent
    assert (letter.error, letter.message) == ("RecordTooLarge", "send less at once")
    assert isinstance(question, QuestionAsked)


def test_a_broker_that_is_away_is_tried_again_and_nothing_is_left_out(tmp_path, keyring):
    failures, sent = [Transient("away"), Transient("away")], []

    def send(event):
        if failures:
            raise failures.pop()
        sent.append(event)
        done = Future()
        done.set_result(Position(topic_of(event), 0, 0, 0))
        return done

    inbox = Inbox(Settings(run=tmp_path), CODEC, keyring, send, pause_s=0.0)
    assert inbox._take([message(DOCUMENT, 1), message(QUESTION, 2)])
    assert [type(event) for event in sent] == [DocumentSubmitted, QuestionAsked]


def test_a_record_can_withdraw_a_document(inbox):
    withdrawal = changed(DOCUMENT, withdrawn=True, content=b"", idempotency_key="k")
    event = request_for(inbox, withdrawal)
    assert isinstance(event, DocumentWithdrawn)
    assert event.document == document_id("acme", "u")
    assert event.meta.lane == request_for(inbox, DOCUMENT).meta.lane
    assert event.meta.id == request_for(inbox, withdrawal, 9).meta.id
    assert event.meta.id != request_for(inbox, changed(withdrawal, idempotency_key="l")).meta.id


@pytest.mark.parametrize("wrong", [{"uri": ""}, {"uri": "u" * 3_000}, {"tenant": "../x"}])
def test_a_withdrawal_of_what_can_be_no_document_is_rejected(inbox, wrong):
    event = request_for(inbox, changed(DOCUMENT, withdrawn=True, **wrong))
    assert isinstance(event, EventRejected)
    assert event.error == "Refused"


# ---------------------------------------------------------------------- who wrote it


@pytest.fixture
def keys():
    return ProducerKeys({topic_of(DOCUMENT): [0, 5], topic_of(QUESTION): [0, 5]})


@pytest.fixture
def asking(tmp_path, keyring, keys):
    """An inbox that takes signed records alone."""
    keys.acme, keys.globex = keys.signer("acme"), keys.signer("globex")
    proof = ProducerProof({PRODUCERS: keys.configuration}, lambda: keys.known)
    keys.known = True
    return Inbox(Settings(run=tmp_path), CODEC, keyring, None, proof=proof)


def signed(signer, record, key=b"k", nonce=None):
    over = SignedRecord(topic_of(record), key, CODEC.encode(record), record.tenant)
    return [signer.header(over, nonce=nonce)]


@pytest.mark.parametrize("record", [DOCUMENT, QUESTION])
def test_a_signed_record_is_taken_in_and_a_copy_of_it_is_the_same_request(asking, keys, record):
    headers = signed(keys.acme, record)
    first, copy = (
        asking.request_for(lying(record, offset=at, key=b"k", headers=headers)) for at in (7, 9)
    )
    other = lying(record, offset=9, key=b"k", headers=signed(keys.acme, record))
    assert not isinstance(first, EventRejected)
    assert first.meta.id == copy.meta.id != asking.request_for(other).meta.id


@pytest.mark.parametrize("record", [DOCUMENT, QUESTION])
def test_what_nobody_of_its_tenant_signed_is_rejected_and_nobodys(asking, keys, record):
    for headers, key, said in [
        ((), b"k", "it bears no signature"),
        (signed(keys.globex, record), b"k", "signs for another tenant"),
        (signed(keys.acme, record), b"another", "is of another record"),
    ]:
        letter = asking.request_for(lying(record, key=key, headers=headers))
        assert isinstance(letter, EventRejected)
        assert (letter.error, letter.meta.tenant, letter.value) == ("Unproved", "", None)
        assert said in letter.message
    assert not isinstance(asking.request_for(lying(record, offset=4)), EventRejected)  # of before


def test_nothing_is_taken_in_before_it_is_known_who_may_write(asking, keys):
    keys.known = False
    with pytest.raises(Transient, match="still being read"):
        asking.request_for(lying(DOCUMENT))
