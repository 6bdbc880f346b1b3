"""The generated types: bases, fields, defaults, docs."""

from typing import get_type_hints

import pytest

from schemas.definitions import definitions
from schemas.generate.records import COLUMNS_MAX, docstring, text
from schemas.record import Record, Request, StreamRequest
from tests.schemas.generate.made_up import BASE, a_definition, imported

META = ("meta", "playhead.Meta")


def test_a_record_has_the_fields_of_its_definition():
    thing = a_definition(
        "Thing", ("name", "string"), ("causes", {"type": "array", "items": "playhead.Cause"})
    )
    with imported(thing) as (types, _):
        kind = types.Thing
        assert (kind.__base__, kind.SCHEMA, kind.__doc__) == (Record, "Thing", "A thing.")
        assert get_type_hints(kind, vars(types))["causes"] == tuple[types.Cause, ...]
        assert kind(name="n", causes=()).name == "n"
        assert "Thing" in types.__all__
        with pytest.raises(TypeError):
            kind()
        with pytest.raises(TypeError):
            kind("n", ())


@pytest.mark.parametrize(
    ("kind", "default", "value"),
    [
        ("string", "", ""),
        ("string", "text/plain", "text/plain"),
        ("bytes", "", b""),
        ("bytes", "\u00ff", b"\xff"),
        ("int", -1, -1),
        ("boolean", False, False),
        ("double", 0, 0.0),
        ("float", 1, 1.0),
        (["null", "bytes"], None, None),
        ({"type": "array", "items": "string"}, [], ()),
        ({"type": "map", "values": "string"}, {}, {}),
    ],
)
def test_a_default_is_the_definitions(kind, default, value):
    with imported(a_definition("Thing", ("field", kind, default))) as (types, _):
        made = types.Thing().field
        assert made == value
        assert type(made) is type(value)


def test_two_records_share_no_map():
    with imported(a_definition("Thing", ("m", {"type": "map", "values": "string"}, {}))) as (
        types,
        _,
    ):
        assert types.Thing().m is not types.Thing().m


def test_what_begins_with_meta_is_an_event():
    with imported(a_definition("Happened", META, ("what", "string"))) as (types, _):
        event = types.Happened(what="x")
        assert isinstance(event, types.Event)
        assert event.meta is types.UNSTAMPED
        assert types.Happened.__struct_fields__ == ("meta", "what")


@pytest.mark.parametrize(
    ("effect", "base"), [("recorded", Request), ("local", Request), ("stream", StreamRequest)]
)
@pytest.mark.parametrize("personal", [True, False])
def test_what_has_a_response_is_a_request(effect, base, personal):
    asks = a_definition("Ask", ("q", "string"), response="Answer", effect=effect, personal=personal)
    with imported(a_definition("Answer"), asks) as (types, _):
        kind = types.Ask
        assert issubclass(kind, base)
        assert issubclass(kind, StreamRequest) is (base is StreamRequest)
        assert (effect, personal, types.Answer) == (kind.EFFECT, kind.PERSONAL, kind.RESPONSE)


def test_a_field_of_words_has_the_type_of_its_words():
    cut = a_definition("ChunksCut", META, ("outcome", "string"), ("reason", "string", ""))
    rows = text({**BASE, "ChunksCut": cut}).splitlines()
    assert "    outcome: ChunksCutOutcome" in rows
    assert '    reason: str = ""' in rows
    assert '    ChunksCutOutcome = Literal["cut", "unchanged", "withdrawn", "failed"]' in rows
    assert "    ChunksCutOutcome = str" in rows


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ("Short.", ['    """Short."""']),
        ("x" * (COLUMNS_MAX - 10), ['    """' + "x" * (COLUMNS_MAX - 10) + '"""']),
        ("long " * 19 + "end.", ['    """' + "long " * 17 + "long", "    long end.", '    """']),
    ],
)
def test_a_doc_is_laid_out_within_the_columns(words, rows):
    assert docstring(words).splitlines() == rows
    assert max(map(len, rows)) <= COLUMNS_MAX


def test_every_doc_of_the_definitions_is_in_the_types_and_no_line_is_too_long():
    generated = text(definitions())
    flat = " ".join(generated.split())
    for definition in definitions().values():
        own = [field for field in definition["fields"] if field["name"] != "meta"]
        for doc in [definition["doc"], *(field["doc"] for field in own)]:
            assert " ".join(doc.split()) in flat
    assert max(map(len, generated.splitlines())) <= COLUMNS_MAX
