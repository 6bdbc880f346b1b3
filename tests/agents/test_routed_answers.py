"""Answers by routes, and answers in JSON: what the composer makes of the routers' and the checkers' word."""

import pytest
from msgspec.structs import replace

from agents.errors import Permanent, Transient
from schemas import Ask, Generate, Hedged, RateRoute, ReadRoutes, RouteRated, RoutesRead, RouteState
from tests.agents.routing.routing import BIG, MIDDLE, SMALL, TRIAL
from tests.agents.test_generate import (
    CONFIGURATION,
    NORMANS,
    a_passage,
    a_world,
    an_entry,
    an_event,
    parts,
    run,
    texts_shown,
)
from tests.fakes import NOW_US, FakeEffects

SAID = " The Normans come from Normandy."
SCHEMA = '{"type": "object", "required": ["year"], "properties": {"year": {"type": "integer"}}}'
BIG_ONE = {**BIG, "fallbacks": []}


def a_routed(*entries, **more):
    return {"routes": {"routes": list(entries), **more}}


def well(request):
    return RoutesRead(states=tuple(RouteState() for _ in request.routes))


def models(**said):
    """What each model says: a text, an error, or a list of either, one a call."""

    def answer(request):
        mine = said[request.model.replace("-", "_")]
        one = mine.pop(0) if isinstance(mine, list) else mine
        return [one] if isinstance(one, Exception) else parts(one)

    return {
        **a_world(),
        ReadRoutes: well,
        RateRoute: lambda _: RouteRated(rated=1),
        Generate: answer,
    }


def asked(fx, kind):
    return [request for request in fx.asked if isinstance(request, kind)]


def told(answer):
    return {one.route.partition("@")[0]: one.reason for one in answer.route.considered}


async def test_one_route_is_taken_without_asking_how_it_fares():
    records, fx = await run(an_event(NORMANS), models(chat=SAID))
    answer = records[-1].answer
    assert asked(fx, ReadRoutes) == []
    assert answer.route.chosen.startswith("chat@")
    assert answer.route.arm == ""
    assert told(answer)["chat"].startswith("first: ")
    [request] = asked(fx, Generate)
    assert (request.provider, request.model, request.route) == ("", "chat", answer.route.chosen)


async def test_a_configuration_without_routes_asks_as_0_1_0_did():
    records, fx = await run(an_event(NORMANS), models(chat=SAID), routes=None)
    assert records[-1].answer.route is None
    [request] = asked(fx, Generate)
    assert (request.route, request.provider, request.system) == ("", "", "")


async def test_the_next_route_answers_where_the_first_fails_and_the_record_says_so():
    configured = a_routed(BIG_ONE, {**MIDDLE, "system": "Be brief."}, SMALL)
    world = models(big_1=Transient("away"), mid=SAID)
    records, fx = await run(an_event(NORMANS), world, **configured)
    answer = records[-1].answer
    assert answer.route.chosen.startswith("middle@")
    assert told(answer) == {
        "big": "first: quality 1; is away",
        "middle": "fallback 1: quality 2",
        "chat": "fallback 2: distilled",
    }
    first, second = asked(fx, Generate)
    assert (first.provider, first.input_price, first.output_price) == ("cloud", 3_000, 15_000)
    assert (second.provider, second.system) == ("house", "Be brief.")
    assert [one.provider for one in asked(fx, ReadRoutes)[0].routes] == ["cloud", "house", ""]


async def test_personal_content_reaches_nobody_who_may_not_have_it():
    person = an_entry("<PERSON_1>", "ann")
    event = an_event(
        question="Who is the boss?",
        passages=(a_passage("<PERSON_1> is the boss of all.", entries=(person,)),),
    )
    world = models(mid=" <PERSON_1> is the boss of all.", big_1=Permanent("must not be asked"))
    records, fx = await run(event, world, **a_routed(BIG_ONE, MIDDLE))
    assert [request.model for request in asked(fx, Generate)] == ["mid"]
    assert told(records[-1].answer)["big"] == "takes no personal content"


