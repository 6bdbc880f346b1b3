"""JSON texts: what is JSON, and how deep it nests."""

import pytest

from agents.errors import BeyondMeans
from agents.json_texts import LEVELS_MAX, is_json, levels


@pytest.mark.parametrize(
    ("text", "deep"),
    [
        ("", 0),
        ("1", 0),
        ("[]", 1),
        ('{"a": [1, {"b": []}]}', 4),
        ("[[]][[]]", 2),
        ('["[[["]', 1),
        (r'["\"[[["]', 1),
        ('["[[[', 1),
        ("]][[", 0),
        ("[" * 9, 9),
    ],
)
def test_levels_are_those_of_brackets_outside_of_strings(text, deep):
    assert levels(text) == deep


def test_where_no_bound_was_in_force_it_is_not_known_what_came_of_a_deep_text():
    deep = "[" * (LEVELS_MAX + 1) + "]" * (LEVELS_MAX + 1)
    assert not is_json(deep)
    with pytest.raises(BeyondMeans, match="more than 900 levels"):
        is_json(deep, bounded=False)
    assert is_json(deep[1:-1], bounded=False)
    assert not is_json("{", bounded=False)


@pytest.mark.parametrize(
    "text", ["{}", "[1]", '"a"', " null ", "[" * LEVELS_MAX + "]" * LEVELS_MAX]
)
def test_a_document_is_json(text):
    assert is_json(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "a",
        "[1,]",
        "[" * 5_000,
        "[" * (LEVELS_MAX + 1) + "]" * (LEVELS_MAX + 1),
        "[" * 500_000,
    ],
)
def test_what_is_no_document_or_too_deep_is_none(text):
    assert not is_json(text)
