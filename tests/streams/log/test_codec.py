import re
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import UNSTAMPED, Ask, Begin, Block, Embedded, Parsed, QuestionAsked, Sealed
from schemas.definitions import self_contained
from schemas.registry import FixedIds, RegistryAway
from streams.log.codec import (
    DOUBTED_S,
    HEADER,
    REFUSALS_MAX,
    REFUSED_S,
    Codec,
    Undecodable,
    body,
    open_codec,
    record_type,
    schema_id_of,
)
from streams.settings import Settings
from tests.fakes import a_codec, a_meta
from tests.memory_registry import MemoryRegistry

SEALED = Sealed(key="user/u", event="e", field="text", ciphertext=b"\x00\xff")
ASKED = QuestionAsked(
    meta=a_meta(), subject="u", text=SEALED, ask=Ask(groups=("a",), filters={"k": "v"})
)
CODEC = a_codec()
BYTES = CODEC.encode(ASKED)


def test_an_event_survives_the_wire():
    assert CODEC.decode(BYTES, QuestionAsked) == ASKED
    assert CODEC.decode_any(BYTES) == ASKED


@given(
    st.lists(
        st.builds(
            Block,
            kind=st.sampled_from(["heading", "paragraph"]),
            level=st.integers(0, 6),
            text=st.text(),
        )
    ).map(tuple),
    st.text(),
)
def test_any_text_survives_the_wire(blocks, title):
    parsed = Parsed(title=title, blocks=blocks, parser="p", parser_version="1")
    codec = Codec(FixedIds.numbered(["Parsed"]))
    assert codec.decode(codec.encode(parsed), Parsed) == parsed


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_or_decoded_but_never_crash(data):
    with suppress(Undecodable):
        CODEC.decode(data, QuestionAsked)


@given(st.integers(0, len(BYTES) - 1), st.integers(1, 255))
def test_a_damaged_record_is_refused_or_decoded_but_never_crashes(position, flip):
    damaged = bytearray(BYTES)
    damaged[position] ^= flip
    with suppress(Undecodable):
        CODEC.decode(bytes(damaged), QuestionAsked)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "tombstone"),
        (b"", "too few"),
        (b"\x01\x00\x00\x00\x01x", "magic byte 1"),
        (struct.pack(">bI", 0, 99_999) + b"x", "no schema with id 99999"),
        (BYTES[:-1], "does not follow"),
        (BYTES + b"x", "1 bytes are left over"),
        (CODEC.encode(Embedded(vectors=(), model="m", dimensions=1)), "is Embedded, expected"),
    ],
)
def test_what_is_wrong_with_bytes_is_said(data, says):
    with pytest.raises(Undecodable, match=says):
        CODEC.decode(data, QuestionAsked)


def test_a_foreign_schema_is_no_record_of_ours():
    foreign = {"type": "record", "name": "Meta", "namespace": "elsewhere", "fields": []}
    codec = Codec(FixedIds({1: foreign}, {}))
    with pytest.raises(Undecodable, match="no record of ours"):
        codec.decode_any(b"\x00\x00\x00\x00\x01")


def test_an_unstamped_event_is_not_put_on_the_log():
    with pytest.raises(ValueError, match="no meta"):
        body(QuestionAsked(meta=UNSTAMPED, subject="u", text=SEALED, ask=Ask()))


def test_a_record_of_an_older_definition_is_read_with_defaults_and_written_again_as_it_was():
    older = self_contained("Ask")
    older["fields"] = [field for field in older["fields"] if field["name"] != "as_of"]
    codec = Codec(FixedIds({7: older, 8: self_contained("Ask")}, {"Ask": 8}))
    data = codec.encode_as(Ask(groups=("a",)), 7)
    assert codec.decode(data, Ask) == Ask(groups=("a",))
    assert codec.encode_as(codec.decode(data, Ask), 7) == data
    assert codec.encode(Ask(groups=("a",))) != data


