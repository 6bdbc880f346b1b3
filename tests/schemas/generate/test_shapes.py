"""Shapes: Avro types as Python types, and an order in which records can be defined."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.definitions import definitions
from schemas.generate.shapes import annotation, in_order, is_record, name_of, words_type


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("string", "str"),
        ("bytes", "bytes"),
        ("int", "int"),
        ("long", "int"),
        ("float", "float"),
        ("double", "float"),
        ("boolean", "bool"),
        ("playhead.Meta", "Meta"),
        (["null", "bytes"], "bytes | None"),
        (["null", "playhead.Meta"], "Meta | None"),
        ({"type": "array", "items": "string"}, "tuple[str, ...]"),
        ({"type": "array", "items": "playhead.Meta"}, "tuple[Meta, ...]"),
        ({"type": "map", "values": "string"}, "Mapping[str, str]"),
        ({"type": "long", "logicalType": "timestamp-micros"}, "int"),
    ],
)
def test_an_avro_type_has_a_python_type(schema, expected):
    assert annotation(schema) == expected


@pytest.mark.parametrize(
    "schema",
    [{"type": "fixed", "size": 4}, {"type": "enum", "symbols": []}, ["string", "null"], 7],
)
def test_a_type_that_no_record_has_yet_is_named(schema):
    with pytest.raises(ValueError, match=r"add it to schemas/generate/shapes\.py"):
        annotation(schema)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [("playhead.Meta", True), ("Meta", True), ("null", False), ("string", False), ([], False)],
)
def test_a_record_is_told_from_a_primitive(schema, expected):
    assert is_record(schema) is expected


def test_a_name_stands_behind_its_namespace():
    assert name_of("playhead.Meta") == name_of("Meta") == "Meta"


@pytest.mark.parametrize(
    ("record", "field", "name"),
    [
        ("ChunksCut", "outcome", "ChunksCutOutcome"),
        ("Answer", "finish_reason", "AnswerFinishReason"),
        ("Answer", "text", None),
        ("Nobody", "outcome", None),
    ],
)
def test_a_field_of_words_has_a_type_of_its_own(record, field, name):
    assert words_type(record, field) == name


def positions(order):
    return {name: place for place, name in enumerate(order)}


def test_every_record_stands_behind_those_that_it_needs():
    order = in_order(definitions())
    place = positions(order)
    assert sorted(order) == sorted(definitions())
    for name, definition in definitions().items():
        spelt = str([field["type"] for field in definition["fields"]])
        for other in definitions():
            if f"'playhead.{other}'" in spelt or definition.get("response") == other:
                assert place[other] < place[name], (other, name)


@given(st.permutations(sorted(definitions())))
def test_the_order_of_the_files_breaks_no_need(names):
    place = positions(in_order({name: definitions()[name] for name in names}))
    assert place["StepVersion"] < place["Meta"] < place["ChunksCut"]
    assert place["Found"] < place["Search"]
    assert place["Batch"] < place["ChunksCut"]
