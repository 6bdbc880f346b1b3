"""Policy: what speaks against a route whatever its health."""

import pytest

from agents.routing.permission import judged
from tests.agents.routing.routing import ALL, BIG, MIDDLE, SMALL, facts, routes

ONLY_EU = {"contracts": {"acme": {"regions": ["eu"]}}}


def allowed(entries=ALL, more=None, **fields):
    verdicts = judged(routes(*entries, **(more or {})), facts(**fields))
    assert [verdict.route.name for verdict in verdicts] == [entry["name"] for entry in entries]
    assert all(verdict.allowed == (verdict.reason == "allowed") for verdict in verdicts)
    return [verdict.route.name for verdict in verdicts if verdict.allowed], {
        v.route.name: v.reason for v in verdicts
    }


@pytest.mark.parametrize(
    ("more", "fields", "names", "reason"),
    [
        ({}, {}, ["chat", "big", "middle", "other"], ""),
        ({"contracts": {"acme": {"routes": ["chat"]}}}, {}, ["chat"], "not in the tenant's contract"),
        ({"contracts": {"bob": {"routes": ["chat"]}}}, {}, ["chat", "big", "middle", "other"], ""),
        (ONLY_EU, {}, ["chat", "middle", "other"], "processes texts in us, outside the tenant's regions"),
        ({}, {"content": "personal"}, ["chat", "middle", "other"], "takes no personal content"),
        ({}, {"content": "public"}, ["chat", "big", "middle", "other"], ""),
        ({"contracts": {"*": {"price_max": 2_100}}}, {}, ["chat", "big", "middle", "other"], ""),
        ({"contracts": {"*": {"price_max": 2_099}}}, {}, ["chat", "middle", "other"], "costs up to 2100 millionths, above the tenant's 2099"),
        ({}, {"left_ms": 300}, ["chat"], "takes 900 ms to its first token, 300 are left"),
        ({}, {"left_ms": 400}, ["chat", "middle", "other"], "takes 900 ms"),
        ({}, {"left_ms": 299}, ["chat"], "299 ms are left: only distilled models are asked"),
        ({}, {"left_ms": -5}, ["chat"], "0 ms are left"),
        ({"hurried_ms": 0}, {"left_ms": 2_000}, ["chat", "big", "middle", "other"], ""),
    ],
)  # fmt: skip
def test_a_route_is_left_out_with_its_reason(more, fields, names, reason):
    found, reasons = allowed(more=more, **fields)
    assert found == names
    assert reason in reasons["big"]


def test_where_a_route_processes_texts_must_be_known_to_who_bounds_it():
    found, reasons = allowed(({**SMALL, "regions": []}, MIDDLE), ONLY_EU)
    assert found == ["middle"]
    assert reasons["chat"] == "where it processes texts is unknown"


def test_a_route_in_two_regions_is_within_a_contract_only_with_both():
    both = {**BIG, "regions": ["eu", "us"], "fallbacks": []}
    assert allowed((both,), ONLY_EU)[0] == []
    assert allowed((both,), {"contracts": {"acme": {"regions": ["us", "eu"]}}})[0] == ["big"]


@pytest.mark.parametrize("unknown", ["input_price", "output_price"])
def test_a_route_without_a_price_is_not_for_who_bounds_it(unknown):
    entry = {**SMALL, unknown: None}
    assert allowed((entry,))[0] == ["chat"]
    found, reasons = allowed((entry,), {"contracts": {"*": {"price_max": 10**9}}})
    assert found == []
    assert reasons["chat"] == "its price is unknown, and the tenant's is bounded"
