"""How two configurations differ, as people read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.operations.configuring.differing import differences


def lines(before, after):
    return [line for one in differences(before, after) for line in one.lines]


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["- a: 1", "+ a: 2"]),
        ({"a": 1}, {}, ["- a: 1"]),
        ({}, {"a": None}, ["+ a: null"]),
        ({"a": 1}, {"a": True}, ["- a: 1", "+ a: true"]),
        ({"a": {"b": "ü"}}, {"a": {"b": "x"}}, ['- a.b: "ü"', '+ a.b: "x"']),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}, 4]}, ["- a[1].b: 2", "+ a[1].b: 3", "+ a[2]: 4"]),
        ({"a": "x"}, {"a": {"b": 1}}, ['- a: "x"', '+ a: {"b": 1}']),
        (
            {"p": "one\ntwo\nthree\nfour"},
            {"p": "one\ntwo\n3\nfour"},
            ["  p:", "    @@ -2,3 +2,3 @@", "     two", "    -three", "    +3", "     four"],
        ),
    ],
)  # fmt: skip
def test_each_value_that_differs_is_shown_with_its_place(before, after, shown):
    assert lines(before, after) == shown


def test_a_side_without_a_value_is_left_out_of_the_document():
    [one] = differences({}, {"a": 1})
    assert one.as_json() == {"path": "a", "after": 1}


anything = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner),
    max_leaves=6,
)


@given(anything, anything)
def test_what_is_the_same_differs_in_nothing_and_what_is_not_does(one, other):
    assert differences(one, one) == []
    assert bool(differences(one, other)) == (one != other)
