"""Structured answers: what follows a schema, and how little a hostile one can make of it."""

import json

import pytest

from agents.structured import DEPTH_MAX, WORK_MAX, breach, fault_of, mended

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2, "pattern": "^[A-Z]"},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {
            "type": "array",
            "items": {"enum": ["a", "b"]},
            "uniqueItems": True,
            "maxItems": 3,
        },
    },
    "required": ["name"],
    "additionalProperties": False,
}


def breaks(value, schema):
    text = value if isinstance(value, str) else json.dumps(value)
    return breach(text, schema if isinstance(schema, str) else json.dumps(schema))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"name": "Ada"}, ""),
        ({"name": "Ada", "age": 36, "tags": ["a", "b"]}, ""),
        ({"name": "Ada", "age": 36.0}, ""),
        ({}, "at $ it breaks 'required'"),
        ([], "at $ it breaks 'type'"),
        ({"name": "ada"}, "at $.… it breaks 'pattern'"),
        ({"name": "A"}, "at $.… it breaks 'minLength'"),
        ({"name": "Ada", "age": 151}, "at $.… it breaks 'maximum'"),
        ({"name": "Ada", "age": True}, "at $.… it breaks 'type'"),
        ({"name": "Ada", "tags": ["a", "c"]}, "at $.…[1] it breaks 'enum'"),
        ({"name": "Ada", "tags": ["a", "a"]}, "at $.… it breaks 'uniqueItems'"),
        ({"name": "Ada", "more": 1}, "at $.… it breaks 'additionalProperties'"),
        ("The name is Ada.", "it is no JSON"),
        ('{"name": "Ada"} and more', "it is no JSON"),
        ('{"name": NaN}', "it is no JSON"),
        ("", "it is no JSON"),
    ],
)
def test_the_first_breach_is_named_without_a_value(value, says):
    assert breaks(value, PERSON) == says


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, None, 3),
        ({"anyOf": [{"minimum": 5}, {"const": 1}]}, 1, 2),
        ({"not": {"type": "string"}}, 1, "x"),
        ({"if": {"type": "string"}, "then": {"minLength": 3}}, 1, "ab"),
        ({"$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
         {"next": {"next": {}}}, {"next": {"next": 1}}),
        ({"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": {"type": "string"}},
         {"xa": 1, "b": "t"}, {"xa": 1, "b": 2}),
        ({"patternProperties": {"^x": {"type": "integer"}}}, {"b": "t"}, {"xa": "t"}),
        ({"prefixItems": [{"const": 1}], "items": False}, [1], [1, 2]),
        ({"uniqueItems": True}, [1, True, "1"], [[1], [1.0]]),
        ({"dependentRequired": {"a": ["b"]}}, {"b": 1}, {"a": 1}),
        (True, 1, None), ({"type": ["integer", "null"]}, None, "x"),
    ],
)  # fmt: skip
def test_keywords_mean_what_the_standard_says(schema, good, bad):
    assert fault_of(json.dumps(schema)) == ""
    assert breaks(good, schema) == ""
    assert breaks(bad, schema) or schema is True


DEEP = {"$ref": "#"}
DOUBLING = {
    "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    | {"d40": {}},
    "$ref": "#/$defs/d0",
}


