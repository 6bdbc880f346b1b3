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
