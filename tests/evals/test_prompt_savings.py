"""What fitting passages to a budget saves, and whether the right answer is still there."""

import pytest

from evals.data_sets import Choice
from evals.given_passages import PassageSource
from evals.outcome import OURS, SetOutcome
from evals.prompt_savings import add_savings
from evals.question_set import question_sets
from tests.evals.sets import write_question_set


@pytest.fixture
def asked(tmp_path):
    [asked] = question_sets(write_question_set(tmp_path / "small"), Choice())
    return asked


def savings(asked, **configurations):
    outcome = SetOutcome(asked.name, len(asked.questions))
    add_savings(outcome, asked, PassageSource(asked, 2), {OURS: {}, **configurations}, 0)
    return outcome


def value(outcome, name, system=OURS):
    return outcome.figure(name, system).value


def test_a_smaller_budget_saves_more_and_holds_no_more(asked):
    outcome = savings(asked, tiny={"passage_tokens": 1}, all={"passage_tokens": 100_000})
    tokens = {
        one: value(outcome, "tokens of passages in the prompt", one) for one in ("tiny", "all")
    }
    assert 0 < tokens["tiny"] < tokens["all"]
    saved = {one: value(outcome, "share of tokens saved", one) for one in ("tiny", "all")}
    assert 0 <= saved["all"] < saved["tiny"] < 1
    held = {one: value(outcome, "prompt holds the answer", one) for one in ("tiny", "all")}
    assert held["tiny"] <= held["all"] == 1


def test_each_configuration_is_told_beside_ours(asked):
    outcome = savings(asked, same={})
    for name in ("tokens of passages in the prompt", "share of tokens saved"):
        assert outcome.figure(name, "same") == outcome.figure(name)


def test_arms_are_left_out_of_what_is_measured(asked):
    arms = [{"name": "tiny", "share": 1.0, "passage_tokens": 1}]
    outcome = savings(asked, tried={"arms": arms, "experiment": "e"})
    name = "tokens of passages in the prompt"
    assert outcome.figure(name, "tried") == outcome.figure(name)


def test_where_nothing_is_answerable_it_is_not_told_what_is_held(asked):
    none = [one for one in asked.questions if not one.answerable]
    assert none
    unanswerable = type(asked)(asked.name, tuple(none), asked.passages)
    with pytest.raises(KeyError):
        savings(unanswerable).figure("prompt holds the answer")
