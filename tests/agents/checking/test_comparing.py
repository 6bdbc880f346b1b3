"""Comparing: what another sentence says otherwise, does not say, or says alike."""

import pytest

from agents.checking.clauses import claim_of
from agents.checking.comparing import compare
from agents.checking.holding import held_of
from agents.language import content


def compared(one, other, given=""):
    return compare(claim_of(one), held_of(other), frozenset(content(given)))


def test_the_share_is_that_of_the_words_held():
    assert compared("The red pump leaks.", "The pump leaks.").share == pytest.approx(2 / 3)
    assert compared("The red pump leaks.", "The pump leaks.", given="red").share == 1.0
    assert compared("The.", "The pump leaks.").share == 1.0


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        ("The pump leaks.", "The pump does not leak.", "polarity"),
        ("The pump is open.", "The pump is closed.", "direction"),
        ("It weighs 5 kg.", "It weighs 6 kg.", "number"),
        ("It opens on 2 May 2024.", "It opens on 3 May 2024.", "date"),
        ("It leaks if wet.", "It leaks unless wet.", "condition"),
    ],
)
def test_what_is_said_otherwise_has_a_name(one, other, name):
    assert name in compared(one, other).against
    assert compared(one, one).against == compared(one, one).lacking == ()


def test_what_is_said_alike_has_a_name():
    said = "The pump must not be open on 2 May 2024 for 5 hours."
    assert set(compared(said, said).agreeing) == {
        "polarity", "direction", "number", "date", "modality"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        ("Then Oslo leaks.", "Then it leaks.", "name"),
        ("It weighs 5 kg.", "It leaks.", "number"),
        ("All pumps leak.", "Some pumps leak.", "quantifier"),
        ("Pumps must leak.", "Pumps leak.", "modality"),
        ("It leaks.", "Does it leak?", "assertion"),
        ("It leaks.", "It leaks if wet.", "condition"),
    ],
)
def test_what_is_not_said_has_a_name(one, other, name):
    assert name in compared(one, other).lacking


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("It closed before May 1961.", "It closed before 5 May 1961.", "agreeing"),
        ("It closed before May 1961.", "It closed on 5 May 1961.", "agreeing"),
        ("It closed before May 1961.", "It closed after 5 May 1961.", "against"),
        ("It closed from May 1961.", "It closed after 5 May 1961.", "lacking"),
        ("It closed after May 1961.", "It closed from 5 May 1961.", "lacking"),
        ("It closed on 5 May 1961.", "It closed before 5 May 1961.", "lacking"),
        ("It closed before 5 May 1961.", "It closed before May 1961.", "lacking"),
        # of several, one that says it is enough, and all must oppose it
        ("It closed before May 1961.", "After 5 May 1961 and before 6 May 1961.", "agreeing"),
        ("It closed from May 1961.", "Before 5 May 1961 and after 6 May 1961.", "lacking"),
    ],
)
def test_a_bound_is_held_against_the_bound_of_what_says_the_day(one, other, said):
    found = compared(one, other)
    named = [name for name in ("agreeing", "lacking", "against") if "date" in getattr(found, name)]
    assert named == [said]