async def test_without_an_allowed_route_a_sentence_is_quoted_and_nobody_asked():
    contract = {"contracts": {"*": {"regions": ["moon"]}}}
    [record], fx = await run(an_event(NORMANS), models(), **a_routed(BIG_ONE, **contract))
    assert (record.answer.finish_reason, record.answer.degraded) == ("extractive", ("model",))
    assert record.answer.route.chosen == ""
    assert fx.asked == []
    assert record.answer.prompt == ""


async def test_health_that_nobody_tells_speaks_against_no_route():
    def nobody(_):
        raise Transient("no connector")

    world = {**models(big_1=SAID), ReadRoutes: nobody}
    records, _ = await run(an_event(NORMANS), world, **a_routed(BIG_ONE, SMALL))
    assert records[-1].answer.route.chosen.startswith("big@")


@pytest.mark.parametrize(
    ("said", "grounded"), [(SAID, True), (" In 1066 they sailed to Mars.", False)]
)
async def test_both_arms_of_a_trial_are_rated_by_whether_the_answer_stood(said, grounded):
    arms = set()
    for share in (0.0, 1.0):
        trial = {**TRIAL, "canary": {"of": "middle", "share": share}}
        world = models(mid=said, mid_2=said)
        records, fx = await run(an_event(NORMANS), world, **a_routed(MIDDLE, trial))
        answer = records[-1].answer
        assert [(one.route, one.grounded) for one in asked(fx, RateRoute)] == [
            (answer.route.chosen, grounded)
        ]
        arms.add((answer.route.arm, answer.route.chosen.partition("@")[0]))
    assert arms == {("control", "middle"), ("canary", "trial")}


async def test_a_model_that_was_stopped_is_not_rated():
    trial = {**TRIAL, "canary": {"of": "middle", "share": 1.0}}
    world = {**models(), Generate: lambda _: parts(SAID, finish_reason="cancelled")}
    records, fx = await run(an_event(NORMANS), world, **a_routed(MIDDLE, trial))
    assert (records[-1].answer.finish_reason, asked(fx, RateRoute)) == ("cancelled", [])


async def test_a_rating_that_nobody_takes_is_a_rating_less():
    def nobody(_):
        raise Permanent("no connector")

    trial = {**TRIAL, "canary": {"of": "middle", "share": 1.0}}
    world = {**models(mid_2=SAID), RateRoute: nobody}
    records, _ = await run(an_event(NORMANS), world, **a_routed(MIDDLE, trial))
    assert records[-1].answer.finish_reason == "stop"


async def test_a_canary_that_is_worse_is_rolled_back_on_the_record():
    def states(request):
        of = {"trial": RouteState(calls=30, failures=15), "middle": RouteState(calls=30)}
        return RoutesRead(states=tuple(of[one.route.partition("@")[0]] for one in request.routes))

    trial = {**TRIAL, "canary": {"of": "middle", "share": 1.0}}
    world = {**models(mid=SAID), ReadRoutes: states}
    records, _ = await run(an_event(NORMANS), world, **a_routed(MIDDLE, trial))
    assert records[-1].answer.route.arm == "control"
    assert told(records[-1].answer)["trial"] == (
        "canary, rolled back: 15 of 30 calls failed, 0 of 30 of middle"
    )


# ---------------------------------------------------------------------- JSON of a schema


def asks_json(**fields):
    return an_event(NORMANS, ask=Ask(response_schema=SCHEMA, **fields))


async def test_json_of_the_schema_comes_whole():
    records, fx = await run(asks_json(), a_world('{"year":', " 1066", "}"))
    [record] = records
    assert record.answer.text == texts_shown(records) == '{"year": 1066}'
    assert [request.json_schema for request in asked(fx, Generate)] == [SCHEMA]


@pytest.mark.parametrize(
    "broken", ["The year is 1066.", '{"year": "1066"}', '{"year": 10', "{}", ""]
)
async def test_what_breaks_the_schema_is_mended_once(broken):
    world = models(chat=[broken, '{"year": 1066}'])
    records, fx = await run(asks_json(), world)
    assert [record.answer.text for record in records] == ['{"year": 1066}']
    first, second = asked(fx, Generate)
    assert second.prompt.startswith(first.prompt + broken)
    assert "This is not JSON of the schema" in second.prompt


