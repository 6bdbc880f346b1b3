"""Results of the asker's tools on their way: sealed, redacted, carried along, answered from, moderated."""

import json

import pytest
from msgspec.structs import replace

from agents.errors import Permanent
from agents.tools.exchanged import EXCHANGES_MAX, exchanges_of, without_personal_parts
from schemas import Ask, Generate, Instant, Now, ReadTurns, ToolExchange, Turns
from streams.log.configuration import load
from tests.agents import test_moderate, test_retrieve
from tests.agents.fake_services import sealed
from tests.agents.test_generate import an_entry, an_event, run
from tests.agents.test_redact import RedactBench, a_question, map_of
from tests.agents.test_rewrite import asked as redacted
from tests.agents.tools.tooling import a_route, call, named, tools, turn
from tests.fakes import NOW_US, FakeEffects, a_meta

GIVEN = [
    {"id": "c1", "name": "lookup", "arguments": '{"who": "Ada"}', "result": "Ada pays 19 percent."}
]
EXCHANGE = ToolExchange(
    id="c1", name="lookup", arguments='{"who": "<PERSON_1>"}', result="<PERSON_1> pays 19 percent."
)
LOOKUP = json.dumps(
    [{"name": "lookup", "description": "Looks up.", "parameters": {"type": "object"}}]
)


def a_question_with(given, text="What does Ada pay?"):
    content = given if isinstance(given, bytes) else json.dumps(given).encode()
    return replace(a_question(text), exchanges=sealed("document/d", "e", "exchanges", content))


async def test_calls_and_results_are_redacted_with_the_question_in_one_numbering():
    outcome = await RedactBench(PERSON="Ada|Bob").run(
        a_question_with([{**GIVEN[0], "result": "Bob says: Ada pays 19 percent."}])
    )
    assert outcome.text == "What does <PERSON_1> pay?"
    [given] = outcome.exchanges
    assert (given.arguments, given.result) == (
        '{"who": "<PERSON_1>"}',
        "<PERSON_2> says: <PERSON_1> pays 19 percent.",
    )
    assert map_of(outcome.entries) == {"<PERSON_1>": "Ada", "<PERSON_2>": "Bob"}


async def test_a_question_without_any_is_redacted_as_before():
    assert (await RedactBench(PERSON="Ada").run(a_question("Ada?"))).exchanges == ()


@pytest.mark.parametrize(
    "given",
    [b"{", b"\xff", b"{}", b'[{"id": 1}]', json.dumps(GIVEN * (EXCHANGES_MAX + 1)).encode()],
)
async def test_what_is_no_list_of_exchanges_is_an_error_in_words(given):
    with pytest.raises(Permanent, match="exchanges"):
        await RedactBench().run(a_question_with(given))


def test_arguments_that_are_no_json_any_more_are_a_text_within_it():
    [one] = without_personal_parts(
        exchanges_of(json.dumps(GIVEN).encode()), ['{"who": "<PERSON_1>', "r"]
    )
    assert json.loads(one.arguments) == {"text": '{"who": "<PERSON_1>'}


async def test_rewrite_and_retrieve_carry_them_along_with_their_entries():
    entries = (await RedactBench(PERSON="Ada").run(a_question_with(GIVEN))).entries
    event = redacted("What is due?", exchanges=(EXCHANGE,), entries=entries)
    fx = FakeEffects("rewrite", event, {ReadTurns: lambda _: Turns()}, load()["rewrite"].values)
    await fx.execute()
    [rewritten] = fx.outcomes
    assert (rewritten.exchanges, rewritten.entries) == ((EXCHANGE,), entries)
    found = test_retrieve.query(exchanges=(EXCHANGE,), outcome="refused")
    fx = FakeEffects("retrieve", found, {}, load()["retrieve"].values)
    await fx.execute()
    assert fx.outcomes[0].exchanges == (EXCHANGE,)


async def answered(world, asking, trust, **fields):
    values = {
        "ask": Ask(tools=LOOKUP),
        "exchanges": (EXCHANGE,),
        "outcome": "empty",
        "entries": (an_entry("<PERSON_1>", "d1"),),
        **fields,
    }
    event = an_event(question="What does <PERSON_1> pay?", **values)
    records, fx = await run(event, world, tools=tools("calculator"), routes=a_route(asking, trust))
    return records[-1].answer, fx


async def test_a_result_is_answered_from_and_cited():
    world = {
        Now: lambda _: Instant(at=NOW_US),
        Generate: lambda _: turn(text="<PERSON_1> pays 19 percent."),
    }
    answer, fx = await answered(world, "native", "phrase")
    [request] = [one for one in fx.asked if isinstance(one, Generate)]
    assert request.exchanges == (EXCHANGE,)
    assert (answer.text, answer.finish_reason) == ("<PERSON_1> pays 19 percent.", "stop")
    assert [one.document for one in answer.citations] == ["tool/lookup"]
    assert [(use.name, use.outcome) for use in answer.tools] == [("lookup", "answered")]


async def test_without_a_model_that_can_ask_a_result_is_quoted():
    answer, fx = await answered({}, "none", "none")
    assert (answer.text, answer.finish_reason) == ("<PERSON_1> pays 19 percent.", "extractive")
    assert fx.asked == []


async def test_the_same_call_again_is_a_loop():
    again = turn(call("lookup", who="<PERSON_1>"))
    world = {Now: lambda _: Instant(at=NOW_US), Generate: lambda _: again}
    answer, _ = await answered(world, "native", "phrase")
    assert (answer.finish_reason, answer.tool_calls) == ("tools_ended", ())


async def test_a_small_model_that_names_the_same_call_again_has_what_it_needs():
    world = {
        Now: lambda _: Instant(at=NOW_US),
        Generate: lambda _: named("lookup", who="<PERSON_1>"),
    }
    answer, _ = await answered(world, "grammar", "none")
    assert (answer.text, answer.finish_reason) == ("<PERSON_1> pays 19 percent.", "extractive")


async def test_calls_are_moderated_and_bring_the_entries_that_they_need():
    [batch] = test_moderate.batches("", entries=(test_moderate.an_entry("<PERSON_1>"),))
    given = call("lookup", who="<PERSON_1>", what="poison")
    answer = replace(batch.answer, finish_reason="tool_calls", tool_calls=(given,))
    records, _ = await test_moderate.run([replace(batch, answer=answer, meta=a_meta())])
    released = records[-1]
    assert (released.answer.tool_calls, len(released.entries)) == ((given,), 1)

    def harm(text):
        return 0.99 if "poison" in text else 0.0

    records, _ = await test_moderate.run([replace(batch, answer=answer)], harm=harm)
    assert not records[-1].verdict.allowed
