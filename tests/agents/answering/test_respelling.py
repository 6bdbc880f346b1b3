"""Respelling: a letter or a mark is forgiven, and no more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answering.respelling import otherwise_written, respelt, stands_for
from agents.language import words
from schemas import Passage


def a_passage(text, title=""):
    return Passage(
        chunk="c", document="d", version=1, number=0, title=title, uri="u", text=text, tokens=9
    )


TEXT = (
    "Céloron marched with Montcalm from Fort Duquesne. The government gave its consent to changes. "
    "In Austria the American Automobile Association has Class I members, and three others."
)
PASSAGES = [a_passage(TEXT)]


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        ("What was Celeron's aim?", "What was Céloron's aim?"),  # a mark
        ("Where did Moncalm go?", "Where did Montcalm go?"),  # a letter that is missing
        ("Who took Fort Dusquesne?", "Who took Fort Duquesne?"),  # one too many
        ("Who took Fort Duqeusne?", "Who took Fort Duquesne?"),  # two that changed places
        ("Who took Fort Duguesne?", "Who took Fort Duquesne?"),  # another one, in a name
        ("What did the goverment do?", "What did the government do?"),
    ],
)
def test_what_is_misspelt_is_read_as_it_stands_there(asked, read):
    assert respelt(asked, PASSAGES) == read


@pytest.mark.parametrize(
    "asked",
    [
        "What happened in Australia?",  # two letters
        "What about the Contentt?",  # a name is no other word
        "Who gave content?",  # another letter, in a word: one of its own
        "Who met Ceteran?",
        "Where is Dort?",  # too short, and so is its like
        "Who is Xéloron?",  # the first letter
        "Where is Fort Duquesne in Austria?",
        "Who is <PERSON_1>?",
        "",
    ],
)
def test_what_may_be_another_word_stays(asked):
    assert respelt(asked, PASSAGES) == asked


def test_what_stands_in_any_passage_stays():
    passages = [a_passage("Montcalm won."), a_passage("Moncalm is a village.")]
    assert respelt("Who is Moncalm?", passages) == "Who is Moncalm?"
    assert respelt("Who is Moncalms?", passages[:1]) == "Who is Moncalms?"


@given(st.text("aábB é1.", max_size=60), st.text("aábB é1.", max_size=60))
def test_a_question_keeps_its_number_of_words_and_is_read_alike_again(asked, text):
    passages = [a_passage(text)]
    read = respelt(asked, passages)
    assert len(words(read)) == len(words(asked))
    assert respelt(read, passages) == read


@pytest.mark.parametrize(
    ("name", "stands"),
    [("1", True), ("3", True), ("2", False), ("AAA", True), ("AA", True), ("AI", False), ("aaa", False)],
)  # fmt: skip
def test_numbers_stand_as_words_and_abbreviations_as_what_they_are_short_for(name, stands):
    assert otherwise_written(name, PASSAGES) is stands
    assert not otherwise_written(name, [])


def test_an_abbreviation_skips_small_words():
    assert stands_for("EU", "the Court of the European Union")
    assert stands_for("UAE", "United Arab Emirates")
    assert stands_for("CEU", "the Court of the European Union")
    assert not stands_for("EC", "the Court of the European Union")
