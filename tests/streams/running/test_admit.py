"""What reaches a step, and what becomes of the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import (
    Ask,
    EventRejected,
    Failed,
    QuestionAsked,
    QuestionRedacted,
    Sealed,
)
from streams.log.codec import Undecodable
from streams.log.ids import position_id
from streams.running.admit import (
    IDENTITY_MAX,
    KEY_BYTES_MAX,
    OUTCOME_BYTES_MAX,
    WrongTenant,
    admit,
    rejection,
    unreadable,
)
from streams.topics import INBOX, step, topic_of
from tests.fakes import a_codec, a_meta

TOPIC = topic_of(QuestionAsked)
WHY = Failed(error="E", message="m", traceback="", attempts=1)


def a_question(**meta):
    return QuestionAsked(
        meta=a_meta(**meta),
        subject="u",
        text=Sealed(key="user/u", event="e", field="text", ciphertext=b"c"),
        ask=Ask(),
    )


def test_an_event_under_its_tenants_key_in_its_lane_is_let_in():
    codec, event = a_codec(), a_question()
    assert admit(codec, QuestionAsked, codec.encode(event), b"acme", 0) == event


@pytest.mark.parametrize(("key", "partition"), [(b"other", 0), (None, 0), (b"", 0), (b"acme", 1)])
def test_an_event_under_another_key_or_in_another_lane_is_kept_out(key, partition):
    codec = a_codec()
    with pytest.raises(WrongTenant):
        admit(codec, QuestionAsked, codec.encode(a_question()), key, partition)


def test_an_event_of_no_tenant_is_kept_out():
    codec = a_codec()
    with pytest.raises(WrongTenant):
        admit(codec, QuestionAsked, codec.encode(a_question(tenant="")), b"", 0)


@pytest.mark.parametrize("value", [None, b"", b"poison", b"\0\0\0\0\1"])
def test_other_bytes_are_kept_out(value):
    with pytest.raises(Undecodable):
        admit(a_codec(), QuestionAsked, value, b"acme", 0)


def test_another_record_type_is_kept_out():
    codec = a_codec()
    other = QuestionRedacted(meta=a_meta(), outcome="redacted", subject="u", text="t", ask=Ask())
    with pytest.raises(Undecodable):
        admit(codec, QuestionAsked, codec.encode(other), b"acme", 0)


def test_the_rejection_of_what_could_not_be_read_claims_nothing_that_the_record_claims():
    given_by = unreadable(TOPIC, 2, 9)
    meta = given_by.event.meta
    assert (meta.id, meta.tenant, meta.request, meta.lane) == (position_id(TOPIC, 2, 9), "", "", 2)


def test_the_bytes_of_an_inbox_stay_out_of_the_dead_letter():
    why = Failed(error="E", message="m", traceback="", attempts=1)
    build = rejection(step("ingest"), unreadable(INBOX[0].name, 0, 1), b"k", b"plain text")
    assert build(why, a_meta()).value is None
    build = rejection(step("redact"), unreadable(TOPIC, 0, 1), b"k", b"sealed")
    rejected = build(why, a_meta())
    assert isinstance(rejected, EventRejected)
    assert (rejected.value, rejected.key) == (b"sealed", b"k")


@pytest.mark.parametrize("field", ["tenant", "request", "session", "id"])
def test_ids_that_no_outcome_could_carry_are_kept_out(field):
    codec, event = a_codec(), a_question(**{field: "x" * IDENTITY_MAX})
    with pytest.raises(Undecodable, match="shorter"):
        admit(codec, QuestionAsked, codec.encode(event), event.meta.tenant.encode(), 0)


@given(
    st.sampled_from([0, 1, KEY_BYTES_MAX, KEY_BYTES_MAX + 1, OUTCOME_BYTES_MAX, 1_048_000]),
    st.sampled_from([0, 1, 500_000, 990_000, OUTCOME_BYTES_MAX, 1_040_000, 1_048_000]),
)
def test_a_letter_over_whatever_the_broker_took_fits_a_record(key_size, value_size):
    codec, key, value = a_codec(), b"k" * key_size, b"v" * value_size
    build = rejection(step("redact"), unreadable(TOPIC, 0, 1), key, value)
    letter = build(WHY, a_meta())
    assert len(codec.encode(letter)) <= OUTCOME_BYTES_MAX
    assert letter.value in {value, None}
    assert letter.key in {key, None}
    if key_size + value_size < OUTCOME_BYTES_MAX - 1_000:
        assert (letter.key, letter.value) == (key, value)
