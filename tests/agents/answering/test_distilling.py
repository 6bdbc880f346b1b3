"""A small model chooses the statements of a prompt by their numbers, and can bring in nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answering.distilling import asking, candidates, kept, schema_of
from agents.answering.excerpts import Excerpt
from agents.answering.nearness import Nearness
from agents.configured.usability import Unusable, hold_usable
from agents.errors import Permanent, Transient
from agents.structured import breach
from schemas import Ask, Generate, ReadRoutes, RoutesRead, RouteState
from streams.log.configuration import load
from tests.agents.routing.routing import MIDDLE, SMALL
from tests.agents.test_generate import a_passage, a_world, an_entry, an_event, parts, run
from tests.agents.test_routed_answers import asked
from tests.fakes import NOW_US

WORDS = {**SMALL, "trust": "phrase"}
BY_SMALL = {
    "routes": {"routes": [MIDDLE, WORDS]},
    "distilling": {"route": "chat"},
    "passage_tokens": 1_000,
}
TEXT = (
    "The ferry to Bergen leaves at nine. The ferry to Bergen carries sixty cars. "
    "The ferry to Bergen was built in Oslo. Tickets of the ferry cost ten crowns."
)
QUESTION = "When does the ferry to Bergen leave?"
FERRY = an_event(question=QUESTION, query=QUESTION, passages=(a_passage(TEXT),))
SAID = " The ferry to Bergen leaves at nine."
STATEMENTS = tuple(Excerpt(0, "sentence", f"S {n}.", tokens=10) for n in range(1, 5))


def world(keeps):
    """A small model that keeps statements, and a larger one that answers."""

    def say(request):
        if request.model == "chat":
            return keeps if isinstance(keeps, list) else [keeps]
        return parts(SAID)

    fares = RoutesRead(states=(RouteState(), RouteState()))
    return {**a_world(), ReadRoutes: lambda _: fares, Generate: say}


async def answered(keeps, event=FERRY, **configured):
    records, fx = await run(event, world(keeps), **{**BY_SMALL, **configured})
    return records[-1].answer, asked(fx, Generate)


def keeping(*numbers):
    return parts(json.dumps({"keep": list(numbers)}))


async def test_the_prompt_holds_what_was_kept_and_the_answer_tells_by_whom():
    selected, [whole] = await answered(keeping(), distilling=None)
    assert selected.distilled == ""
    answer, [choosing, answering] = await answered(keeping(1))
    assert (choosing.model, answering.model) == ("chat", "mid")
    assert "1. The ferry to Bergen leaves at nine." in choosing.prompt
    assert breach('{"keep": [1]}', choosing.json_schema) == ""
    assert "leaves at nine" in answering.prompt
    assert "sixty cars" in whole.prompt
    assert "sixty cars" not in answering.prompt
    assert answer.distilled.startswith("chat@")
    assert answer.spared > selected.spared
    assert answer.usage.prompt_tokens == 2 * selected.usage.prompt_tokens, "both models' tokens"
    assert (answer.finish_reason, answer.text) == ("stop", SAID.strip())


@pytest.mark.parametrize(
    "keeps",
    [
        Transient("away"),
        Permanent("refused"),
        [*parts('{"keep": ['), Transient("broke off")],
        parts("The ferry leaves at ten, I promise."),
        parts('{"keep": []}'),
        parts('{"keep": [99]}'),
        parts('{"keep": [true]}'),
        parts('{"keep": "The ferry leaves at ten."}'),
        parts('{"keep": ["The ferry leaves at ten."]}'),
        parts("[1]"),
        parts("[" * 2_000),
    ],
    ids=["away", "refused", "broke off", "prose", "nothing", "no such", "no number", "a text", "texts", "a list",
         "too deep"],
)  # fmt: skip
async def test_where_nothing_is_chosen_statements_are_selected_as_without_it(keeps):
    selected, [whole] = await answered(keeping(), distilling=None)
    answer, [_, answering] = await answered(keeps)
    assert answering.prompt == whole.prompt
    assert "ten" not in answering.prompt.replace("ten crowns", "")
    assert (answer.distilled, answer.spared) == ("", selected.spared)


@pytest.mark.parametrize(
    "configured",
    [
        {"distilling": {"route": "chat", "reserve_ms": 3_000}},
        {"routes": {"routes": [MIDDLE, WORDS], "contracts": {"*": {"routes": ["middle"]}}}},
    ],
    ids=["too little time is left", "its route is not of the contract"],
)
async def test_it_is_not_asked(configured):
    ask = Ask(deadline=NOW_US + 2_500_000)
    event = an_event(question=QUESTION, query=QUESTION, passages=(a_passage(TEXT),), ask=ask)
    answer, requests = await answered(keeping(1), event, **configured)
    assert [one.model for one in requests] == ["mid"]
    assert answer.distilled == ""


async def test_what_it_may_keep_decides_on_who_may_be_asked_not_only_what_was_selected():
    """The statement with a person's name is beyond the selection's budget, and within the candidates."""
    text = f"{TEXT} <PERSON_1> is the captain of it."
    passage = a_passage(text, entries=(an_entry("<PERSON_1>", "ada"),))
    event = an_event(question=QUESTION, query=QUESTION, passages=(passage,))
    nobody = {**MIDDLE, "classes": ["public", "internal"]}
    configured = {"routes": {"routes": [nobody, WORDS]}, "passage_tokens": 12}
    _, [alone] = await answered(keeping(1), event, distilling=None, **configured)
    assert alone.model == "mid"
    _, requests = await answered(keeping(1, 2, 3, 4, 5), event, **configured)
    assert {one.model for one in requests} == {"chat"}


async def test_what_is_kept_beyond_the_budget_is_left_out():
    _, [_, answering] = await answered(keeping(1, 2, 3, 4), passage_tokens=12)
    assert "leaves at nine" in answering.prompt
    assert "sixty cars" not in answering.prompt


def test_the_nearest_statement_is_kept_whatever_it_says():
    assert [one.text for one in kept('{"keep": [3]}', STATEMENTS, 100)] == ["S 1.", "S 3."]
    assert [one.text for one in kept('{"keep": [3, 3, 2]}', STATEMENTS, 25)] == ["S 1.", "S 2."]


@given(st.text() | st.recursive(st.integers() | st.text() | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["keep", "x"]), inner)).map(json.dumps))  # fmt: skip
def test_whatever_it_says_only_statements_that_there_are_come_of_it(said):
    assert set(kept(said, STATEMENTS, 100)) <= set(STATEMENTS)


def test_candidates_are_the_nearest_few_and_none_within_another():
    near = Nearness(QUESTION, (a_passage(TEXT),))
    found = candidates(near, 2)
    assert len(found) == 2
    assert found[0].text == "The ferry to Bergen leaves at nine."
    assert asking("Q?\nText: x", found).count("\n") == asking("Q?", found).count("\n")


def test_the_schema_allows_numbers_of_statements_alone():
    schema = schema_of(2)
    assert breach('{"keep": [1, 2]}', schema) == ""
    for said in ('{"keep": [3]}', '{"keep": ["a"]}', '{"keep": [1], "text": "a"}', "[]"):
        assert breach(said, schema)


@pytest.mark.parametrize(
    ("distilling", "why"),
    [({"route": "nobody"}, "none of the `routes`"), ({"route": "chat", "k": 3}, "distilling"), ({}, "route")],
)  # fmt: skip
def test_a_configuration_that_names_no_route_is_refused(distilling, why):
    values = load()["generate"].values
    hold_usable("generate", {**values, "distilling": {"route": "chat"}})
    with pytest.raises(Unusable, match=why):
        hold_usable("generate", {**values, "distilling": distilling})