def test_a_definition_that_says_the_same_in_other_words_is_read_as_ours():
    other = {**self_contained("Ask"), "doc": "Said otherwise."}
    codec = Codec(FixedIds({7: other, 8: self_contained("Ask")}, {"Ask": 8}))
    data = codec.encode_as(Ask(groups=("a",)), 7)
    assert codec.decode(data, Ask) == Ask(groups=("a",))
    assert codec._writer(7) == codec._writer(8) == ("Ask", None)


@pytest.mark.parametrize("lacking", ["vectors", "model", "dimensions"])
def test_a_definition_that_lacks_a_field_of_ours_is_undecodable(lacking):
    older = self_contained("Embedded")
    older["fields"] = [field for field in older["fields"] if field["name"] != lacking]
    codec = Codec(FixedIds({7: older}, {}))
    data = codec.encode_as(Embedded(vectors=(), model="m", dimensions=1), 7)
    with pytest.raises(Undecodable, match="does not follow Embedded: SchemaResolutionError"):
        codec.decode(data, Embedded)


def test_a_codec_is_opened_without_asking_the_registry():
    assert not open_codec(Settings(registry="http://127.0.0.1:1")).known(1, Ask)


def a_registry(definition):
    """One that knows a definition under id 1."""
    return MemoryRegistry({1: definition}, {"Ask": 1})


def test_a_learned_schema_is_known_and_decoding_asks_nobody():
    registry = a_registry(self_contained("Ask"))
    codec = Codec(registry)
    data = codec.encode(Ask(groups=("a",)))
    assert not codec.known(1, Ask)
    codec.learn(1, Ask)
    registry.away = True
    codec.learn(1, Ask)
    assert codec.known(1, Ask)
    assert codec.decode(data, Ask) == Ask(groups=("a",))
    assert registry.asked == ["Ask", 1]


def test_learning_says_when_the_registry_is_away_and_nothing_is_remembered_of_it():
    registry = a_registry(self_contained("Ask"))
    codec = Codec(registry)
    registry.away = True
    with pytest.raises(RegistryAway):
        codec.learn(1, Ask)
    assert not codec.known(1, Ask)
    registry.away = False
    codec.learn(1, Ask)
    assert codec.known(1, Ask)


@pytest.mark.parametrize(
    ("definition", "schema_id"),
    [
        ({"type": "record", "name": "Ask", "namespace": "elsewhere", "fields": []}, 1),
        ({"type": "record", "name": "Event", "namespace": "playhead", "fields": []}, 1),
        ({"type": "record", "name": "Ask", "namespace": "playhead", "fields": [{"name": "x"}]}, 1),
        ({"type": "record", "name": "Ask", "namespace": "playhead", "fields": 3}, 1),
        (self_contained("Begin"), 1),
        ("string", 1),
        ({}, 1),
        ({}, 2),
    ],
)
def test_what_a_registry_says_of_no_record_of_ours_is_no_fact_until_it_is_refused(
    definition, schema_id
):
    registry = a_registry(definition)
    codec = Codec(registry)
    with pytest.raises(Undecodable) as error:
        codec.learn(schema_id, Ask)
    assert not codec.known(schema_id, Ask)
    codec.refuse(schema_id, Ask, str(error.value))
    registry.away = True
    assert codec.known(schema_id, Ask)
    assert not codec.known(schema_id, Begin)
    codec.learn(schema_id, Ask)
    with pytest.raises(Undecodable, match=re.escape(str(error.value))):
        codec.decode(struct.pack(">bI", 0, schema_id), Ask)
    assert registry.asked == [schema_id]


def test_what_a_registry_says_later_counts():
    registry = a_registry({})
    codec = Codec(registry)
    with pytest.raises(Undecodable):
        codec.learn(1, Ask)
    registry.hear(1, self_contained("Ask"))
    codec.learn(1, Ask)
    assert codec.known(1, Ask)


