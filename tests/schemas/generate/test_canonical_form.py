"""The generated form of made-up records, and what a compatible change of a definition does to it: nothing."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.definitions import NAMESPACE
from schemas.generate.canonical import text
from schemas.generate.shapes import digested_records, version_field
from tests.schemas.generate.made_up import (
    BASE,
    a_definition,
    form_of,
    imported,
    made_up_definitions,
)
from tests.schemas.plain_form import plain_form
from tests.schemas.strategies import records_of

LASTING = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
NEW_FIELDS = [
    ("zz", "string", ""), ("aa", "string", 'a \\ "word"'), ("m", "bytes", "\xff"), ("n", "int", -3),
    ("o", {"type": "long", "logicalType": "timestamp-micros"}, 0), ("p", "boolean", True), ("q", "boolean", False),
    ("r", "double", 0.25), ("s", "float", 1), ("t", {"type": "array", "items": "string"}, []),
    ("u", {"type": "map", "values": "string"}, {}), ("v", ["null", f"{NAMESPACE}.Cause"], None),
    ("w", ["null", "bytes"], None),
]  # fmt: skip


def a_request(*fields):
    return a_definition("MadeUp", *fields, response="Cause", effect="recorded")


def requested(definition):
    return {**definition, "response": "Cause", "effect": "recorded"}


@LASTING
@given(made_up_definitions(), st.data())
def test_the_form_is_the_one_described_whatever_fields_a_record_has(definition, chance):
    definition = requested(definition)
    with imported(definition) as (types, _):
        form = form_of(types, definition)
        for _ in range(3):
            record = chance.draw(records_of(definition, types))
            assert form(record) == plain_form(definition, record, {**BASE, "MadeUp": definition})


@LASTING
@given(made_up_definitions(), st.data())
def test_no_compatible_change_changes_the_form(definition, chance):
    before = requested(definition)
    names = {field["name"] for field in before["fields"]}
    after = copy.deepcopy(before)
    added = chance.draw(
        st.lists(st.sampled_from(NEW_FIELDS), max_size=4, unique_by=lambda new: new[0])
    )
    after["fields"] += a_definition("X", *(new for new in added if new[0] not in names))["fields"]
    after["fields"] = chance.draw(st.permutations(after["fields"]))
    for field in after["fields"]:
        field["type"] = "long" if field["type"] == "int" else field["type"]
        field["doc"] = "Said otherwise."
    with imported(before) as (types, _):
        record = chance.draw(records_of(before, types))
        form = form_of(types, before)(record)
        given_fields = {name: getattr(record, name) for name in names}
        cause = types.Cause
    with imported(after) as (newer, _):
        again = {name: _as(value, cause, newer.Cause) for name, value in given_fields.items()}
        assert form_of(newer, after)(newer.MadeUp(**again)) == form


def _as(value, kind, newer):
    """A value with the newer type of its record."""
    if isinstance(value, kind):
        return newer(**{name: getattr(value, name) for name in value.__struct_fields__})
    return tuple(_as(item, kind, newer) for item in value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("new", NEW_FIELDS)
def test_a_new_field_of_another_value_than_its_default_is_seen(new):
    other = {"string": "x", "bytes": b"x", "boolean": not new[2]}
    with imported(definition := a_request(new)) as (types, _):
        value = {
            "v": types.Cause(topic="", partition=0, offset=0, id=""),
            "w": b"", "t": ("",), "u": {"": ""},
        }.get(new[0], other.get(new[1] if isinstance(new[1], str) else "", 7))  # fmt: skip
        form = form_of(types, definition)
        assert form(types.MadeUp()) == b"\x0cMadeUp\0" != form(types.MadeUp(**{new[0]: value}))


@pytest.mark.parametrize(
    "field",
    [
        ("f", {"type": "fixed", "size": 4}),
        ("f", ["null", {"type": "array", "items": "float"}], None),
        ("f", {"type": "array", "items": "boolean"}),
        ("f", {"type": "array", "items": "string"}, ["a"]),
        ("f", f"{NAMESPACE}.Cause", {}),
    ],
)
def test_a_field_that_has_no_form_yet_is_named(field):
    with pytest.raises(ValueError, match=r"schemas/generate/canonical\.py"):
        text({**BASE, "MadeUp": a_request(field)})


def test_what_digests_are_of_is_a_request_a_local_response_and_what_is_in_them():
    part = f"{NAMESPACE}.Part"
    every = {
        **BASE,
        "Part": a_definition("Part", ("a", "string")),
        "Local": a_definition("Local", response="Answer", effect="local"),
        "Answer": a_definition("Answer", ("parts", {"type": "array", "items": part})),
        "Asked": a_definition("Asked", response="Kept", effect="recorded"),
        "Kept": a_definition("Kept", ("part", f"{NAMESPACE}.Effect")),
    }
    assert digested_records(every) == ["Part", "Answer", "Local", "Asked"]


def test_a_field_beside_the_digest_is_one_string():
    definition = a_definition("MadeUp", ("a", "string"), ("v", "string", ""), ("n", "int"))
    assert version_field(definition) == ""
    definition["fields"][1]["digested"] = False
    assert version_field(definition) == "v"
    with imported(requested(definition)) as (types, _):
        form = form_of(types, requested(definition))
        assert form(types.MadeUp(a="", n=1)) == form(types.MadeUp(a="", n=1, v="2"))
    for other in (0, 2):
        broken = copy.deepcopy(definition)
        broken["fields"][other]["digested"] = False
        with pytest.raises(ValueError, match="one string may be beside the digest"):
            version_field(broken)
    definition["fields"][1]["type"] = "int"
    with pytest.raises(ValueError, match="one string may be beside the digest"):
        version_field(definition)
