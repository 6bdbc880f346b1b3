"""Who wrote a record: what is signed holds for that record alone, and where nothing is asked nothing is refused."""

import importlib.util

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.configured.usability import Unusable, hold_usable
from edge.cli.producers import new_key
from schemas import DocumentSubmitted, QuestionAsked
from streams.log.configuration import PRODUCERS
from streams.log.producer_signature import PRODUCER, ProducerSigner, SignedRecord, signature_in
from streams.running.producer_gate import (
    ProducerRules,
    ProducersInForce,
    Unproved,
    WrittenAt,
)
from streams.topics import topic_of
from tests.house import ROOT
from tests.producer_keys import ProducerKeys

ASKED, SUBMITTED = topic_of(QuestionAsked), topic_of(DocumentSubmitted)
AT = WrittenAt(ASKED, 1, 7)
RECORD = SignedRecord(ASKED, b"acme", b"the bytes", "acme")
SIGNED_US = 1_000
EXAMPLE = ROOT / "docs" / "examples" / "signing.py"


@pytest.fixture(scope="module")
def keys():
    return ProducerKeys({ASKED: [0, 5], SUBMITTED: [0, 0]})


@pytest.fixture(scope="module")
def acme(keys):
    return keys.signer("acme")


def why_not(keys, headers, at=AT, record=RECORD):
    return ProducerRules(keys.values).why_not(at, record, headers)


# ---------------------------------------------------------------------- what holds


def test_a_record_that_its_tenants_producer_signed_is_taken(keys, acme):
    assert why_not(keys, [acme.header(RECORD)]) == ""
    assert why_not(keys, [("id", b"x"), acme.header(RECORD), ("other", b"")]) == ""


def test_the_gateways_key_signs_for_every_tenant(keys):
    edge = keys.signer("*")
    other = RECORD._replace(tenant="globex", key=b"globex")
    assert why_not(keys, [edge.header(other)], record=other) == ""


@given(
    field=st.sampled_from(SignedRecord._fields),
    text=st.text(min_size=1, max_size=20).filter(lambda text: text not in RECORD),
)
def test_a_signature_holds_for_no_other_record(keys, acme, field, text):
    edge = keys.signer("*")  # so that the tenant alone is no reason
    other = text.encode("utf-8", "replace") if field in {"key", "value"} else text
    if other == getattr(RECORD, field):
        return
    said = why_not(keys, [edge.header(RECORD)], record=RECORD._replace(**{field: other}))
    assert "is of another record" in said


@given(st.binary(max_size=300))
def test_whatever_the_header_holds_nothing_is_taken_and_nothing_breaks(keys, content):
    assert why_not(keys, [(PRODUCER, content)]) != ""


@given(position=st.integers(0, 80), bit=st.integers(0, 7))
def test_a_header_with_one_bit_turned_is_taken_for_nobodys(keys, acme, position, bit):
    name, content = acme.header(RECORD, SIGNED_US, "0" * 32)
    turned = bytearray(content)
    turned[position % len(content)] ^= 1 << bit
    assert why_not(keys, [(name, bytes(turned))]) != ""


# ---------------------------------------------------------------------- what does not


def test_each_reason_is_told_with_what_to_do(keys, acme):
    expired = keys.signer("acme", until_us=SIGNED_US)
    revoked = keys.signer("acme", revoked_from={ASKED: [0, 7]})
    stranger = ProducerKeys().signer("acme")
    globex = keys.signer("globex")
    good = acme.header(RECORD)
    for headers, said in [
        ([], "it bears no signature"),
        ([("id", b"producer")], "it bears no signature"),
        ([(PRODUCER, b"")], "of a form that is known"),
        ([good, good], "of a form that is known"),
        ([(PRODUCER, good[1].replace(b"v1", b"v2"))], "of a form that is known"),
        ([stranger.header(RECORD)], "none that is known here"),
        ([globex.header(RECORD)], "signs for another tenant"),
        ([expired.header(RECORD, SIGNED_US + 1)], "had expired when it was signed"),
        ([revoked.header(RECORD)], "is revoked"),
        ([acme.header(RECORD._replace(topic=SUBMITTED))], "is of another record"),
    ]:
        assert said in why_not(keys, headers), said
    assert why_not(keys, [expired.header(RECORD, SIGNED_US)]) == ""
    assert why_not(keys, [revoked.header(RECORD)], AT._replace(offset=6)) == ""
    later = AT._replace(topic="playhead.session.forked", offset=0)  # unknown when it was revoked
    record = RECORD._replace(topic=later.topic)
    rules = ProducerRules(keys.values | {"required_from": {later.topic: [0, 0]}})
    assert "is revoked" in rules.why_not(later, record, [revoked.header(record)])


