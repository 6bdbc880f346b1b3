"""Quantities: numbers with units, scale and bounds."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.checking.quantities import quantities


def agree(one, other):
    [first], [second] = quantities(one), quantities(other)
    return first.agrees(second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000 rows", "1000 rows"),
        ("1000 rows", "1 thousand rows"),
        ("1.234.567 Zeilen", "1,234,567 rows"),
        ("1'000 rows", "1000 rows"),
        ("3,5 km", "3.5 km"),
        ("1.500 m", "1500 m"),
        ("5 %", "five percent"),
        ("5 Prozent", "5 per cent"),
        ("60 min", "1 h"),
        ("1 week", "7 days"),
        ("2 years", "24 months"),
        ("5 GB", "5000 MB"),
        ("2.5M users", "2,500,000 users"),
        ("3bn rows", "3 billion rows"),
        ("$5", "5 dollars"),
        ("EUR 5", "5 €"),
        ("5", "5 GB"),
        ("at least 5", "minimum of 5"),
        ("at least 5", "5"),
        ("at least 5", "more than 5"),
        ("5+ users", "5 or more users"),
        ("no more than 5", "up to 5"),
        ("20 carts of the long row or fewer", "20 carts"),
        ("5k carps", "5,000 carps"),
        ("5K carps", "5,000 carps"),
        ("7M crabs", "7,000,000 crabs"),
        ("7mn crabs", "7,000,000 crabs"),
        ("9bn corals", "9,000,000,000 corals"),
        ("9B corals", "9,000,000,000 corals"),
        ("five hundred nails", "500 nails"),
        ("two dozen eggs", "24 eggs"),
        ("twenty-five cats", "25 cats"),
        ("the 3rd one", "3rd"),
        ("<PERSON_1> has 3", "3"),
        ("9" * 4_000, "9" * 4_000),
    ],
)
def test_one_number_is_known_however_it_is_written(one, other):
    assert agree(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5 kB", "5 KiB"),
        ("5 GB", "5 MB"),
        ("1.5 m", "15 m"),
        ("-5 °C", "5 °C"),
        ("5 °C", "5 °F"),
        ("5 %", "5 days"),
        ("$5", "€5"),
        ("5", "at least 5"),
        ("at least 5", "up to 5"),
        ("more than 5", "at least 5"),
        ("under 5", "over 5"),
        ("20 people", "20 people or fewer"),
        ("20 people or fewer", "20 people or more"),
        ("3 kg", "3 kg or less"),
        ("2 million", "2 million or more"),
        ("5k", "5k or more"),
        ("1,2,3", "1,2,4"),
        ("9" * 4_000, "9" * 3_999 + "8"),
    ],
)
def test_other_numbers_units_and_bounds_are_told_apart(one, other):
    assert not agree(one, other)


@pytest.mark.parametrize(
    "text", ["v1.2", "us-east-2", "p53 and CD44v6", "IL-6", "2D", "a1 b2", "<PERSON_12>", "x_1"]
)
def test_a_number_within_a_name_is_none(text):
    assert quantities(text) == ()


def test_a_range_has_the_unit_at_its_end_twice():
    found = quantities("It takes 5-10 minutes, or 2 to 3 hours.")
    assert [(number.raw, number.dimension, number.factor) for number in found] == [
        ((Fraction(5),), "time", 60),
        ((Fraction(10),), "time", 60),
        ((Fraction(2),), "time", 3600),
        ((Fraction(3),), "time", 3600),
    ]


def test_what_is_counted_is_known():
    assert [number.noun for number in quantities("10 users and 5 large files of the 3")] == [
        "user",
        "larg",
        "",
    ]


@given(st.integers(0, 10**12), st.sampled_from(["", " GB", " users", " %", " million"]))
def test_a_number_with_separators_is_the_one_without(number, unit):
    assert agree(f"{number:,}{unit}", f"{number}{unit}")


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_only_equal_integers_agree(one, other):
    assert agree(f"{one} rows", f"{other} rows") == (one == other)


@given(st.text("0123456789,.-' kM%$€<>=", max_size=60))
def test_any_text_of_digits_and_marks_is_read(text):
    for number in quantities(text):
        assert text[number.start :].startswith(number.written)


def test_what_stands_at_the_end_of_a_sentence_bounds_no_number_before():
    assert [one.bound for one in quantities("It is 5, a +")] == [""]
