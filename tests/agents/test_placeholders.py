"""Placeholders: escaping, restoring, renaming."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.placeholders import (
    DERIVED_DIGITS,
    canonical,
    derived,
    escape,
    held_back,
    inexpressible,
    is_derived,
    kind_of,
    number_of,
    placeholder,
    placeholders_in,
    rename,
    restore,
)

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


KINDS = st.from_regex(r"[A-Z]{1,60}(_[A-Z]{1,9}){0,3}", fullmatch=True)
NUMBERS = st.integers(1, 10**12)


@given(KINDS, NUMBERS)
def test_a_placeholder_names_its_kind_and_number(kind, number):
    name = placeholder(kind, number)
    assert (kind_of(name), number_of(name)) == (kind, number)
    assert inexpressible([kind]) == ()
    assert restore(f"a{name}b", {name: "Ada"}) == "aAdab"


@pytest.mark.parametrize(
    "kind", ["IPV4_ADDRESS", "person", "Person", "A_", "_A", "A__B", "A-B", "A B", "", "Ä", "A\n"]
)
def test_a_kind_that_would_never_be_restored_is_told(kind):
    name = placeholder(kind, 1)
    assert inexpressible(["PERSON", kind]) == (kind,)
    assert restore(name, {name: "Ada"}) != "Ada"


@given(KINDS, NUMBERS, st.integers(0, 3), TRICKY, st.data())
def test_whatever_begins_a_token_is_held_back_and_the_whole_of_it_is_not(
    kind, number, marks, before, chance
):
    token = f"<{'_' * marks}{kind}_{number}>"
    cut = chance.draw(st.integers(1, len(token) - 1))
    assert held_back(before + token[:cut]) == cut
    assert held_back(before + token) == 0


@given(TRICKY, TRICKY)
def test_parts_that_are_cut_where_told_are_restored_like_the_whole(text, more):
    values = {"<PERSON_1>": "Ada"}
    end = len(text) - held_back(text)
    parts = restore(text[:end], values) + restore(text[end:] + more, values)
    assert parts == restore(text + more, values)


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("", 0),
        ("a", 0),
        ("<", 1),
        ("a <", 1),
        ("<__", 3),
        ("<A_", 3),
        ("<A_B", 4),
        ("<A_12", 5),
        ("<<A", 2),
        ("<A__", 0),
        ("<A1", 0),
        ("<a", 0),
        ("< ", 0),
        ("<A_1>", 0),
        ("<A_1 ", 0),
        ("<A_1B", 0),
        ("<1", 0),
        ("<" + "A" * 5_000, 5_001),
    ],
)
def test_only_what_may_become_a_placeholder_is_held_back(text, characters):
    assert held_back(text) == characters


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


DIGESTS = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)


@given(KINDS, DIGESTS, TRICKY, TRICKY, st.data())
def test_a_number_from_a_digest_is_restored_escaped_and_held_back_like_any(
    kind, digest, before, after, chance
):
    name = derived(kind, digest)
    assert (kind_of(name), len(str(number_of(name)))) == (kind, DERIVED_DIGITS)
    assert is_derived(name)
    redacted = escape(before) + name + escape(after)
    assert restore(redacted, {name: "Ada"}) == before + "Ada" + after
    assert restore(escape(name), {name: "Ada"}) == name
    cut = chance.draw(st.integers(1, len(name) - 1))
    assert held_back(before + name[:cut]) == cut