def test_another_producers_key_can_not_sign_under_its_name(keys, acme):
    forger = ProducerSigner(acme.key, ProducerKeys().signer("acme")._private_key)
    assert "is of another record" in why_not(keys, [forger.header(RECORD)])


@pytest.mark.parametrize(
    ("at", "asked"),
    [
        (AT._replace(offset=4), False),
        (AT._replace(offset=5), True),
        (AT._replace(partition=0, offset=0), True),
        (AT._replace(partition=9, offset=0), True),
        (AT._replace(topic="playhead.feedback.given"), False),
    ],
)
def test_it_is_asked_from_a_position_on_and_not_before(keys, at, asked):
    assert ProducerRules(keys.values).asks(at) is asked
    assert bool(why_not(keys, [], at)) is asked


def test_nothing_is_asked_as_shipped():
    assert not ProducerRules({}).asks(AT)
    _, rules = ProducersInForce({}).now()
    assert not rules.asks(AT)


def test_rules_follow_what_is_in_force():
    keys = ProducerKeys({ASKED: [0]})
    configurations = {PRODUCERS: ProducerKeys().configuration}
    producers = ProducersInForce(configurations)
    assert not producers.now()[1].asks(AT)
    configurations[PRODUCERS] = keys.configuration
    digest, rules = producers.now()
    assert digest == keys.configuration.digest
    with pytest.raises(Unproved, match="nobody proved who wrote this record") as raised:
        rules.check(AT, RECORD, [], digest)
    assert raised.value.by == digest


def test_the_example_signs_as_the_gate_asks(keys, tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("signing", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    assert example.headers_for(*RECORD) == []
    identity, secret, public = new_key()
    keys.values["keys"][identity] = {"tenant": "acme", "public_key": public}
    (tmp_path / "acme.key").write_text(f"{secret}\n")
    monkeypatch.setenv("PRODUCER_KEY_FILE", str(tmp_path / "acme.key"))
    assert why_not(keys, example.headers_for(*RECORD)) == ""
    assert why_not(keys, example.headers_for(ASKED, b"acme", b"other", "acme")) != ""


# ---------------------------------------------------------------------- keys and configurations


def test_a_signature_is_read_as_it_was_written(acme):
    told = signature_in([acme.header(RECORD, SIGNED_US, "a" * 32)])
    assert (told.key, told.at_us, told.nonce) == (acme.key, SIGNED_US, "a" * 32)
    assert len(told.signature) == 64


def test_no_two_signatures_are_alike(acme):
    assert acme.header(RECORD) != acme.header(RECORD)


@pytest.mark.parametrize("secret", ["", "k", "k:", "k:AAAA", ":" + "A" * 43 + "=", "ph_abc", "k:é"])
def test_what_is_no_key_is_refused(secret):
    with pytest.raises(ValueError, match="no key of a producer"):
        ProducerSigner.of_secret(secret)


@pytest.mark.parametrize(
    "values",
    [
        {"required_from": {ASKED: [-1]}},
        {"keys": {"a b": {"tenant": "acme", "public_key": "A" * 43 + "="}}},
        {"keys": {"a": {"tenant": "acme", "public_key": "short"}}},
        {"keys": {"a": {"tenant": "", "public_key": "A" * 43 + "="}}},
        {"signed": True},
    ],
)
def test_a_configuration_that_can_not_be_worked_by_is_refused(values):
    with pytest.raises(Unusable):
        hold_usable(PRODUCERS, values)


def test_what_is_made_can_be_worked_by(keys):
    hold_usable(PRODUCERS, keys.values)
    hold_usable(PRODUCERS, {})
