"""Holding: a claim by what can be looked up in it."""

from agents.checking.clauses import claim_of
from agents.checking.holding import PLACES_MAX, POINTS_MAX, beside, held_of, keys_of
from agents.language import stem


def items(sentence):
    return claim_of(sentence).items


def test_a_word_is_held_by_its_stem_its_axis_or_its_opposite():
    held = held_of("The server is unstable and open.")
    assert held.holds(items("servers")[0])
    assert held.flags_of(items("stable")[0]) == {True}
    assert not held.holds(items("garden")[0])
    assert held_of("A stable server.").flags_of(items("unstable")[0]) == {True}


def test_keys_are_stems_values_and_days():
    keys = list(keys_of(claim_of("The server had 5 users on 1 May 2024.")))
    assert stem("server") in keys
    assert {"# 5", "# 2024"} <= set(keys)
    assert any(key.startswith("@") for key in keys)
    assert set(keys) <= held_of("The server had 5 users on 1 May 2024.").keys


def test_of_very_many_dates_and_numbers_few_are_compared():
    assert len(held_of("On 1 May 2024. " * 40).points) == POINTS_MAX
    many = held_of(" and ".join(f"{n} apples" for n in range(20)))
    assert {len(numbers) for numbers in many.counted.values()} == {PLACES_MAX}


def test_what_is_beside_a_word_is_not_polar():
    found = items("red server more blue forest")
    place = next(n for n, item in enumerate(found) if item.axis)
    near = beside(found, place)
    assert stem("server") in near
    assert found[place].stem not in near
