"""What a response schema unfolds to is counted, however short it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.schema_work import WORK_MAX, pattern_work, schema_work


@pytest.mark.parametrize(
    ("pattern", "work"),
    [
        ("", 0),
        ("^ab$", 4),
        ("a{3}", 3),
        ("a{2,7}b", 8),
        ("a{2,}", 2),
        ("(ab){5}", 10),
        ("((a{10}){10}){10}", 1_000),
        ("x(a{1000}){1000}", 1_000_001),
        ("[a-z]{4}", 4),
        (r"[\]x(]{4}", 4),
        (r"\({3}", 3),
        ("[]a]{2}", 2),
        ("a{0}", 1),
        ("a{,3}", 5),  # no repeat
        ("(a{1000000}){1000000}", WORK_MAX),
        ("a{" + "9" * 5_000 + "}", WORK_MAX),
        (")))((", 3),
    ],
)
def test_a_pattern_unfolds_to_what_it_repeats(pattern, work):
    assert pattern_work(pattern) == work


@pytest.mark.parametrize(
    ("schema", "work"),
    [
        ({}, 1),
        ({"type": "string", "maxLength": 10**6}, 3),
        ({"maxItems": 100}, 102),
        ({"minItems": 7, "maxItems": 10**12}, WORK_MAX),
        ({"maxItems": -5}, 2),
        ({"maxItems": 1e400}, WORK_MAX),
        ({"maxItems": "x", "pattern": 5}, 3),
        ({"properties": {"pattern": {"pattern": "a{50}"}}}, 54),
        ({"patternProperties": {"a{50}": {}}}, 53),
    ],
)
def test_a_schema_unfolds_to_its_values_what_may_repeat_and_its_patterns(schema, work):
    assert schema_work(json.dumps(schema)) == work


@pytest.mark.parametrize("text", ["", "{", "x", "[" * 100_000])
def test_what_is_no_json_unfolds_to_nothing(text):
    assert schema_work(text) == 0


@given(st.text("()[]{}0123456789,ab\\^$", max_size=200))
def test_any_pattern_has_a_bounded_count(pattern):
    assert 0 <= pattern_work(pattern) <= WORK_MAX


def test_schemas_that_people_write_are_far_below_the_bound():
    item = {
        "type": "object",
        "properties": {"id": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{1,8}$"}},
    }
    schema = {
        "type": "object",
        "properties": {
            f"p{n}": {"type": "array", "maxItems": 100, "items": item} for n in range(50)
        },
    }
    assert schema_work(json.dumps(schema)) < 10_000
