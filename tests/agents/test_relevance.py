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
