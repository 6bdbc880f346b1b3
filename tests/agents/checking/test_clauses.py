"""Clauses: what a sentence says, read into parts."""

import pytest

from agents.checking.clauses import claim_of


def negated(sentence):
    return {item.word for item in claim_of(sentence).items if item.negated}


def test_a_negation_reaches_what_follows_within_its_clause():
    assert negated("The pump does not leak, the valve drips.") == {"leak"}
    assert negated("The pump leaks.") == set()
    assert negated("Die Pumpe leckt nicht.") == {"pumpe", "leckt"}


def test_negations_of_a_clause_count_once_and_a_word_that_negates_turns():
    assert negated("It does not never leak.") == {"leak"}
    assert negated("It does not fail to leak.") == set()


@pytest.mark.parametrize(
    ("sentence", "kinds"),
    [
        ("Some pumps leak.", ["some"]),
        ("All pumps leak.", ["all"]),
        ("Some 150 pumps leak.", []),  # about so many
        ("Pumps leak.", []),
    ],
)
def test_quantifiers_are_told_from_round_numbers(sentence, kinds):
    assert [one.kind for one in claim_of(sentence).quantifiers] == kinds


def test_names_are_placeholders_identifiers_and_words_written_large():
    names = claim_of("Then <PERSON_1> met Oslo at max_size.").names
    assert "<PERSON_1>" in names
    assert len(names) == 3
    assert claim_of("Pumps leak.").names == []


def test_modal_verbs_and_conditions_are_marked():
    claim = claim_of("Guests must pay unless they leave.")
    assert [one.kind for one in claim.modals] == ["must"]
    assert len(claim.conditions) == 1
    assert claim_of("Guests pay.").modals == claim_of("Guests pay.").conditions == []


def test_what_only_asks_is_open():
    assert claim_of("It is unclear whether it leaks.").opened == [True]
    assert claim_of("It leaks.").opened == [False]
    assert claim_of("It leaks.").joined(claim_of("Is it wet?")).opened == [False, True]


def test_not_only_adds_however_long_its_clause_is():
    claim = claim_of("It may not only open the old vault behind the western gate of the yard.")
    assert claim.quantifiers == []
    assert claim.scopes == []


@pytest.mark.parametrize(
    "bound", ["no more than", "not more than", "no fewer than", "nicht mehr als"]
)
def test_a_bound_of_a_number_negates_nothing(bound):
    claim = claim_of(f"The hall holds {bound} 5 chests of oats.")
    assert claim.scopes == []
    assert not any(item.negated for item in claim.items)
