"""The calculator: exact, and bounded in everything that a stranger chooses."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.tools import calculator
from connectors.tools.calculator import BITS_MAX, DEPTH_MAX, LENGTH_MAX, calculated


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("17.5 % of 2340", "409.5"),
        ("12 * 49.90 + 3", "601.8"),
        ("0.1 + 0.2", "0.3"),
        ("1 / 8", "0.125"),
        ("2 + 3 * 4", "14"),
        ("(2 + 3) * 4", "20"),
        ("10 - 4 - 3", "3"),
        ("100 / 10 / 5", "2"),
        ("2 ^ 3 ^ 2", "512"),
        ("-2 ^ 2", "-4"),
        ("(-2) ^ 2", "4"),
        ("2 ^ -2", "0.25"),
        ("2 * -3", "-6"),
        ("200 + 10 %", "220"),
        ("200 - 10 %", "180"),
        ("200 * 10 %", "20"),
        ("200 + (10 %)", "200.1"),
        ("10 % + 5 %", "0.105"),
        ("10 % of 200 + 5", "25"),
        ("50 % of 10 % of 80", "4"),
        ("5 %", "0.05"),
        (".5 + .25", "0.75"),
        ("0 - 0", "0"),
        ("99999999999999999999 * 99999999999999999999", "9999999999999999999800000000000000000001"),
    ],
)
def test_what_has_an_exact_value_is_told_whole(expression, value):
    told = calculated(expression)
    assert (told.value, told.exact, told.error) == (value, True, "")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 / 3", "0.333333333333"),
        ("2 / 3", "0.666666666667"),
        ("-2 / 3", "-0.666666666667"),
        ("1000000 / 7", "142857.142857"),
        ("1 / 3000000", "0.000000333333333333"),
        ("1 / 2 ^ 100", "0.000000000000000000000000000000788860905221"),
    ],
)
def test_what_goes_on_for_ever_is_rounded_and_says_so(expression, value):
    told = calculated(expression)
    assert (told.value, told.exact) == (value, False)


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("1 / 0", "zero"),
        ("1 / (2 - 2)", "zero"),
        ("0 ^ -1", "zero"),
        ("", "syntax"),
        ("1 +", "syntax"),
        ("(1", "syntax"),
        ("1)", "syntax"),
        ("1 2", "syntax"),
        ("1..2", "syntax"),
        ("1.2.3", "syntax"),
        ("2 ^ 0.5", "syntax"),
        ("abs(1)", "syntax"),
        ("__import__('os')", "syntax"),
        ("1_000", "syntax"),
        ("0x10", "syntax"),
        ("1e9", "syntax"),
        ("٣ + ٤", "syntax"),
        ("12 * 49.90 EUR", "syntax"),
        ("10 ^ 1000", "large"),
        ("9 ^ 9 ^ 9", "large"),
        ("9 ^ 9 ^ 9 ^ 9 ^ 9 ^ 9", "large"),
        ("1 / 10 ^ 100", "large"),
        ("2 ^ 300", "large"),
        ("1" * 61, "syntax"),
        ("(" * (DEPTH_MAX + 1) + "1" + ")" * (DEPTH_MAX + 1), "large"),
        ("-" * (DEPTH_MAX + 1) + "1", "large"),
        ("1+" * LENGTH_MAX + "1", "large"),
    ],
)
def test_what_has_no_value_says_why(expression, error):
    told = calculated(expression)
    assert (told.value, told.error) == ("", error)


@given(st.text("0123456789.+-*/^%() of", max_size=60))
def test_nothing_that_is_written_breaks_it(expression):
    told = calculated(expression)
    assert bool(told.value) != bool(told.error)


NUMBERS = st.decimals("-99999", "99999", places=3)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_sums_and_products_are_those_of_decimal_arithmetic(one, two, three):
    told = calculated(f"({one}) * ({two}) - ({three})")
    with localcontext() as context:
        context.prec = 60
        assert Decimal(told.value) == one * two - three
    assert told.exact


@pytest.mark.parametrize(
    "expression", ["(2 ^ 4000) ^ 1000", "9 ^ 9 ^ 9", "(1 / 7 ^ 900) ^ 999", "2 ^ 4000 * 2 ^ 4000"]
)
def test_how_large_a_number_gets_is_known_before_it_is_worked_out(monkeypatch, expression):
    sizes = []

    def held(value):
        sizes.append(max(value.numerator.bit_length(), value.denominator.bit_length()))
        return real(value)

    real = calculator._held
    monkeypatch.setattr(calculator, "_held", held)
    assert calculated(expression).error == "large"
    assert max(sizes, default=0) <= 2 * BITS_MAX


def test_what_is_large_on_the_way_may_be_small_in_the_end():
    assert calculated("(1 / 3) ^ 1000 * 3 ^ 1000").value == "1"
