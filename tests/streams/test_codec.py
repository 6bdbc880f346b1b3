import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import UNSTAMPED, Ask, Block, Embedded, Parsed, QuestionAsked, Sealed
from schemas.definitions import parsed, self_contained
from schemas.registry import FixedIds
from streams.codec import Codec, Undecodable, body
from tests.fakes import a_codec, a_meta

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
    assert codec._writer(7)[1] is codec._writer(8)[1] is parsed("Ask")