@pytest.mark.parametrize("broken", ["The year is 1066.", '{"year": "1066"}'])
async def test_what_breaks_it_twice_is_an_error_and_never_a_text(broken):
    fx = FakeEffects("generate", asks_json(), models(chat=[broken] * 2), CONFIGURATION)
    with pytest.raises(Permanent, match=r"no answer in JSON .* nor did it after a second try"):
        await fx.execute()
    assert fx.outcomes == []
    assert len(asked(fx, Generate)) == 2


async def test_a_model_that_fails_while_it_mends_gives_way_to_the_next():
    world = models(big_1=["no JSON", Transient("away")], chat=['{"year": 1}'])
    records, _ = await run(asks_json(), world, **a_routed(BIG_ONE, SMALL))
    assert records[-1].answer.text == '{"year": 1}'
    assert records[-1].answer.route.chosen.startswith("chat@")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"outcome": "empty"}, "the documents hold no answer"),
        ({"passages": ()}, "the documents hold no answer"),
        ({"outcome": "refused", "reason": "Not allowed."}, "the question was refused"),
        ({"ask": Ask(response_schema=SCHEMA, deadline=NOW_US + 1)}, "too little time"),
    ],
)
async def test_no_text_of_ours_stands_in_for_json(fields, why):
    event = an_event(NORMANS, **{"ask": Ask(response_schema=SCHEMA), **fields})
    with pytest.raises(Permanent, match=why):
        await run(event, {})


async def test_no_model_is_an_error_too_where_json_is_asked_for():
    refused = models(chat=Permanent("no such model"))
    with pytest.raises(Permanent, match="no model answered"):
        await run(asks_json(), refused)


async def test_a_search_needs_no_json():
    [record], _ = await run(an_event(NORMANS, ask=Ask(response_schema=SCHEMA, mode="search")), {})
    assert record.answer.finish_reason == "search"


async def test_code_of_before_did_as_it_did():
    fx = FakeEffects("generate", asks_json(), a_world("[]"), CONFIGURATION)
    fx.code = "0.2.0.dev1"
    await fx.execute()
    assert fx.outcomes[-1].answer.text == "[]"


HEDGED = a_routed(MIDDLE, {**BIG_ONE, "quality": 3}, hedging={"after_ms": 500})


def raced(outcome, cost=0):
    """A model's answer whose first part tells what came of asking another one too."""

    def answer(request):
        said = parts(SAID)
        told = Hedged(
            outcome=outcome,
            route=request.hedge.route,
            after_ms=request.hedge.after_ms,
            cost_micros=cost,
        )
        return [replace(said[0], hedged=told, cost_micros=cost), *said[1:]]

    return {**models(mid=SAID), Generate: answer}


async def test_who_answered_for_a_slow_model_is_told_with_what_that_cost():
    records, fx = await run(an_event(NORMANS), raced("won", cost=39), **HEDGED)
    [request] = asked(fx, Generate)
    assert (request.model, request.hedge.model, request.hedge.after_ms) == ("mid", "big-1", 500)
    answer = records[-1].answer
    assert answer.route.chosen == request.hedge.route
    assert (answer.route.hedged.outcome, answer.route.hedged.cost_micros) == ("won", 39)
    assert told(answer)["middle"] == (
        "first: quality 2; said nothing for 500 ms, and another one did"
    )


@pytest.mark.parametrize("outcome", ["lost", "too_many"])
async def test_a_first_model_that_answered_after_all_is_the_one_that_did(outcome):
    records, _ = await run(an_event(NORMANS), raced(outcome), **HEDGED)
    answer = records[-1].answer
    assert answer.route.chosen.startswith("middle@")
    assert answer.route.hedged.outcome == outcome


async def test_a_route_that_the_choice_does_not_hold_is_nobody():
    def forged(request):
        said = parts(SAID)
        return [replace(said[0], hedged=Hedged(outcome="won", route="x@1", after_ms=1)), *said[1:]]

    records, _ = await run(an_event(NORMANS), {**models(), Generate: forged}, **HEDGED)
    assert records[-1].answer.route.chosen.startswith("middle@")


async def test_without_hedging_requests_are_what_they_were():
    _, fx = await run(an_event(NORMANS), models(big_1=SAID), **a_routed(MIDDLE, BIG_ONE))
    assert asked(fx, Generate)[0].hedge is None
