"""How much of a text may be half a placeholder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.answering.placeholders import held_back


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("", 0),
        ("plain", 0),
        ("a <", 1),
        ("a <P", 2),
        ("a <PERSON_", 8),
        ("a <PERSON_12", 10),
        ("a <__PERSON_1", 11),
        ("a <EMAIL_ADDRESS_1", 16),
        ("a <PERSON_1>", 0),
        ("a <b", 0),
        ("a <P x", 0),
        ("a < ", 0),
        ("<P<", 1),
        ("1 < 2", 0),
        ("<" + "P" * 100, 0),  # no kind is so long: it would hold a text back for good
    ],
)
def test_only_what_may_become_a_placeholder_is_held_back(text, held):
    assert held_back(text) == held


@given(
    st.text(max_size=20),
    st.from_regex(r"<_{0,3}[A-Z]{1,9}(_[A-Z]{1,9})?_[0-9]{1,3}>", fullmatch=True),
)
def test_every_beginning_of_a_placeholder_is_held_back(text, placeholder):
    for end in range(1, len(placeholder)):
        assert held_back(text + placeholder[:end]) >= end
    assert held_back(text + placeholder) == 0
