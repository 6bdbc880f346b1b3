"""Conflicts: two sentences about the same that say different things."""

import pytest

from agents.answering.composition import Composition
from agents.answering.conflicts import conflict, differ
from agents.answering.excerpts import Excerpt
from agents.answering.nearness import Nearness
from schemas import Passage


def sentence(text, kind="sentence"):
    return Excerpt(0, kind, text)


@pytest.mark.parametrize(
    ("one", "other", "differing"),
    [
        ("The annual fee is 120 euros.", "The annual fee is 150 euros.", True),
        ("Refunds take 14 days.", "Refunds take ten days.", True),
        ("Refunds take 14 days.", "Refunds take two weeks.", False),
        ("The quota is 5 GB.", "The quota is 5000 MB.", False),
        ("The deadline is 5 May.", "The deadline is 6 May.", True),
        ("Remote work is allowed.", "Remote work is forbidden.", True),
        ("Remote work is allowed.", "Remote work isn't allowed.", True),
        ("Remote work is allowed.", "Remote work is allowed.", False),
        ("The annual fee is 120 euros.", "The fee of the club in Oslo is 12 euros.", False),
        ("The fee is 120 euros.", "The fee of the old club of Oslo is 12 euros in spring.", False),
        ("5", "6", False),
    ],
)
def test_sentences_differ_by_what_turns_their_meaning(one, other, differing):
    assert differ(sentence(one), sentence(other)) is differing
    assert differ(sentence(other), sentence(one)) is differing


def test_rows_and_code_are_not_compared():
    fees = "The annual fee is 120 euros.", "The annual fee is 150 euros."
    assert not differ(sentence(fees[0], "row"), sentence(fees[1], "row"))
    assert not differ(sentence(fees[0]), sentence(fees[1], "entry"))


def conflicting(*texts, question="How high is the annual fee?", documents="abcdef"):
    passages = [
        Passage(
            chunk=f"c{n}", document=document, version=1, number=0, title="", uri="u", text=text,
            tokens=9,
        )
        for n, (text, document) in enumerate(zip(texts, documents, strict=False))
    ]  # fmt: skip
    near = Nearness(question, passages)
    return [near.statements[one].text for one in conflict(near, Composition(near).order)]


FEES = [f"The annual fee is {fee} euros." for fee in (10, 20, 30, 40)]


def test_of_many_that_differ_three_are_shown():
    assert len(conflicting(*FEES)) == 3


def test_each_differs_from_each_and_comes_from_another_document():
    assert set(conflicting(FEES[0], FEES[1], FEES[0])) == set(FEES[:2])
    assert conflicting(FEES[0], FEES[1], documents="aa") == []
    assert conflicting() == []


def test_nothing_is_in_conflict_that_is_far_from_the_question():
    assert conflicting(*FEES[:2], question="Who swims?") == []


def test_what_says_the_same_as_one_of_those_shown_is_not_shown():
    """The third differs from the second, but not from the first."""
    same = "The annual fee of a reader is 10 euros."
    assert conflicting(FEES[0], FEES[1], same) == FEES[:2]
