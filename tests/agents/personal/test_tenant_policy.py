"""What of a configuration counts for a tenant."""

import pytest

from agents.errors import Permanent
from agents.personal.tenant_policy import (
    hold_expressible,
    is_consistent,
    policy_of,
    recalls,
    remembers,
)

VALUES = {
    "kinds": {"PERSON": 0.4, "AGE": 0.4},
    "consistent": "document",
    "deny": {"PROJECT": {"texts": ["Heron"]}},
    "tenants": {
        "acme": {"kinds": {"AGE": None, "ORGANIZATION": 0.6}, "consistent": "tenant"},
        "tern": {"deny": {"SHIP": {"texts": ["Ferry"]}}},
    },
}


def test_a_tenant_without_a_policy_has_that_of_all():
    assert policy_of(VALUES, "other") is VALUES
    assert policy_of({"kinds": {}}, "acme") == {"kinds": {}}


def test_kinds_are_laid_over_those_of_all_and_null_takes_one_away():
    policy = policy_of(VALUES, "acme")
    assert policy["kinds"] == {"PERSON": 0.4, "ORGANIZATION": 0.6}
    assert is_consistent(policy)
    assert policy["deny"] == VALUES["deny"]


def test_everything_else_takes_the_place_of_what_all_have():
    policy = policy_of(VALUES, "tern")
    assert policy["deny"] == {"SHIP": {"texts": ["Ferry"]}}
    assert policy["kinds"] == VALUES["kinds"]
    assert not is_consistent(policy)


@pytest.mark.parametrize(
    ("wanted", "in_questions", "in_documents", "remembered"),
    [
        ("off", False, False, False),
        ("questions", True, False, True),
        ("everywhere", True, True, True),
        (None, False, False, False),
    ],
)
def test_where_values_of_documents_are_recognised(wanted, in_questions, in_documents, remembered):
    policy = {} if wanted is None else {"known_values": wanted}
    assert recalls(policy, typed=True) is in_questions
    assert recalls(policy, typed=False) is in_documents
    assert remembers(policy) is remembered


@pytest.mark.parametrize(
    "extra",
    [{"deny": {"IPV4": {}}}, {"fields": {"a": "Person"}}, {"kinds": {"A_": 0.4}}],
)
def test_a_kind_that_no_placeholder_can_name_is_told_wherever_it_stands(extra):
    with pytest.raises(Permanent, match="no placeholder can name"):
        hold_expressible({"kinds": {"PERSON": 0.4}, **extra})


def test_what_fields_say_beside_kinds_is_no_kind():
    hold_expressible({"kinds": {}, "fields": {"sku": "keep", "notes": "scan", "name": "PERSON"}})
