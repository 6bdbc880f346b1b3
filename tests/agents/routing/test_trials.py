"""Canary: its share, and when it is rolled back."""

import pytest

from agents.routing.routes import Canary
from agents.routing.trials import drawn, worse
from schemas import RouteState
from tests.agents.routing.routing import BIG, MIDDLE, OTHER, SMALL, TRIAL, routes
from tests.agents.routing.test_choosing import OPEN, choice, names, reasons

ENTRIES = (MIDDLE, TRIAL, SMALL)
GOOD = RouteState(calls=100, failures=2, first_token_ms=100, rated=100, ungrounded=5)


def drawn_requests(share, count=4_000):
    trial = {**TRIAL, "canary": {"of": "middle", "share": share}}
    route = routes(MIDDLE, trial).routes[1]
    return [drawn(route, route.canary, f"r-{n}") for n in range(count)]


def test_the_share_is_kept_and_each_request_always_has_the_same_arm():
    assert sum(drawn_requests(0)) == 0
    assert sum(drawn_requests(1)) == 4_000
    assert 900 < sum(drawn_requests(0.25)) < 1_100
    assert drawn_requests(0.25) == drawn_requests(0.25)
    small, large = drawn_requests(0.1), drawn_requests(0.4)
    assert all(after for before, after in zip(small, large, strict=True) if before)


CANARY = Canary(
    of="middle", share=0.5, calls_min=10, failures_more=0.1, slower=2.0, ungrounded_more=0.1
)


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ({}, ""),
        ({"calls": 9, "failures": 9}, ""),
        ({"calls": 10, "failures": 1}, ""),
        ({"calls": 10, "failures": 2}, "2 of 10 calls failed, 2 of 100"),
        ({"calls": 10, "first_token_ms": 200}, ""),
        ({"calls": 10, "first_token_ms": 201}, "first token after 201 ms, 100 ms"),
        ({"calls": 9, "first_token_ms": 900}, ""),
        ({"rated": 9, "ungrounded": 9}, ""),
        ({"rated": 20, "ungrounded": 3}, ""),
        ({"rated": 20, "ungrounded": 4}, "4 of 20 ungrounded, 5 of 100"),
    ],
)
def test_it_is_worse_by_errors_latency_or_groundedness_once_there_is_enough(own, says):
    assert worse(CANARY, RouteState(**own), GOOD) == says


def test_against_a_control_of_which_nothing_is_known_its_own_failures_count():
    own = RouteState(calls=10, failures=2, first_token_ms=10**6)
    assert worse(CANARY, own, RouteState()) == "2 of 10 calls failed, 0 of 0"
    assert worse(CANARY, RouteState(calls=10, first_token_ms=10**6), RouteState()) == ""


def a_request(arm):
    return next(f"r-{n}" for n in range(100) if choice(ENTRIES, request=f"r-{n}").arm == arm)


def test_in_its_share_it_is_asked_first_and_its_control_after_it():
    made = choice(ENTRIES, request=a_request("canary"))
    assert names(made) == ["trial", "middle", "chat"]
    assert reasons(made)["trial"] == "canary: in its share of 0.25"
    assert reasons(made)["middle"] == "fallback 1: quality 2"


def test_outside_of_its_share_it_is_not_asked_at_all():
    made = choice(ENTRIES, request=a_request("control"))
    assert names(made) == ["middle", "chat"]
    assert reasons(made)["trial"] == "canary: not in its share of 0.25"


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (
            RouteState(calls=30, failures=15),
            "canary, rolled back: 15 of 30 calls failed, 0 of 0 of middle",
        ),
        (OPEN, "canary: its circuit is open for 700 ms"),
    ],
)
def test_one_that_is_worse_or_away_is_not_asked_and_it_is_told_why(state, says):
    made = choice(ENTRIES, states={"trial": state}, request=a_request("canary"))
    assert (names(made), made.arm) == (["middle", "chat"], "control")
    assert reasons(made)["trial"] == says


def test_a_trial_for_a_route_that_is_not_first_does_not_take_place():
    made = choice((BIG, OTHER, *ENTRIES), request=a_request("canary"))
    assert (names(made)[0], made.arm) == ("big", "")
    assert reasons(made)["trial"] == "on trial for a route that is not first"


def test_a_canary_is_nobody_s_fallback():
    made = choice(ENTRIES, states={"middle": OPEN, "chat": OPEN}, request=a_request("canary"))
    assert names(made) == ["trial", "middle", "chat"]
    made = choice(ENTRIES, states={"middle": OPEN}, request=a_request("canary"))
    assert names(made) == ["chat", "middle"]
