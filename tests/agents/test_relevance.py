"""Relevance: what a passage holds of a question, and how sure that makes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.relevance import asked, held, relevance

HANDBOOK = """Workshop handbook

Opening hours
The workshop opens at nine on Saturdays. The foreman is <PERSON_1>.
Lending tools
A torque wrench may be borrowed for three days against a deposit of 15 euros. Whoever returns it
late pays two euros a day. The compressor stays in the workshop and is never lent out."""


@pytest.mark.parametrize(
    "question",
    [
        "Is the compressor lent out?",
        "What is the deposit?",
        "who is the foreman",
        "When does the workshop open?",
        "What does <PERSON_1> do?",
        "Which compressor stays after days late?",  # in two sentences
    ],
)
def test_a_short_question_is_held_by_a_passage_that_speaks_of_other_things_too(question):
    assert held(question, HANDBOOK) == 1


@pytest.mark.parametrize(
    "question",
    [
        "Which moons orbit Jupiter in the outer solar system?",
        "What is it?",
        "",
        "Who is <PERSON_2>?",
    ],
)
def test_a_question_about_something_else_or_about_nothing_is_not_held(question):
    assert held(question, HANDBOOK) == 0


def test_words_that_stand_far_apart_are_not_held_together():
    assert held("Does the foreman lend the compressor on Saturdays?", HANDBOOK) < 0.7


def test_an_empty_text_holds_nothing():
    assert held("What is the deposit?", "") == 0


def test_names_and_numbers_weigh_more_than_words_wherever_the_sentence_begins():
    assert asked("Workshop rules of Berlin in 1990, <PERSON_1>'s") == {
        "worksh": 1,
        "rul": 1,
        "berlin": 2,
        "1990": 2,
        "<PERSON_1>": 2,
    }


def test_of_a_long_question_a_part_is_enough():
    one = "alpha beta gamma delta epsilon zeta eta theta"
    assert held(f"{one} iota kappa lambda", f"{one}.") == 1


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1))
def test_it_grows_with_both_and_stays_within_0_and_1(one, other, less, more):
    curve = {"held": 0.3, "middle": 0.7, "slope": 200.0}
    low, high = sorted((one, other))
    less, more = sorted((less, more))
    assert 0 <= relevance(low, less, curve) <= relevance(high, more, curve) <= 1
    assert relevance(0.4, 1, curve) == 0.5


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("Alpha beta.", 1.0),
        ("Alpha. Beta.", 1.0),
        ("Gamma. Alpha. Beta.", 1.0),  # the last two
        ("Alpha. Beta. Gamma.", 1.0),  # the first two
        ("Alpha. Gamma. Beta.", 0.5),
        ("Beta.", 0.5),
        ("Gamma.", 0.0),
    ],
)
def test_two_sentences_in_a_row_hold_words_together(text, share):
    assert held("alpha beta", text) == share


def test_a_name_counts_twice_where_it_is_not_the_first_word():
    assert held("Does Oslo flood", "Oslo.") == pytest.approx(2 / 3)
    assert held("oslo flood", "Oslo.") == 0.5
    assert held("Oslo flood", "Oslo.") == 0.5


def test_a_word_that_comes_twice_has_its_larger_weight():
    assert asked("bergen and then Bergen") == {"bergen": 2.0}
    assert asked("is Bergen bergen") == {"bergen": 2.0}


@pytest.mark.parametrize(("text", "share"), [("alpha beta.", 1.0), ("alpha.", 0.5)])
def test_possessives_are_held_without_their_ending(text, share):
    assert held("alpha's beta’s", text) == share


def test_far_below_the_middle_it_is_nothing():
    curve = {"held": 0.0, "middle": 1.0, "slope": 60.0}
    assert relevance(-0.01, 0, curve) == 0.0
    assert relevance(0.0, 0, curve) == 0.0
    assert relevance(1.0, 0, curve) == 0.5
