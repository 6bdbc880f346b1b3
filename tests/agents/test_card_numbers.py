"""Card numbers by their check digit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.card_numbers import holds_card, is_valid


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("4111 1111 1111 1111", True),
        ("4111-1111-1111-1112", False),
        ("378282246310005", True),
        ("4111 1111 1111 1111 202", True),  # a year's beginning behind it
        ("411111111111111", False),
        ("4111 1111 1111", False),
        ("2024 2025 2026 2027", False),
    ],
)
def test_a_card_number_is_known_by_its_last_digit(text, holds):
    assert holds_card(text) is holds


@given(st.lists(st.integers(0, 9), min_size=2, max_size=18))
def test_of_ten_last_digits_one_is_right(digits):
    assert sum(is_valid([*digits, last]) for last in range(10)) == 1


@given(st.lists(st.integers(0, 9), min_size=3, max_size=18), st.data())
def test_one_wrong_digit_is_noticed(digits, data):
    right = next([*digits, last] for last in range(10) if is_valid([*digits, last]))
    place = data.draw(st.integers(0, len(right) - 1))
    other = data.draw(st.integers(0, 9).filter(lambda digit: digit != right[place]))
    assert not is_valid([*right[:place], other, *right[place + 1 :]])
