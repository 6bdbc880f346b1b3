"""Polar words: axes, their places, and words without their negating beginning."""

import pytest

from agents.checking.clauses import claim_of
from agents.checking.polar_words import AXES, axis_of, without_prefix
from agents.language import stem


@pytest.mark.parametrize(
    ("one", "other"), [("more", "less"), ("open", "closed"), ("increases", "decreases")]
)
def test_opposites_stand_on_one_axis_at_two_places(one, other):
    first, second = axis_of(one), axis_of(other)
    assert first is not None
    assert second is not None
    assert first[0] == second[0]
    assert first[1] != second[1]


def test_most_words_stand_on_none():
    assert axis_of("server") is None


@pytest.mark.parametrize("word", ["highly", "newly", "hardly"])
def test_a_word_that_says_something_else_than_what_it_is_formed_of_stands_on_none(word):
    assert AXES[stem(word)]
    assert axis_of(word) is None


def test_a_word_without_its_negating_beginning():
    assert without_prefix("unstable") == without_prefix("instable") or without_prefix("unstable")
    assert not without_prefix("server")


@pytest.mark.parametrize(
    ("sentence", "reached"),
    [("Il ne dit rien", True), ("Il dit rien", False), ("Il ne vient jamais", True), ("Il vient jamais", False),
     ("Personne vient", False), ("Il ne voit personne", True), ("Weder Hund noch Katze", True), ("Der Hund noch", False)],
)  # fmt: skip
def test_a_word_that_negates_beside_its_partner_alone(sentence, reached):
    assert bool(claim_of(sentence).scopes) is reached
