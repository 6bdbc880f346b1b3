"""Documents past their time, by tenant and class, as the log tells of them."""

import pytest

from agents.policies.deciding import CannotDecide
from agents.policies.rule_book import rule_book
from edge.retention.kept_documents import DAY_US, REASON, expired, kept_documents
from schemas import DocumentSubmitted, DocumentWithdrawn, LegalHoldSet, Sealed
from streams.operations.erasures.held_people import HeldPeople
from tests.fakes import a_meta

NOW = 1_000 * DAY_US
POLICY = """
@id("all")
permit(principal, action == Action::"keep", resource);
@id("personal for a month")
forbid(principal, action == Action::"keep", resource)
when { resource.class == "personal" && context.age_days > 30 };
@id("acme drafts for a week")
forbid(principal == Tenant::"acme", action == Action::"keep", resource)
when { resource.hasTag("state") && resource.getTag("state") == "draft" && context.age_days > 7 };
"""
RULES = rule_book(POLICY).of("keep")


def submitted(document, age_days, tenant="acme", claim="", **metadata):
    at = int(NOW - age_days * DAY_US)
    request = f"{tenant}-{document}-{at}"
    content = Sealed(key="k", event=request, field="content", ciphertext=b"", claim=claim)
    return DocumentSubmitted(
        meta=a_meta(tenant=tenant, session=document, request=request, id=request, at=at),
        document=document,
        uri=f"{document}.md",
        media_type="text/plain",
        content=content,
        metadata=metadata,
    )


def withdrawn(document, age_days, tenant="acme", reason=""):
    meta = a_meta(
        tenant=tenant, session=document, request=f"w-{document}", at=int(NOW - age_days * DAY_US)
    )
    return DocumentWithdrawn(meta=meta, document=document, reason=reason)


def gone(*events):
    return {
        (one.document.tenant, one.document.document): (one.age_days, one.rules)
        for one in expired(kept_documents(events), RULES, "d" * 64, NOW)
    }


@pytest.mark.parametrize(
    ("age_days", "leaves"), [(0, False), (30, False), (30.99, False), (31, True), (900, True)]
)
def test_a_document_leaves_on_the_day_after_its_last(age_days, leaves):
    told = gone(submitted("d", age_days, **{"class": "personal"}))
    assert told == ({("acme", "d"): (int(age_days), ("personal for a month",))} if leaves else {})


def test_classes_and_tenants_have_times_of_their_own():
    told = gone(
        submitted("plain", 900),
        submitted("draft", 8, state="draft"),
        submitted("draft", 8, tenant="globex", state="draft"),
        submitted("done", 8, state="done"),
        submitted("both", 31, state="draft", **{"class": "personal"}),
    )
    assert told == {
        ("acme", "draft"): (8, ("acme drafts for a week",)),
        ("acme", "both"): (31, ("acme drafts for a week", "personal for a month")),
    }


def test_age_and_class_are_those_of_what_was_handed_in_last():
    old, new = (
        submitted("d", 90, **{"class": "personal"}),
        submitted("d", 3, **{"class": "personal"}),
    )
    assert gone(new, old) == {}
    assert gone(submitted("d", 3), old) == {}
    assert ("acme", "d") in gone(submitted("d", 90), submitted("d", 40, **{"class": "personal"}))


def test_what_was_withdrawn_is_not_withdrawn_again_unless_it_came_back():
    event = submitted("d", 90, **{"class": "personal"})
    assert gone(event, withdrawn("d", 50)) == {}
    assert gone(withdrawn("d", 99), event) == {("acme", "d"): (90, ("personal for a month",))}
    assert gone(withdrawn("d", 99)) == {}  # of what nobody knows


def test_the_reason_tells_age_class_rule_and_policy():
    [one] = expired(
        kept_documents([submitted("d", 31, **{"class": "personal"})]), RULES, "d" * 64, NOW
    )
    assert one.reason == (
        "retention: 31 days old, class personal: not kept, by 'personal for a month' of the policy "
        "in force (dddddddddddd)"
    )
    assert one.reason.startswith(REASON)


def test_the_claims_of_what_was_withdrawn_are_told_and_not_of_what_came_after():
    [one] = kept_documents(
        [
            submitted("d", 90, claim="a" * 64),
            submitted("d", 80, claim="b" * 64),
            withdrawn("d", 50, reason=f"{REASON}x"),
            submitted("d", 3, claim="c" * 64),
        ]
    )
    assert one.claims == ("a" * 64, "b" * 64)
    assert one.reason == f"{REASON}x"
    assert one.stands


def test_a_document_from_the_future_is_of_today():
    assert gone(submitted("d", -5, **{"class": "personal"})) == {}


def test_a_rule_that_breaks_withdraws_nothing_of_anybody():
    breaking = POLICY + (
        'forbid(principal, action == Action::"keep", resource)\n'
        "when { context.age_days * 9223372036854775807 > 5 };\n"
    )
    rules = rule_book(breaking).of("keep")
    documents = kept_documents([submitted("a", 900, **{"class": "personal"}), submitted("b", 3)])
    with pytest.raises(CannotDecide, match="so nothing is withdrawn"):
        list(expired(documents, rules, "d" * 64, NOW))


@pytest.mark.parametrize(
    ("metadata", "named", "held"),
    [
        (({"data_subject": "jane"},), (), True),
        (({"data_subject": "jane"}, {"data_subject": "bob"}), (), True),  # whichever version
        (({"data_subject": "bob"}, {}), (), False),
        (({},), ("d",), True),
        (({},), ("other",), False),
    ],
)
def test_what_is_of_somebody_who_is_held_is_held(metadata, named, held):
    hold = LegalHoldSet(meta=a_meta(), subject="digest of jane", held=True, documents=named)
    people = HeldPeople({hold.subject: hold}, lambda name: (f"digest of {name}",))
    [one] = kept_documents(submitted("d", age, **of) for age, of in enumerate(metadata))
    assert one.is_held(people) == held
    assert not one.is_held(HeldPeople())
