"""What a tool searches for again is held to the policy too: whom it may reach, and which model hears of it."""

import pytest
from msgspec.structs import replace

from schemas import Candidate, Fetch, Fetched, Found, Generate, Search, ToolExchange
from streams.log.configuration import load
from tests.agents.policies.policies import HIDING, SENDING, a_document, governed
from tests.agents.test_generate import NORMANS, a_passage, an_event
from tests.agents.tools.tooling import a_route, a_world, call, tools, turn
from tests.fakes import FakeEffects

TEXTS = {
    "open": "The canteen of the abbey opens at noon.",
    "pay": "The abbot of the abbey earns forty crowns.",
}
QUESTION = "When does the canteen of the abbey open?"


def found(classes):
    def answer(request):
        candidates = tuple(
            Candidate(chunk=f"{name}/c", document=name, dense=0.9, lexical=1.0, score=1.0)
            for name in TEXTS
        )
        told = tuple(
            a_document(name, **{"class": classes.get(name, "internal")}) for name in sorted(TEXTS)
        )
        return Found(candidates=candidates, index="i", documents=told if request.described else ())

    return answer


def fetch(request):
    names = [chunk.partition("/")[0] for chunk in request.chunks]
    return Fetched(passages=tuple(a_passage(TEXTS[name], name) for name in names))


def asking(**fields):
    event = an_event(NORMANS, question=QUESTION, **fields)
    passages = tuple(replace(one, content_class="internal") for one in event.passages)
    return replace(event, passages=passages)


async def run(policy, classes, event=None, **route):
    world = {
        **a_world(turn(call("retrieval", query="abbey")), turn(text="The canteen opens at noon.")),
        Search: found(classes),
        Fetch: fetch,
    }
    configured = {
        **load()["generate"].values,
        "tools": tools("retrieval"),
        "routes": a_route("native", **route),
    }
    fx = FakeEffects("generate", event or asking(), world, configured)
    await governed(fx, policy).execute()
    return fx.outcomes[-1].answer, fx


def asked(fx, kind):
    return [request for request in fx.asked if isinstance(request, kind)]


async def test_what_the_reader_may_not_see_is_not_fetched_for_a_tool_either():
    answer, fx = await run(HIDING, {"pay": "salaries"})
    [search], [fetched] = asked(fx, Search), asked(fx, Fetch)
    assert search.described
    assert fetched.chunks == ("open/c",)
    assert TEXTS["pay"] not in str(asked(fx, Generate))
    [told] = [one for one in answer.policies if one.action == "read"]
    assert (told.allowed, told.denied) == (1, 1)


async def test_what_a_models_host_may_not_get_is_withheld_from_it():
    answer, fx = await run(SENDING, {"open": "secret", "pay": "secret"}, provider="abroad")
    second = asked(fx, Generate)[1]
    assert "canteen" not in str(second.exchanges)
    [use] = answer.tools
    assert (use.outcome, "secrets stay" in use.result) == ("refused", True)
    assert all(citation.document not in TEXTS for citation in answer.citations)


async def test_a_host_that_may_get_it_hears_of_it():
    answer, fx = await run(SENDING, {"open": "secret", "pay": "secret"})
    assert "canteen" in str(asked(fx, Generate)[1].exchanges)
    assert answer.tools[0].outcome == "answered"


@pytest.mark.parametrize("asking_for", ["native", "grammar"])
async def test_a_persons_data_that_the_askers_tool_gave_goes_to_no_host_that_may_not_get_it(
    asking_for,
):
    given = ToolExchange(id="1", name="crm", arguments="{}", result="<PERSON_1> is away.")
    event = asking(exchanges=(given,))
    _, fx = await run(SENDING, {}, event, provider="abroad", tools=asking_for)
    assert "<PERSON_1>" not in str(asked(fx, Generate))
    _, fx = await run(SENDING, {}, event, tools=asking_for)
    assert "<PERSON_1>" in str(asked(fx, Generate)[0])
