"""Checking: a sentence of a model is shown if one statement of the passages says so, all of it."""

import pytest

from agents.answering.checking import SentenceCheck, against, without_ending
from agents.answering.excerpts import Excerpt
from agents.answering.nearness import Nearness
from schemas import Passage


def found(sentence, text, question="What about the pool?", near_min=0.0):
    passage = Passage(
        chunk="c", document="d", version=1, number=0, title="", uri="u", text=text, tokens=9
    )
    near = Nearness(question, [passage])
    finding = SentenceCheck(question, near)(sentence, 0.8, near_min)
    if finding.statement < 0:
        return finding.reasons
    assert finding.reasons == ()
    return near.statements[finding.statement].text


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("The pool opens at nine.", "The pool opens at nine."),
        ("The pool holds 5,000 MB.", "The pool holds 5000 MB."),
        ("The pool is never closed.", "The pool is never closed."),
        ("Children must wear a cap.", "In the pool children must wear a cap."),
        ("The pool is free if it rains.", "The pool is free if it rains."),
        ("The pool <PERSON_1> built is red.", "The pool that <PERSON_1> built is red."),
    ],
)
def test_a_sentence_rests_on_the_statement_that_says_so(sentence, text):
    assert found(sentence, f"Hills are high. {text}") == text


@pytest.mark.parametrize(
    ("sentence", "text", "reason"),
    [
        ("No, the pool is open.", "The pool is open.", "verdict"),
        ("The garden has seven gnomes.", "The pool opens at nine.", "words"),
        ("The red pool of our town has many wide lanes and walls: 7.", "The red pool of our town has many wide lanes and walls: 9.", "unsupported"),
        ("What about the pool?", "What about the pool is known.", "repeats"),
        ("The pool is not open.", "The pool is open.", "negations"),
        ("The pool is open and full, not without water.", "The pool is open and full, not of water.", "negations"),
        ("The pool is closed in summer on Sunday mornings.", "The pool is open in summer on Sunday mornings.",
         "direction"),
        ("The pool of 5 kg holds much salt in 7 mg.", "The pool of 5 mg holds much salt in 7 kg.",
         "number"),
        ("The pool holds at least 5 GB of data.", "The pool holds at most 5 GB of data.", "number"),
        ("The pool opens on 2 May 2024, after 3 days.", "The pool opens on 3 May 2024, after 2 days.",
         "date"),
        ("All guests of the pool pay a fee.", "Some guests of the pool pay a fee.",
         "lacks_quantifier"),
        ("Guests of the pool must pay a fee.", "Guests of the pool may pay a fee.",
         "lacks_modality"),
        ("The pool is free for guests.", "The pool is free for guests if they come late.",
         "lacks_condition"),
        ("The pool is free for guests.", "It is unclear whether the pool is free for guests.",
         "lacks_assertion"),
    ],
)  # fmt: skip
def test_what_is_said_otherwise_keeps_a_sentence_back_and_says_why(sentence, text, reason):
    reasons = found(sentence, text)
    assert isinstance(reasons, tuple), reasons
    assert reason in reasons


def test_a_true_sentence_that_answers_another_question_is_not_near():
    text = "The pool opens at nine in summer. Cats sleep in the hall."
    assert found("Cats sleep in the hall.", text, near_min=0.8) == ("near",)
    assert found("Cats sleep in the hall.", text) == "Cats sleep in the hall."


def test_a_condition_of_one_line_is_none_of_another():
    rows = Excerpt(0, "list", "Rules:\nGuests pay.\nDogs wait outside if they bark.")
    assert against("Guests pay.", rows, "") == ()
    assert against("Dogs wait outside.", rows, "") == ("lacks_condition",)
    assert against("Guests pay 5 euros.", rows, "") != ()


def test_an_inflection_is_a_word_with_a_few_letters_less():
    assert without_ending("guests") == ("gue", "gues", "guest", "guests")
    assert without_ending("a") == ("a",)
