"""Definitions that others wrote, and bytes under them: whatever they are, reading ends, with a record or an error."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from schemas import QuestionAsked
from schemas.definitions import NAMESPACE, definitions, self_contained
from schemas.foreign import LEVELS_MAX, UnfitDefinition, check
from streams.log.codec import Codec, Undecodable
from tests.memory_registry import MemoryRegistry


def a_record(*types, name="QuestionAsked"):
    fields = [{"name": f"f{number}", "type": kind} for number, kind in enumerate(types)]
    return {"type": "record", "name": name, "namespace": NAMESPACE, "fields": fields}


def nested(levels):
    kind = "int"
    for _ in range(levels):
        kind = {"type": "array", "items": kind}
    return kind


def doubling(times):
    """A record of two records of two records, as small to write as it is large to read."""
    kind = a_record("null", name="R0")
    for number in range(1, times):
        kind = a_record(kind, f"R{number - 1}", name=f"R{number}")
    return kind


ITSELF = a_record(["null", "R"], name="R")
UNFIT = [
    (a_record(nested(500)), "levels deep"),
    (a_record(nested(LEVELS_MAX)), "levels deep"),
    (a_record(ITSELF), "R holds itself"),
    (a_record(a_record("R", name="R")), "R holds itself"),
    (a_record({"type": "array", "items": "playhead.QuestionAsked"}), "holds itself"),
    (a_record({"type": "array", "items": "null"}), "take no byte"),
    (a_record({"type": "array", "items": a_record("null", name="N")}), "take no byte"),
    (a_record({"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}), "no byte"),
    (a_record(doubling(40)), "more than 100000 types"),
    (a_record(None), "neither a name"),
    (a_record({"type": "array"}), "neither a name"),
    ({**a_record(), "fields": ["x"]}, "is no object"),
]


@pytest.mark.parametrize(("definition", "why"), UNFIT)
def test_a_definition_by_which_reading_might_not_end_is_unfit(definition, why):
    with pytest.raises(UnfitDefinition, match=why):
        check(definition)


@pytest.mark.parametrize("name", definitions())
def test_each_of_ours_is_fit(name):
    check(self_contained(name))


@pytest.mark.parametrize(
    "kind",
    [
        nested(LEVELS_MAX - 2),
        ["null", "string"],
        {"type": "map", "values": "null"},
        {"type": {"type": "long"}},
        {"type": "enum", "name": "E", "symbols": ["A"]},
        a_record(a_record("int", name="A"), "A", name="B"),
    ],
)
def test_what_ends_is_fit(kind):
    check(a_record(kind))


def under(definition, body):
    """Read bytes under a definition that a registry tells for id 7."""
    codec = Codec(MemoryRegistry({7: definition}))
    return codec.decode(struct.pack(">bI", 0, 7) + body, QuestionAsked)


HOSTILE = [
    *(definition for definition, _ in UNFIT),
    {"type": "enum", "name": "QuestionAsked", "namespace": NAMESPACE},
    {"type": "record", "name": "QuestionAsked", "namespace": NAMESPACE, "fields": 3},
    a_record("string"),
    a_record({"type": "array", "items": "int"}),
    a_record({"type": "bytes", "logicalType": "decimal"}),
    {"name": "QuestionAsked"},
    ["null"],
    "string",
    {},
    None,
]


@pytest.mark.parametrize("definition", HOSTILE)
@pytest.mark.parametrize(
    "body", [b"", b"\0" * 40, b"\2" * 100_000 + b"\0", b"\xff" * 30, b"\xfe\xff\xff\xff\x0f" * 9]
)
def test_whatever_definition_and_bytes_are_the_record_is_undecodable(definition, body):
    with pytest.raises(Undecodable):
        under(definition, body)


@given(st.sampled_from(sorted(definitions())), st.binary(max_size=300))
def test_bytes_under_another_records_definition_are_read_or_undecodable(name, body):
    definition = {**self_contained(name), "name": "QuestionAsked"}
    with suppress(Undecodable):
        assert isinstance(under(definition, body), schemas.QuestionAsked)