def test_the_refusals_that_are_remembered_are_the_latest_and_bounded():
    codec = Codec(a_registry({}))
    for schema_id in range(2, REFUSALS_MAX + 4):
        codec.refuse(schema_id, Ask, "unknown")
    assert [codec.known(schema_id, Ask) for schema_id in (2, 3, 4, REFUSALS_MAX + 3)] == [
        False,
        False,
        True,
        True,
    ]


def test_a_refused_id_is_asked_for_again_when_the_registry_may_have_learnt_it():
    seconds = [0.0]
    registry = a_registry(self_contained("Ask"))
    codec = Codec(registry, clock=lambda: seconds[0])
    codec.refuse(1, Ask, "unknown")
    seconds[0] = REFUSED_S - 1
    codec.learn(1, Ask)
    assert (codec.known(1, Ask), registry.asked) == (True, [])
    seconds[0] = REFUSED_S
    assert not codec.known(1, Ask)
    codec.learn(1, Ask)
    assert codec.decode(codec.encode(Ask(groups=("a",))), Ask) == Ask(groups=("a",))


def older_ask():
    older = self_contained("Ask")
    older["fields"] = [field for field in older["fields"] if field["name"] != "as_of"]
    return older


RIGHT = Codec(FixedIds({1: older_ask()}, {})).encode_as(Ask(groups=("a",)), 1)


def test_a_definition_by_which_nothing_can_be_read_is_asked_for_again():
    seconds = [0.0]
    registry = a_registry(self_contained("Ask"))  # the record was written by an older one
    codec = Codec(registry, clock=lambda: seconds[0])
    codec.learn(1, Ask)
    registry.hear(1, older_ask())
    for seconds[0] in (0, DOUBTED_S - 0.1, DOUBTED_S):
        assert codec.known(1, Ask)
        with pytest.raises(Undecodable):
            codec.decode(RIGHT, Ask)
    assert not codec.known(1, Ask)
    codec.learn(1, Ask)
    assert codec.decode(RIGHT, Ask) == Ask(groups=("a",))


def test_a_definition_by_which_a_record_was_read_is_kept_whatever_others_send():
    seconds = [0.0]
    registry = a_registry(older_ask())
    codec = Codec(registry, clock=lambda: seconds[0])
    codec.learn(1, Ask)
    codec.decode(RIGHT, Ask)
    for seconds[0] in (DOUBTED_S, 1_000):
        with pytest.raises(Undecodable):
            codec.decode(RIGHT + b"x", Ask)
    assert codec.known(1, Ask)
    assert registry.asked == [1]


def test_an_id_that_stands_for_another_record_is_not_kept_by_decoding_either():
    registry = a_registry(self_contained("Begin"))
    codec = Codec(registry)
    with pytest.raises(Undecodable, match="schema 1 is Begin, expected Ask"):
        codec.decode(RIGHT, Ask)
    registry.hear(1, older_ask())
    assert codec.decode(RIGHT, Ask) == Ask(groups=("a",))


@pytest.mark.parametrize("name", ["struct", "no such", "__all__", "definitions"])
def test_only_records_are_records_by_name(name):
    with pytest.raises(Undecodable, match="no record of ours"):
        record_type(name)
    assert record_type("Ask") is Ask


@pytest.mark.parametrize("schema_id", [0, 1, 2**32 - 1])
def test_the_id_of_a_schema_is_four_bytes_big_endian_after_the_magic_byte(schema_id):
    assert schema_id_of(b"\0" + schema_id.to_bytes(4, "big") + b"rest") == schema_id


def test_a_record_is_not_written_as_another():
    codec = Codec(FixedIds.numbered(["Ask", "Embedded"]))
    schema_id = schema_id_of(codec.encode(Ask()))
    with pytest.raises(Undecodable, match=f"schema {schema_id} is Ask, the record is Embedded"):
        codec.encode_as(Embedded(vectors=(), model="m", dimensions=1), schema_id)
    assert codec.encode_as(Ask(), schema_id) == codec.encode(Ask())


def test_what_digests_are_taken_of_has_no_header():
    assert CODEC.encode(ASKED)[HEADER.size :] == body(ASKED)
