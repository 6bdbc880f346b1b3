"""Bounds of configured values: what is just within them can be used, what is just outside can't."""

from typing import Any

import msgspec
import pytest

from agents.configured.value_bounds import (
    Amount,
    AmountOrNone,
    ByLanguage,
    Coefficient,
    Fraction,
    PatternText,
    ReaderText,
    Size,
    TermName,
    Weight,
    WithinMs,
)


def can_be(kind: Any, value: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "least", "most", "step"),
    [
        (Fraction, 0, 1, 0.001),
        (Weight, 0, 1_000, 0.001),
        (Coefficient, -1_000, 1_000, 0.001),
        (WithinMs, 0, 600_000, 1),
        (Amount, 1, 1_000_000, 1),
        (AmountOrNone, 0, 1_000_000, 1),
        (Size, 1, 1_000_000_000, 1),
    ],
)
def test_a_number_is_within_its_bounds(kind, least, most, step):
    assert can_be(kind, least)
    assert can_be(kind, most)
    assert not can_be(kind, least - step)
    assert not can_be(kind, most + step)
    assert not can_be(kind, str(least))


@pytest.mark.parametrize(
    ("kind", "most", "letter"),
    [(ReaderText, 4_000, "ü"), (PatternText, 20_000, "("), (TermName, 100, "a")],
)
def test_a_text_is_within_its_bounds(kind, most, letter):
    assert can_be(kind, letter)
    assert can_be(kind, letter * most)
    assert not can_be(kind, letter * (most + 1))
    assert not can_be(kind, "")


@pytest.mark.parametrize(
    ("name", "fits"), [("a b/c:d.e-f", True), (" a", False), ("a\n", False), ("a;b", False)]
)
def test_a_name_holds_no_marks_that_part_others(name, fits):
    assert can_be(TermName, name) == fits


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        ({}, True),
        ({"en": "x", "gsw": "y"}, True),
        ({"EN": "x"}, False),
        ({"e": "x"}, False),
        ({"engl": "x"}, False),
        ({"en": ""}, False),
    ],
)
def test_texts_stand_under_codes_of_languages(said, fits):
    assert can_be(ByLanguage, said) == fits
