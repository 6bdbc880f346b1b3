"""What answers to a question set are worth."""

from dataclasses import replace

import pytest

from evals.answer_figures import CitedQuote, GivenAnswer, answer_outcome, given_answer
from evals.data_sets import BadData, Choice, EvalRow
from evals.outcome import OURS
from evals.question_set import question_sets
from tests.evals.sets import QUESTIONS, write_question_set

RIGHT = GivenAnswer(
    "It was built in 1887.", "extractive", (CitedQuote("p-1", "The lighthouse was built in 1887."),)
)
NOT_FOUND = GivenAnswer("Your documents don't say.", "not_found")
WRONG = GivenAnswer("At nine.", "stop", (CitedQuote("p-2", "The ferry leaves at nine."),))


@pytest.fixture
def asked(tmp_path):
    [asked] = question_sets(write_question_set(tmp_path / "small"), Choice())
    return asked


def test_answered_and_unanswerable_questions_have_figures_of_their_own(asked):
    ours = {"q-1": RIGHT, "q-2": WRONG, "q-3": NOT_FOUND}
    theirs = dict.fromkeys(ours, RIGHT)
    outcome = answer_outcome(asked, {OURS: ours, "other": theirs}, seed=0)
    assert outcome.counts == {
        "answerable": 2, "unanswerable": 1,
        "finished: extractive": 1, "finished: stop": 1, "finished: not_found": 1,
    }  # fmt: skip
    assert outcome.figure("contains").value == 0.5
    assert outcome.figure("exact").value == 0.0
    assert outcome.figure("number match").rows == 1
    assert outcome.figure("abstained, unanswerable").value == 1.0
    assert outcome.figure("abstained, unanswerable", "other").value == 0.0
    assert outcome.figure("abstained, answerable").value == 0.0
    assert outcome.figure("cites its passage").value == 1.0
    assert outcome.figure("cites its passage", "other").value == 0.5
    assert outcome.figure("quote holds the answer").value == 0.5


def test_an_abstention_answers_nothing_whatever_it_says(asked):
    says_it = GivenAnswer("1887? I found nothing.", "not_found")
    outcome = answer_outcome(asked, {OURS: dict.fromkeys(("q-1", "q-2", "q-3"), says_it)}, seed=0)
    assert outcome.figure("contains").value == 0.0
    assert outcome.figure("F1").value == 0.0
    assert outcome.figure("abstained, answerable").value == 1.0
    with pytest.raises(KeyError):
        outcome.figure("cites its passage")


def test_what_a_model_did_without_is_told_of_those_that_were_asked(asked):
    ours = {
        "q-1": replace(RIGHT, spared=40),
        "q-2": replace(WRONG, spared=20),
        "q-3": NOT_FOUND,
    }
    outcome = answer_outcome(asked, {OURS: ours, "other": dict.fromkeys(ours, RIGHT)}, seed=0)
    assert outcome.figure("tokens that a model did without").value == 30.0
    with pytest.raises(KeyError):
        outcome.figure("tokens that a model did without", "other")


def test_only_a_quote_of_the_right_passage_holds_the_answer(asked):
    elsewhere = GivenAnswer(
        "1887", "stop", (CitedQuote("p-2", "1887"), CitedQuote("p-1", "It is high."))
    )
    outcome = answer_outcome(
        asked, {OURS: {"q-1": elsewhere, "q-2": NOT_FOUND, "q-3": NOT_FOUND}}, seed=0
    )
    assert outcome.figure("cites its passage").value == 1.0
    assert outcome.figure("cites its passage").rows == 1
    assert outcome.figure("quote holds the answer").value == 0.0


@pytest.mark.parametrize(
    ("text", "reason", "abstained"),
    [
        ("x", "stop", False),
        (" ", "stop", True),
        ("x", "not_found", True),
        ("x", "small_talk", True),
        ("x", "refused", True),
    ],
)
def test_an_abstention_says_so_or_says_nothing(text, reason, abstained):
    assert GivenAnswer(text, reason).abstained is abstained


def test_an_answer_comes_back_from_its_row(tmp_path):
    values = RIGHT.as_json("q-1")
    assert values["id"] == "q-1"
    assert given_answer(EvalRow(tmp_path, 1, values)) == RIGHT


@pytest.mark.parametrize("cited", [None, [["p-1"]], [["p-1", 1]], ["p-1"], "p-1"])
def test_a_row_that_holds_no_answer_is_named(tmp_path, cited):
    with pytest.raises(BadData, match=r"'cited' must be a list of \[passage, quote\]"):
        given_answer(EvalRow(tmp_path, 1, {**RIGHT.as_json("q-1"), "cited": cited}))


def test_questions_on_which_reviewers_differ_are_counted(tmp_path):
    rows = [{**QUESTIONS[0], "disagreement": True}, {**QUESTIONS[1], "disagreement": False}]
    [asked] = question_sets(write_question_set(tmp_path / "judged", rows), Choice())
    assert [question.disputed for question in asked.questions] == [True, False]
    outcome = answer_outcome(asked, {OURS: {"q-1": RIGHT, "q-2": RIGHT}}, seed=0)
    assert outcome.counts["disputed"] == 1
    assert outcome.counts["answerable"] == 2
