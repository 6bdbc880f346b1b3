"""Placeholders: escaping, restoring, renaming."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.placeholders import canonical, escape, placeholders_in, rename, restore

TRICKY = st.lists(
    st.sampled_from(
        ["<", ">", "_", "PERSON", "_1", "<PERSON_1>", "<_PERSON_1>", "a", " ", "<<", "9"]
    )
).map("".join)


@given(TRICKY | st.text())
def test_what_looks_like_a_placeholder_comes_back_as_it_was(text):
    assert restore(escape(text), {"<PERSON_1>": "Ada"}) == text
    assert placeholders_in(escape(text)) == ()


@given(TRICKY, TRICKY, TRICKY)
def test_a_value_between_any_two_texts_is_the_only_placeholder(before, value, after):
    redacted = escape(before) + "<PERSON_1>" + escape(after)
    assert placeholders_in(redacted) == ("<PERSON_1>",)
    assert restore(redacted, {"<PERSON_1>": value}) == before + value + after


def test_a_restored_value_is_not_looked_at_again():
    assert restore("<A_1> <B_1>", {"<A_1>": "<B_1>", "<B_1>": "x"}) == "<B_1> x"


def test_a_placeholder_without_a_value_stays():
    assert restore("<PERSON_1> met <PERSON_2>", {"<PERSON_2>": "Ada"}) == "<PERSON_1> met Ada"


def test_one_number_is_not_the_beginning_of_another():
    assert restore("<PERSON_1><PERSON_11>", {"<PERSON_1>": "Ada"}) == "Ada<PERSON_11>"


def test_placeholders_are_renamed_all_at_once_and_escaped_ones_not_at_all():
    names = {"<A_1>": "<A_2>", "<A_2>": "<A_1>"}
    assert rename("<A_1> <A_2> <_A_1> <B_1>", names) == "<A_2> <A_1> <_A_1> <B_1>"


def test_placeholders_are_listed_once_in_reading_order():
    assert placeholders_in("<B_2> <A_1> <B_2> <_C_1>") == ("<B_2>", "<A_1>")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("John  Smith", "JOHN\nSMITH"),
        ("(212) 555-0100", "212 555 0100"),
        ("4111-1111-1111-1111", "4111 1111 1111 1111"),
        ("Ｊｏｈｎ", "john"),
    ],
)
def test_spellings_of_one_value_have_one_form(one, other):
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"), [("1-11", "11-1"), ("10.0.0.11", "10.0.01.1"), ("Ann", "Anna"), ("a b", "ab")]
)
def test_different_values_stay_apart(one, other):
    assert canonical(one) != canonical(other)
