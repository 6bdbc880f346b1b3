"""Which kinds of personal data a reader sees, by scopes and policy together."""

import sys

import pytest

from edge.callers.access import Access
from edge.requests.policy_followed import PolicyFollowed
from streams.log.configuration import configuration
from tests.edge.callers.test_access import Keyring, a_document, access, an_entry
from tests.edge.callers.test_caller import a_caller

RULES = """
@id("support sees mail")
permit(principal in Group::"acme/support", action == Action::"restore", resource == Kind::"EMAIL");
@id("hr sees all")
permit(principal in Group::"acme/hr", action == Action::"restore", resource);
@id("nobody sees cards")
forbid(principal, action == Action::"restore", resource == Kind::"CARD");
"""
ENTRIES = [an_entry(f"<{kind}_1>", kind) for kind in ("EMAIL", "PERSON", "CARD")]


def followed(text):
    return PolicyFollowed({"policy": configuration("policy", {"cedar": text} if text else {})})


def under(text, *events):
    made = access(*events)
    return Access(made._requests, made._documents, Keyring(), lambda: True, followed(text))


@pytest.mark.parametrize(
    ("scopes", "groups", "tenant", "seen"),
    [
        (("restore",), ("support",), "acme", {"<EMAIL_1>"}),
        (("restore",), ("hr",), "acme", {"<EMAIL_1>", "<PERSON_1>"}),
        (("restore",), (), "acme", set()),
        (("restore",), ("hr",), "globex", set()),
        (("restore:PERSON",), ("hr",), "acme", {"<PERSON_1>"}),
        ((), ("hr",), "acme", set()),  # a policy gives nothing that the key lacks
    ],
)
def test_a_kind_is_seen_where_scopes_and_policy_both_let_it(scopes, groups, tenant, seen):
    caller = a_caller(*scopes, groups=groups, tenant=tenant)
    assert set(under(RULES).reveal(caller, ENTRIES)) == seen


@pytest.mark.parametrize("text", ["", 'permit(principal, action == Action::"read", resource);'])
def test_without_rules_on_restoring_scopes_alone_decide(text):
    assert len(under(text).reveal(a_caller("restore"), ENTRIES)) == 3


def test_a_title_as_given_is_a_kind_of_its_own():
    document = a_document(title=an_entry("t").value)
    for groups, seen in ((("support",), False), (("hr",), True)):
        caller = a_caller("restore", groups=groups)
        known = under(RULES, document)
        assert (known.title(caller, known.document(caller, "d-1")) is not None) is seen


@pytest.mark.parametrize("lacking", [False, True])
def test_where_nothing_can_be_decided_nothing_is_restored(monkeypatch, lacking):
    if lacking:
        monkeypatch.setitem(sys.modules, "cedarpy", None)
    text = RULES + "// anew" if lacking else "permit(principal action, resource);"
    assert under(text).reveal(a_caller("restore", groups=("hr",)), ENTRIES) == {}
