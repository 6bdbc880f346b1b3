"""Choosing: the order of the routes, by quality and health."""

import pytest

from agents.routing.choosing import chosen
from agents.routing.permission import judged
from schemas import RouteState
from tests.agents.routing.routing import ALL, BIG, MIDDLE, OTHER, SMALL, facts, routes

OPEN = RouteState(circuit="open", wait_ms=700)
HALF_OPEN = RouteState(circuit="half open")
BUSY = RouteState(running=4)
SLOW = RouteState(first_token_ms=1_500)


def choice(entries=ALL, more=None, states=None, **fields):
    read = routes(*entries, **(more or {}))
    by_key = {
        route.key: (states or {})[route.name]
        for route in read.routes
        if route.name in (states or {})
    }
    known = facts(states=by_key, **fields)
    return chosen(judged(read, known), known)


def names(made):
    return [route.name for route in made.order]


def reasons(made):
    return {verdict.route.name: verdict.reason for verdict in made.verdicts}


@pytest.mark.parametrize(
    ("states", "fields", "expected"),
    [
        ({}, {}, ["big", "other", "middle", "chat"]),
        ({}, {"content": "personal"}, ["middle", "other", "chat"]),
        ({"big": OPEN}, {}, ["middle", "other", "chat", "big"]),
        ({"big": HALF_OPEN}, {}, ["big", "other", "middle", "chat"]),
        ({"big": OPEN, "middle": OPEN, "other": OPEN}, {}, ["chat", "big", "middle", "other"]),
        (dict.fromkeys(("big", "middle", "other", "chat"), OPEN), {}, ["big", "middle", "other", "chat"]),
        ({"big": SLOW}, {"left_ms": 1_000}, ["middle", "other", "chat", "big"]),
        ({"big": SLOW}, {"left_ms": 2_000}, ["big", "other", "middle", "chat"]),
        ({"middle": BUSY}, {"content": "personal"}, ["middle", "other", "chat"]),
        ({}, {"left_ms": 100}, ["chat"]),
    ],
)  # fmt: skip
def test_the_best_comes_first_then_its_fallbacks_then_small_ones_and_the_sick_last(
    states, fields, expected
):
    assert names(choice(states=states, **fields)) == expected


def test_a_route_with_as_many_calls_as_it_takes_stands_back():
    entries = ({**MIDDLE, "running_max": 4}, SMALL)
    assert names(choice(entries, states={"middle": BUSY})) == ["chat", "middle"]
    assert names(choice(entries, states={"middle": RouteState(running=3)})) == ["middle", "chat"]


@pytest.mark.parametrize(
    ("one", "other"),
    [({}, {"quality": 3}), ({}, {"input_price": 101}), ({}, {"first_token_ms": 401}), ({}, {"output_price": None}),
     ({"name": "a"}, {})],
)  # fmt: skip
def test_quality_price_speed_and_name_decide_in_this_order(one, other):
    entries = [{**MIDDLE, "name": "zz", **other}, {**MIDDLE, "name": "yy", **one}]
    assert names(choice(entries))[1] == "zz"


def test_every_route_has_its_reason_those_to_ask_first():
    made = choice(
        states={"middle": OPEN}, more={"contracts": {"*": {"routes": ["middle", "chat", "other"]}}}
    )
    assert [verdict.route.name for verdict in made.verdicts] == ["other", "chat", "middle", "big"]
    assert reasons(made) == {
        "other": "first: quality 5",
        "chat": "fallback 1: distilled",
        "middle": "behind those that fare well: its circuit is open for 700 ms",
        "big": "not in the tenant's contract",
    }


def test_without_an_allowed_route_there_is_nothing_to_ask_and_every_reason_is_told():
    made = choice((BIG, OTHER), content="personal", more={"contracts": {"*": {"routes": ["big"]}}})
    assert made.order == ()
    assert reasons(made) == {
        "big": "takes no personal content",
        "other": "not in the tenant's contract",
    }