@pytest.mark.parametrize(
    ("value", "schema", "says"),
    [
        (1, DEEP, "nests deeper"),
        (1, DOUBLING, "nests deeper|too long"),
        (1, {"$defs": {**DOUBLING["$defs"], "d18": {}}, "$ref": "#/$defs/d0"}, "too long"),
        ([0] * 4_000, {"items": {"allOf": [{"type": "integer"}] * 40}}, "too long"),
        ("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1), {}, "nests deeper"),
        ("a" * 30_000 + "!", {"pattern": "^(a+)+$"}, "no JSON"),
        ("a" * 30_000 + "!", '{"type": 3}', "no JSON"),
        (["a" * 3_000 + "!"], {"items": {"pattern": "^(a+)+$"}}, "breaks 'pattern'"),
        ({"a" * 3_000 + "!": 1}, {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}, "additional"),
        ("x", {"pattern": "(?=x)"}, "no JSON"),
        (["x"], {"items": {"pattern": "(?=x)"}}, "linear time"),
        (["x"], {"items": {"pattern": 3}}, "can't be used"),
        (1, {"$ref": "http://127.0.0.1:1/schema"}, "refers to what is not in it"),
        (1, {"$ref": "file:///etc/passwd"}, "refers to what is not in it"),
        (1, {"$ref": "#/nowhere"}, "refers to what is not in it"),
        (1, {"type": "number", "minimum": "a"}, "can't be used"),
        (1, {"type": "nonsense"}, "can't be used"),
        (1, {"multipleOf": 0}, "can't be used"),
        ({}, {"unevaluatedProperties": False}, "not checked"),
        (1, "{", "can't be used"),
    ],
)  # fmt: skip
def test_a_hostile_schema_or_text_is_a_breach_and_soon(value, schema, says):
    assert any(part in breaks(value, schema) for part in says.split("|")), breaks(value, schema)


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "nonsense"}, "at $.type is no JSON schema"),
        ({"items": {"required": "secret"}}, "at $.items.required is no JSON schema"),
        ({"properties": {"a": {"pattern": "("}}}, "at $.properties.a.pattern is no JSON schema"),
        ({"multipleOf": 0}, "no JSON schema"),
        ([], "no JSON schema"),
        ({"items": {"pattern": "(?=x)"}}, "linear time"),
        ({"patternProperties": {"(?=x)": {}}}, "linear time"),
        ({"$ref": "http://127.0.0.1:1/schema"}, "refers to what is not in it"),
        ({"anyOf": [{"type": "string"}, {"$ref": "#/nowhere"}]}, "refers to what is not in it"),
        ({"$ref": "#/$defs/~"}, "refers to what is not in it"),
        ({"unevaluatedProperties": False}, "not checked"),
        ({"properties": {"a": {"items": {"$dynamicRef": "#"}}}}, "not checked"),
        ("[" * 100_000, "nests deeper"),
        ("{", "is no JSON"),
        ('{"minimum": NaN}', "is no JSON"),
    ],
)
def test_a_schema_that_no_answer_can_follow_is_told_by_its_place(schema, says):
    text = schema if isinstance(schema, str) else json.dumps(schema)
    assert says in fault_of(text)
    assert "secret" not in fault_of(text)


@pytest.mark.parametrize(
    "schema",
    [
        PERSON,
        {"properties": {"pattern": {"type": "string"}, "$ref": {"type": "string"}}},
        {"properties": {"unevaluatedItems": {"const": 1}}, "$defs": {"$dynamicRef": {}}},
        {"properties": {"enum": {"$ref": "#/$defs/enum"}}, "$defs": {"enum": {}}},
        {"const": {"$ref": "http://127.0.0.1:1/a value"}, "examples": [{"pattern": "("}]},
        {"$id": "http://x.test/a", "$defs": {"b": {"$id": "b"}}, "$ref": "b"},
        {"$defs": {"a/b": {"$anchor": "n"}}, "anyOf": [{"$ref": "#/$defs/a~1b"}, {"$ref": "#n"}]},
    ],
)
def test_a_value_that_looks_like_a_keyword_is_none(schema):
    assert fault_of(json.dumps(schema)) == ""


def test_a_large_answer_to_an_ordinary_schema_is_checked_whole():
    schema = {"type": "array", "items": PERSON}
    people = [{"name": "Ada", "age": n % 100} for n in range(1_500)]
    assert WORK_MAX >= 100_000
    assert breaks(people, schema) == ""
    assert breaks([*people, {"name": "x"}], schema).startswith("at $[1500].… it breaks")


def test_what_is_asked_to_be_mended_holds_prompt_text_and_breach():
    assert mended("P:", "{}", "at $ it breaks 'required'") == (
        "P:{}\n\nThis is not JSON of the schema: at $ it breaks 'required'. Corrected JSON:\n"
    )
