"""How much who may use: of all, of one, and what an operator may say."""

from __future__ import annotations

import json

import pytest

from agents.configured.usability import Unusable, hold_usable
from edge.load.limits_in_force import NO_LIMITS, LimitsInForce, UseLimits
from streams.log.configuration import LIMITS, configuration, load


def limits(**values):
    return LimitsInForce({LIMITS: configuration(LIMITS, values)})


def test_what_is_shipped_and_what_is_not_there_limit_nothing():
    for in_force in (LimitsInForce(load()), LimitsInForce({}), limits(tenants={}, keys={})):
        assert in_force.of_tenant("acme") == in_force.of_key("key-1") == NO_LIMITS


def test_what_is_said_of_one_stands_over_what_is_said_of_all_field_by_field():
    every = {"questions_per_minute": 60, "documents": 100, "tokens_per_minute": 9}
    in_force = limits(
        tenants={"*": every, "acme": {"questions_per_minute": 600, "documents": 0}},
        keys={"key-1": {"questions_at_once": 2}},
    )
    assert in_force.of_tenant("globex") == UseLimits(60, 9, 0, 0, 100, 0)
    assert in_force.of_tenant("acme") == UseLimits(600, 9, 0, 0, 0, 0)
    assert in_force.of_key("key-1") == UseLimits(questions_at_once=2)
    assert in_force.of_key("key-2") == in_force.of_key("*") == NO_LIMITS


def test_a_tenant_of_a_key_s_name_is_no_key():
    in_force = limits(tenants={"key-1": {"documents": 1}})
    assert in_force.of_key("key-1") == NO_LIMITS


def test_they_are_read_once_and_again_when_others_come_into_force():
    chosen = {LIMITS: configuration(LIMITS, {"tenants": {"*": {"documents": 1}}})}
    in_force = LimitsInForce(chosen)
    assert in_force.of_tenant("acme").documents == 1
    first = in_force._now()
    assert in_force._now() is first
    chosen[LIMITS] = configuration(LIMITS, {"tenants": {"*": {"documents": 2}}})
    assert in_force.of_tenant("acme").documents == 2


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"tenant": {}}, ("`tenant`", "did you mean `tenants`")),
        ({"tenants": []}, ("`tenants`", "object")),
        ({"tenants": {"acme": 5}}, ("`tenants.acme`", "object")),
        ({"tenants": {"acme": {"documents": -1}}}, ("`tenants.acme.documents`", ">= 0", "-1")),
        ({"keys": {"k": {"tokens_per_minute": 1.5}}}, ("`keys.k.tokens_per_minute`", "int", "1.5")),
        ({"keys": {"k": {"questions_at_once": True}}}, ("`keys.k.questions_at_once`", "int")),
        ({"keys": {"k": {"documents": "9"}}}, ("`keys.k.documents`", "int", "'9'")),
        ({"keys": {"k": {"document_bytes": 2**60}}}, ("`keys.k.document_bytes`", "<=")),
        ({"keys": {"k": {"requests": 1}}}, ("`keys.k.requests`", "unknown")),
        ({"keys": {"k" * 65: {}}}, ("length <= 64", "mend")),
        ({"keys": {"": {}}}, ("length >= 1", "mend")),
    ],
)
def test_what_can_not_be_a_limit_is_refused_with_its_place_and_what_to_do(values, says):
    values = json.loads(json.dumps(values))
    with pytest.raises(Unusable) as refused:
        hold_usable(LIMITS, values)
    for words in says:
        assert words in str(refused.value)


def test_what_is_left_out_or_null_or_nought_can_be_said():
    hold_usable(LIMITS, {"tenants": {"*": {"documents": None, "document_bytes": 0}, "acme": {}}})
