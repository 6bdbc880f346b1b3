"""Win rates: the order of two answers decides nothing, ties are told."""

import pytest

from evals.answer_figures import GivenAnswer
from evals.data_sets import Choice
from evals.outcome import SetOutcome
from evals.question_set import question_sets
from evals.win_rate import FIRST, SECOND, TIE, add_win_rate, by_model, by_rules, compared
from schemas import Generated, GeneratedToken
from tests.evals.sets import write_question_set

RIGHT = GivenAnswer("In 1887.", "extractive")
LONG = GivenAnswer(
    "The lighthouse, of which much was said in these days, was built in 1887.", "extractive"
)
WRONG = GivenAnswer("It is 31 metres high.", "extractive")
NONE = GivenAnswer("Your documents don't say.", "not_found")


@pytest.fixture
def asked(tmp_path):
    [asked] = question_sets(write_question_set(tmp_path / "small"), Choice())
    return asked


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (RIGHT, WRONG, FIRST), (WRONG, RIGHT, SECOND), (RIGHT, LONG, FIRST),
        (RIGHT, NONE, FIRST), (WRONG, NONE, SECOND), (NONE, NONE, TIE), (RIGHT, RIGHT, TIE),
    ],
)  # fmt: skip
async def test_rules_prefer_the_right_answer_to_none_and_none_to_a_wrong_one(
    asked, first, second, verdict
):
    assert await by_rules(asked.questions[0], first, second) == verdict


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [(NONE, WRONG, FIRST), (RIGHT, NONE, SECOND), (RIGHT, WRONG, TIE)],
)
async def test_where_there_is_no_answer_none_is_right(asked, first, second, verdict):
    assert await by_rules(asked.questions[2], first, second) == verdict


async def always_first(_question, _first, _second):
    return FIRST


async def test_a_judge_who_goes_by_the_order_ties_all(asked):
    assert await compared(asked.questions[0], RIGHT, WRONG, always_first) == 0.5
    assert await compared(asked.questions[0], RIGHT, WRONG, by_rules) == 1.0
    assert await compared(asked.questions[0], WRONG, RIGHT, by_rules) == 0.0


async def test_equal_answers_are_not_judged(asked):
    async def nobody(*_):
        raise AssertionError

    assert await compared(asked.questions[0], RIGHT, RIGHT, nobody) == 0.5


async def test_the_rate_counts_a_tie_half_and_tells_the_ties(asked):
    ids = [question.id for question in asked.questions]
    answers = {
        "new": dict(zip(ids, [RIGHT, NONE, NONE], strict=True)),
        "old": dict(zip(ids, [WRONG, NONE, WRONG], strict=True)),
    }
    outcome = SetOutcome("small", 3)
    await add_win_rate(outcome, asked, answers, ("new", "old"), by_rules, seed=0)
    assert outcome.figure("wins against old", "new").value == pytest.approx(2.5 / 3)
    assert outcome.counts == {"new won": 2, "new tied": 1, "new lost": 0}


@pytest.mark.parametrize(
    ("said", "verdict"), [("A", FIRST), (" b", SECOND), ("T", TIE), ("Hm", TIE), ("", TIE)]
)
async def test_a_model_may_judge(asked, said, verdict):
    prompts = []

    async def generate(request, _call):
        prompts.append(request.prompt)
        yield Generated(tokens=(GeneratedToken(text=said, at_us=0),), last=True, model="m")

    judge = by_model(generate, "m")
    assert await judge(asked.questions[0], RIGHT, WRONG) == verdict
    assert asked.questions[0].text in prompts[0]
    assert prompts[0].index(RIGHT.text) < prompts[0].index(WRONG.text)
