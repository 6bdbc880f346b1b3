"""Admission: where a record must lie, what stands for one that lies elsewhere, and its dead letter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas import Ask, Failed, QuestionAsked, QuestionRedacted, Sealed, StepVersion
from schemas.registry import UnknownSchema
from streams.log.codec import Undecodable
from streams.log.ids import position_id
from streams.running.admit import (
    ATTEMPT_MAX,
    IDENTITY_CHARS_MAX,
    KEY_BYTES_MAX,
    OUTCOME_BYTES_MAX,
    WrongTenant,
    admit,
    check_place,
    rejection,
    unreadable,
)
from streams.running.run import Input
from streams.topics import INBOX, topic_of
from streams.version import CODE
from tests.fakes import a_codec, a_meta

TOPIC = topic_of(QuestionAsked)
FAILED = Failed(error="Undecodable", message="why", traceback="where", attempts=3)
CODEC = a_codec()
META = a_meta()


def a_question(**meta):
    text = Sealed(key="user/u", event="e", field="text", ciphertext=b"c")
    return QuestionAsked(meta=a_meta(**meta), subject="u", text=text, ask=Ask())


def test_a_record_in_its_tenants_lane_is_admitted():
    event = a_question(lane=3)
    assert admit(CODEC, QuestionAsked, CODEC.encode(event), b"acme", 3) == event


@given(st.binary(max_size=8).filter(lambda key: key != b"acme") | st.none(), st.integers(0, 64))
def test_under_any_other_key_it_is_another_tenants(key, lane):
    with pytest.raises(WrongTenant, match="QuestionAsked lies under another key than its tenant"):
        check_place(a_question(lane=lane), key, lane)


@given(st.integers(0, 64), st.integers(0, 64))
def test_in_any_other_partition_it_is_out_of_its_lane(lane, partition):
    event = a_question(lane=lane)
    if lane == partition:
        check_place(event, b"acme", partition)
        return
    with pytest.raises(WrongTenant, match=f"says lane {lane} and lies in partition {partition}"):
        check_place(event, b"acme", partition)


@pytest.mark.parametrize("key", [b"", None])
def test_a_record_of_no_tenant_is_nobodys(key):
    with pytest.raises(WrongTenant):
        admit(CODEC, QuestionAsked, CODEC.encode(a_question(tenant="")), key, 0)


def test_a_tenant_may_have_a_name_in_any_script():
    check_place(a_question(tenant="mühle"), "mühle".encode(), 0)


REDACTED = QuestionRedacted(
    meta=a_meta(), outcome="redacted", subject="u", text="t", entries=(), ask=Ask()
)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\0\0\0",
        b"\1" * 20,
        b"\0\xff\xff\xff\xff rest",
        CODEC.encode(a_question())[:-1],
        CODEC.encode(a_question()) + b"x",
        CODEC.encode(REDACTED),
    ],
)
def test_what_is_no_such_record_is_not_admitted(value):
    with pytest.raises(Undecodable):
        admit(CODEC, QuestionAsked, value, b"acme", 0)


def test_a_foreign_tenant_is_no_decoding_error_of_another_kind():
    """Both are rejected in the same way; the class tells them apart in the dead letter."""
    assert issubclass(WrongTenant, Undecodable)


@given(st.sampled_from([TOPIC, INBOX[0].name]), st.integers(0, 9), st.integers(0, 2**40))
def test_what_stands_for_an_unreadable_record_is_its_position_alone(topic, partition, offset):
    given_by = unreadable(topic, partition, offset)
    position = position_id(topic, partition, offset)
    meta = given_by.event.meta
    assert given_by == Input(given_by.event, topic, partition, offset)
    assert (meta.id, meta.session, meta.lane) == (position, position, partition)
    assert (meta.tenant, meta.request, meta.effects, meta.cause) == ("", "", (), None)
    assert given_by.cause.id == position


def test_an_unreadable_record_is_of_no_type_that_can_be_written():
    event = unreadable(TOPIC, 0, 1).event
    assert event.SCHEMA == "Unreadable"
    with pytest.raises(UnknownSchema):
        CODEC.encode(event)


@pytest.mark.parametrize("name", ["ingest", "redact"])
def test_a_dead_letter_says_where_its_input_lies_and_why_it_was_given_up(name):
    given_by = Input(a_question(), TOPIC, 2, 9)
    letter = rejection(name, given_by, b"acme", b"sealed")(FAILED, META)
    assert (letter.topic, letter.partition, letter.offset, letter.step) == (TOPIC, 2, 9, name)
    assert (letter.error, letter.message, letter.traceback, letter.attempts) == (
        "Undecodable",
        "why",
        "where",
        3,
    )
    assert (letter.key, letter.value, letter.meta) == (b"acme", b"sealed", META)


@pytest.mark.parametrize("topic", [topic.name for topic in INBOX])
def test_the_plain_bytes_of_an_inbox_are_not_in_its_dead_letter(topic):
    build = rejection("ingest", unreadable(topic, 0, 1), b"key", b"plain text")
    letter = build(FAILED, META)
    assert (letter.key, letter.value) == (b"key", None)


@pytest.mark.parametrize("field", ["tenant", "request", "session", "id"])
def test_ids_that_no_outcome_could_carry_are_kept_out(field):
    codec, event = a_codec(), a_question(**{field: "x" * IDENTITY_CHARS_MAX})
    with pytest.raises(Undecodable, match="shorter"):
        admit(codec, QuestionAsked, codec.encode(event), event.meta.tenant.encode(), 0)


@given(
    st.sampled_from([0, 1, KEY_BYTES_MAX, KEY_BYTES_MAX + 1, OUTCOME_BYTES_MAX, 1_048_000]),
    st.sampled_from([0, 1, 500_000, 990_000, OUTCOME_BYTES_MAX, 1_040_000, 1_048_000]),
)
def test_a_letter_over_whatever_the_broker_took_fits_a_record(key_size, value_size):
    codec, key, value = a_codec(), b"k" * key_size, b"v" * value_size
    build = rejection("redact", unreadable(TOPIC, 0, 1), key, value)
    letter = build(FAILED, a_meta())
    assert len(codec.encode(letter)) <= OUTCOME_BYTES_MAX
    assert letter.value in {value, None}
    assert letter.key in {key, None}
    if key_size + value_size < OUTCOME_BYTES_MAX - 1_000:
        assert (letter.key, letter.value) == (key, value)


def test_what_code_before_the_bounds_wrote_is_read_without_them():
    codec, event = a_codec(), a_question(request="x" * IDENTITY_CHARS_MAX)
    with pytest.raises(Undecodable):
        check_place(event, b"acme", 0)
    check_place(event, b"acme", 0, bounded=False)
    with pytest.raises(WrongTenant):
        check_place(event, b"another", 0, bounded=False)
    large = b"v" * 1_020_000
    build = rejection("redact", unreadable(TOPIC, 0, 1), b"key", large)
    for code, value in (("0.1.0", large), (CODE, None)):
        meta = replace(a_meta(), step=StepVersion(name="redact", code=code, configuration=""))
        assert build(FAILED, meta).value == value
    assert codec.decode(codec.encode(event), QuestionAsked) == event


@pytest.mark.parametrize("attempt", [ATTEMPT_MAX + 1, 2**31 - 1])
def test_an_attempt_above_which_no_run_could_be_numbered_is_kept_out(attempt):
    event = a_question(attempt=attempt)
    with pytest.raises(Undecodable, match="no step counts so far"):
        admit(CODEC, QuestionAsked, CODEC.encode(event), b"acme", 0)


def test_the_last_attempt_that_can_be_counted_on_is_admitted():
    event = a_question(attempt=ATTEMPT_MAX)
    assert admit(CODEC, QuestionAsked, CODEC.encode(event), b"acme", 0) == event
