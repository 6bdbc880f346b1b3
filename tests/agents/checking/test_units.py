"""Units: what they measure, how much of it, and the words for numbers."""

from fractions import Fraction

import pytest

from agents.checking.units import BOUND_AFTER, BOUND_BEFORE, CURRENCIES, NUMERALS, SCALES, UNITS


@pytest.mark.parametrize(
    ("one", "other", "times"),
    [("h", "min", 60), ("weeks", "days", 7), ("GB", "MB", 1_000), ("GiB", "MiB", 1_024),
     ("mile", "ft", 5_280), ("kg", "mg", 10**6), ("years", "months", 12), ("bit/s", "bps", 1)],
)  # fmt: skip
def test_units_of_one_dimension_are_multiples(one, other, times):
    (dimension, many), (same, few) = UNITS[one], UNITS[other]
    assert dimension == same
    assert many / few == times


def test_bits_are_no_bytes_and_metres_no_minutes():
    assert UNITS["bit"][1] == Fraction(1, 8)
    assert UNITS["m"][0] == "length"


@pytest.mark.parametrize(
    ("word", "number"),
    [("zero", 0), ("drei", 3), ("douze", 12), ("twenty-one", None), ("forty-two", 42),
     ("vingt", 20), ("hundred", 100)],
)  # fmt: skip
def test_words_for_numbers(word, number):
    assert NUMERALS.get(word) == number
    assert "one" not in NUMERALS
    assert SCALES["milliarden"] == SCALES["billion"] == 10**9


@pytest.mark.parametrize(
    ("before", "bound"),
    [("at least ", ">="), ("höchstens ", "<="), ("more than ", ">"), ("moins de ", "<")],
)
def test_what_stands_before_a_number_bounds_it(before, bound):
    assert [sign for sign, words in BOUND_BEFORE.items() if words.search(before)] == [bound]
    assert not any(words.match(" of them") for words in BOUND_AFTER.values())
    assert BOUND_AFTER[">="].match(" or more")


def test_tens_and_scales_are_what_they_say():
    tens = ["thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred"]
    assert [NUMERALS[word] for word in tens] == [30, 40, 50, 60, 70, 80, 90, 100]
    assert NUMERALS["thousand"] == 1_000
    scales = ["dozen", "hundred", "thousand", "million", "billion", "trillion"]
    assert [SCALES[word] for word in scales] == [12, 100, 10**3, 10**6, 10**9, 10**12]
    assert "ein" not in NUMERALS


@pytest.mark.parametrize(("sign", "code"), [("$", "USD"), ("€", "EUR"), ("£", "GBP"), ("¥", "JPY")])
def test_a_currency_has_a_sign_and_a_code(sign, code):
    assert CURRENCIES[sign] == CURRENCIES[code]
    assert len(set(CURRENCIES.values())) == 6
