"""Calculating: a question that is arithmetic is answered exactly, with no model and no passage."""

import pytest

from agents.errors import Transient
from connectors.tools.calculator import calculated
from schemas import Ask, Calculate
from tests.agents.test_generate import NORMANS, a_world, an_event, run

WORLD = {**a_world(" Nothing."), Calculate: lambda request: calculated(request.expression)}


@pytest.mark.parametrize(
    ("question", "language", "text"),
    [
        ("What is 17.5 % of 2,340?", "en", "17.5 % of 2,340 is 409.5."),
        ("How much is 12 * 49.90 + 3?", "", "12 * 49.90 + 3 is 601.8."),
        ("Wie viel ist 17,5 % von 2.340?", "de", "17,5 % von 2.340 ist 409,5."),
        ("Wie viel ist 2.340 mal 3?", "", "2.340 mal 3 ist 7.020."),
        ("How much is 2 / 3?", "en", "2 / 3 is about 0.666666666667."),
        ("Combien font 10 / 0 ?", "fr", "10 / 0 n'a pas de valeur : on y divise par zéro."),
        ("How much is 9 ^ 9 ^ 9?", "en", "9 ^ 9 ^ 9 is too large to be worked out here."),
    ],
)
async def test_the_value_is_said_in_the_persons_words_and_numbers(question, language, text):
    [record], fx = await run(an_event(NORMANS, question=question, language=language), WORLD)
    assert (record.text, record.answer.text) == (text, text)
    assert (record.answer.finish_reason, record.answer.citations) == ("calculated", ())
    assert [type(request) for request in fx.asked] == [Calculate]


async def test_the_answer_tells_what_was_worked_out():
    [record], _ = await run(an_event(question="How much is 1 / 3?", outcome="empty"), WORLD)
    [use] = record.answer.tools
    assert (use.name, use.arguments, use.outcome, use.result) == (
        "calculator",
        "1 / 3",
        "answered",
        "about 0.333333333333",
    )


async def test_where_nobody_works_it_out_the_passages_answer():
    def away(_request):
        raise Transient("away")

    records, _ = await run(
        an_event(NORMANS, question="How much is 2 + 2?"),
        {**WORLD, Calculate: away},
        answerable={},
    )
    assert records[-1].answer.finish_reason != "calculated"


@pytest.mark.parametrize(
    ("fields", "tools"),
    [
        ({"ask": Ask(mode="search")}, None),
        ({"outcome": "refused", "reason": "No."}, None),
        ({"outcome": "small_talk", "reason": "thanks"}, None),
        ({}, {}),
        ({}, {"tenants": {"*": {"use": ["calculator"]}, "acme": {"use": []}}}),
    ],
    ids=["search", "refused", "small talk", "a log of before", "a tenant without it"],
)
async def test_nothing_is_worked_out_where_it_is_not_wanted(fields, tools):
    configured = {} if tools is None else {"tools": tools}
    _, fx = await run(
        an_event(NORMANS, question="How much is 2 + 2?", **fields), WORLD, **configured
    )
    assert not [request for request in fx.asked if isinstance(request, Calculate)]
