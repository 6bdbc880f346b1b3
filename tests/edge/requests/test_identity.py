"""Which request something is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.requests import limits
from edge.requests.identity import Identities, Identity, stamp
from edge.requests.validity import Refused
from streams.log.ids import document_id, request_id
from streams.watching.tracing import TRACEPARENT


def test_a_document_is_identified_by_its_address_or_by_its_id():
    identities = Identities(8)
    by_uri = identities.of_document("acme", "u", "f")
    assert by_uri == identities.of_known_document("acme", document_id("acme", "u"), "f")
    assert (by_uri.subject, by_uri.session) == ("", document_id("acme", "u"))
    assert by_uri.request == request_id("acme", "f")


@given(
    st.text("abAB19_-", min_size=1, max_size=63).filter(limits.TENANT.fullmatch),
    st.one_of(st.just(""), st.from_regex(limits.SESSION, fullmatch=True)),
    st.text(max_size=20),
)
def test_any_identity_is_the_same_each_time_for_one_fingerprint(tenant, session, fingerprint):
    identities = Identities(8)
    first, second = [identities.of_question(tenant, "s", session, fingerprint) for _ in range(2)]
    assert (first == second) == bool(fingerprint)
    assert 0 <= first.lane < 8
    assert first.session == (session or f"s-{first.request}")
    assert limits.SESSION.fullmatch(first.session)


@pytest.mark.parametrize("tenant", ["", "-a", "a b", "a" * 64])
def test_no_request_is_identified_for_what_is_no_tenant(tenant):
    identities = Identities(8)
    for identify in (
        lambda: identities.of_question(tenant, "s"),
        lambda: identities.of_document(tenant, "u"),
        lambda: identities.of_known_document(tenant, "d"),
    ):
        with pytest.raises(Refused):
            identify()


IDENTITY = Identity("request", "acme", "subject", "s-1", 3)


def test_the_stamp_of_an_edge_says_who_took_what_in_and_where_it_lies():
    meta = stamp("gateway", IDENTITY)
    assert (meta.id, meta.request, meta.session) == ("request", "request", "s-1")
    assert (meta.tenant, meta.lane, meta.step.name) == ("acme", 3, "gateway")
    assert stamp("inbox", IDENTITY, record="letter").id == "letter"
    assert meta.at <= stamp("gateway", IDENTITY).at


def test_a_stamp_goes_on_with_a_trace_or_begins_one():
    given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert stamp("gateway", IDENTITY, trace=given).trace == given
    begun = {stamp("gateway", IDENTITY).trace for _ in range(2)}
    assert len(begun) == 2
    assert all(TRACEPARENT.fullmatch(trace) and trace.endswith("-01") for trace in begun)
