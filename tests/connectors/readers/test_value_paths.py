"""Nested values as lines: nothing is lost, and paths do not grow with depth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.readers.value_paths import PART_CHARS_MAX, PARTS_MAX, NamedValues, path_lines


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ({"a": 1, "b": {"c": "x", "d": True}}, ["a: 1", "b.c: x", "b.d: true"]),
        ({"a": ["x", 2, None, False]}, ["a: x, 2, false"]),
        ({"a": [{"b": 1}, {"b": 2}]}, ["a[1].b: 1", "a[2].b: 2"]),
        ([[1, 2], [3]], ["[1]: 1, 2", "[2]: 3"]),
        (NamedValues([("a", 1), ("a", 2)]), ["a: 1", "a: 2"]),
        ("x", ["x"]),
        ([1, 2], ["1, 2"]),
        ({"a": None, "b": {}, "c": [], "d": ""}, []),
        ({"a b\n c": 1}, ["a b c: 1"]),
    ],
)
def test_each_value_stands_behind_its_path(value, lines):
    assert list(path_lines(value)) == lines


def nested(depth):
    value = "end"
    for _ in range(depth):
        value = {"x" * 900: value}
    return value


def test_a_path_is_told_by_its_last_parts():
    for depth in (PARTS_MAX, 5_000):
        [line] = path_lines(nested(depth))
        assert line == ".".join(["x" * PART_CHARS_MAX] * PARTS_MAX) + ": end"


WORDS = st.text("abc", min_size=1, max_size=4)
VALUES = st.recursive(
    WORDS | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
)


def leaves(value):
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from leaves(one)
    else:
        yield str(value).lower() if isinstance(value, bool) else str(value)


@given(VALUES)
def test_no_value_is_lost_and_none_changes_places(value):
    said = iter(" ".join(path_lines(value)).replace(",", " ").split())
    assert all(leaf in said for leaf in leaves(value))
