"""Routes: what may be configured, and what is said of what may not."""

import json

import pytest

from agents.errors import Permanent
from agents.routing.routes import ROUTES_MAX, routes_of
from streams.log.configuration import FOLDER
from tests.agents.routing.routing import BIG, MIDDLE, SMALL, routes


def test_a_configuration_without_routes_has_none():
    assert routes_of(None) is None


def test_the_shipped_routes_can_be_read():
    read = routes_of(json.loads((FOLDER / "routes.json").read_text()))
    assert [route.name for route in read.routes] == ["chat"]
    assert read.routes[0].distilled


@pytest.mark.parametrize(
    ("configured", "says"),
    [
        ([], "Expected `object`"),
        ({"routes": []}, "length >= 1"),
        ({"routes": [SMALL] * (ROUTES_MAX + 1)}, f"length <= {ROUTES_MAX}"),
        ({"routes": [SMALL, SMALL]}, "two are called chat"),
        ({"routes": [{**SMALL, "fallbacks": ["big"]}]}, "chat names big, which is no other route"),
        ({"routes": [{**SMALL, "fallbacks": ["chat"]}]}, "chat names chat"),
        ({"routes": [{**SMALL, "canary": {"of": "big", "share": 0.1}}]}, "chat names big"),
        ({"routes": [{**SMALL, "canary": {"of": "big", "share": 1.5}}]}, "<= 1"),
        ({"routes": [{**SMALL, "modle": "x"}]}, "unknown field `modle`"),
        ({"routes": [{**SMALL, "input_price": -1}]}, ">= 0"),
        ({"routes": [{**SMALL, "name": "a b"}]}, "regex"),
        ({"routes": [{**SMALL, "classes": ["secret"]}]}, "secret"),
        ({"routes": [{**SMALL, "revision": "1"}]}, "not configured"),
        ({"routes": [SMALL], "contracts": {"acme": {"price_max": "all"}}}, "price_max"),
    ],
)
def test_what_can_t_be_used_is_named(configured, says):
    with pytest.raises(Permanent, match="configuration of the routes") as raised:
        routes_of(configured)
    assert says in str(raised.value)


def test_a_route_that_is_changed_has_another_key_and_the_others_keep_theirs():
    before, after = (
        routes(BIG, MIDDLE, {**SMALL, "name": "other"}),
        routes({**BIG, "input_price": 1}, MIDDLE, {**SMALL, "name": "other"}),
    )
    assert before.routes[0].key != after.routes[0].key
    assert before.routes[1].key == after.routes[1].key
    assert before.routes[1].key.startswith("middle@")


@pytest.mark.parametrize(
    ("prices", "expected"),
    [((3_000, 15_000), 2_100), ((0, 0), 0), ((1, 0), 1), ((None, 1), None), ((1, None), None)],
)
def test_a_price_is_that_of_all_tokens_rounded_up(prices, expected):
    [route] = routes({**SMALL, "input_price": prices[0], "output_price": prices[1]}).routes
    assert route.price_of(200, 100) == expected


def test_a_tenant_has_its_contract_or_that_of_all():
    read = routes(SMALL, contracts={"acme": {"price_max": 1}, "*": {"price_max": 2}})
    assert [read.contract(tenant).price_max for tenant in ("acme", "bob")] == [1, 2]
    assert routes(SMALL).contract("acme").price_max is None
