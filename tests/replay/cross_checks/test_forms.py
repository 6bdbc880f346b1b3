"""Digests of what records say: the same for the same, in little room."""

import random
import tracemalloc

import pytest

from replay.cross_checks.forms import FormNumbers, FormValues, form_number
from tests.replay.little_log import asked


def test_what_says_the_same_has_one_number_and_all_else_another():
    told = [("a", "b"), ("ab",), (("a", "b"),), ("a", "b", 1), ("a", asked(0)), ("a", asked(1))]
    assert len({form_number(*one) for one in told}) == len(told)
    assert form_number("a", asked(0)) == form_number("a", asked(0)) < 2**64


def test_a_set_holds_what_it_was_given_whenever_it_is_asked():
    drawn = random.Random(4)
    numbers = [drawn.getrandbits(64) for _ in range(4_000)]
    held, known = FormNumbers(), set()
    for number in (*numbers, *numbers[:9], 0, 2**64 - 1):
        assert (number in held) == (number in known)
        held.add(number)
        known.add(number)
        asked_for = drawn.choice(numbers)
        assert (asked_for in held) == (asked_for in known)


def test_few_numbers_wait_to_be_sorted_however_many_there_are():
    drawn = random.Random(5)
    for count in (5_000, 20_000):
        held = FormNumbers()
        for _ in range(count):
            held.add(drawn.getrandbits(64))
        assert len(held._new) <= 1_024 + count // 16
        assert len(held._sorted) + len(held._new) == count


@pytest.mark.parametrize("signed", [False, True])
def test_what_belongs_to_numbers_is_what_was_set_last(signed):
    drawn = random.Random(6)
    numbers = [drawn.getrandbits(64) for _ in range(3_000)]
    held, known = FormValues(signed=signed), {}
    for _ in range(9_000):
        number, value = drawn.choice(numbers), drawn.getrandbits(63) * (-1) ** (signed and 1)
        assert held.get(number) == known.get(number)
        held[number] = known[number] = value
    assert {number: held.get(number) for number in numbers} == {
        number: known.get(number) for number in numbers
    }
    assert len(held._new) <= 1_024 + len(known) // 16
    assert len(held._sorted) + len(held._new) == len(known)


def test_a_set_that_grows_makes_no_object_of_each_number():
    """Of what is sorted in, the peak is two arrays; objects of all would take ten times as much."""
    drawn = random.Random(7)
    numbers = [drawn.getrandbits(64) for _ in range(60_000)]
    held, values = FormNumbers(), FormValues()
    tracemalloc.start()
    try:
        for number in numbers:
            held.add(number)
            values[number] = 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 80 * len(numbers)
