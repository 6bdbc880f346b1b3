"""Who may be asked beside a slow model, and after how long."""

import pytest
from msgspec.structs import replace

from agents.errors import Permanent
from agents.routing.choosing import chosen
from agents.routing.hedging import hedge_of
from agents.routing.permission import judged
from schemas import RouteState
from tests.agents.routing.routing import BIG, MIDDLE, OTHER, SMALL, TRIAL, facts, routes

HEDGING = {"hedging": {"after_ms": 500, "share_max": 0.1, "calls_min": 20}}
SLOW = RouteState(calls=30, failures=2, first_token_p95_ms=1_300)


def hedged(*entries, states=None, first=0, more=HEDGING, **known):
    """Return who may be asked beside a route of the order, by name, and the hedge."""
    read = routes(*entries, **more)
    keys = {route.name: route.key for route in read.routes}
    told = facts(states={keys[name]: state for name, state in (states or {}).items()}, **known)
    choice = chosen(judged(read, told), told)
    hedge = hedge_of(read, choice, choice.order[first], told)
    return hedge.route.partition("@")[0] if hedge else None, hedge


def test_it_is_the_next_one_of_the_order_with_what_it_is_asked_with():
    name, hedge = hedged(MIDDLE, {**OTHER, "system": "Be brief.", "provider": "o"})
    assert name == "other"
    assert (hedge.provider, hedge.model, hedge.system) == ("o", "mid", "Be brief.")
    assert (hedge.input_price, hedge.output_price) == (100, 100)
    assert (hedge.after_ms, hedge.share_max) == (500, 0.1)


@pytest.mark.parametrize(
    ("state", "after_ms"),
    [
        (SLOW, 1_300),
        (replace(SLOW, first_token_p95_ms=200), 500),
        (replace(SLOW, calls=21), 500),
    ],
    ids=["what it mostly takes", "at least what is configured", "too few calls to know"],
)
def test_the_first_one_has_the_time_that_it_mostly_takes(state, after_ms):
    _, hedge = hedged(MIDDLE, OTHER, states={"middle": state})
    assert hedge.after_ms == after_ms


@pytest.mark.parametrize(
    ("entries", "fields"),
    [
        ((MIDDLE, OTHER), {"more": {}}),
        ((MIDDLE,), {}),
        ((MIDDLE, OTHER), {"first": 1}),
        ((MIDDLE, {**OTHER, "trust": "none"}), {}),
        ((MIDDLE, OTHER), {"states": {"other": RouteState(circuit="open", wait_ms=9)}}),
        ((MIDDLE, OTHER), {"states": {"other": RouteState(circuit="open"), "middle": RouteState(circuit="open")}}),
        ((MIDDLE, OTHER, TRIAL), {}),
        ((MIDDLE, OTHER), {"left_ms": 500}),
        ((MIDDLE, OTHER), {"more": {**HEDGING, "contracts": {"*": {"price_max": 59}}}}),
        ((MIDDLE, {**OTHER, "input_price": 0, "output_price": 0}), {"more": {**HEDGING, "contracts": {"*": {"price_max": 29}}}}),
    ],
    ids=["not configured", "nobody else", "behind the last", "says less", "fares badly", "all fare badly", "a trial",
         "no time for both", "both are too dear", "one alone is too dear"],
)  # fmt: skip
def test_nobody_is_asked_beside_it(entries, fields):
    if fields.get("more", {}).get("contracts", {}).get("*", {}).get("price_max") == 29:
        with pytest.raises(IndexError):  # it is no route of the contract at all
            hedged(*entries, first=1, **fields)
        return
    assert hedged(*entries, **fields) == (None, None)


def test_both_within_the_contract_may_be_asked():
    assert (
        hedged(MIDDLE, OTHER, more={**HEDGING, "contracts": {"*": {"price_max": 60}}})[0] == "other"
    )


def test_one_that_fares_well_is_found_behind_one_that_says_less():
    assert (
        hedged(MIDDLE, {**SMALL, "distilled": False, "quality": 3, "trust": "none"}, OTHER)[0]
        == "other"
    )


@pytest.mark.parametrize("wrong", [{"after_ms": 0}, {"share_max": 2}, {"calls_min": 0}, {"p95": 1}])
def test_what_is_no_hedging_is_an_error_in_words(wrong):
    with pytest.raises(Permanent, match="configuration of the routes"):
        routes(BIG, OTHER, hedging=wrong)
