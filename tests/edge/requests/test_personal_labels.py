"""Metadata and filters: what a tenant's policy takes for personal is on no record in plain."""

from types import SimpleNamespace

import pytest

from agents.placeholders import canonical, derived
from connectors.keyring import Keyring
from edge.requests.building import RequestBuilder
from edge.requests.configured_limits import ConfiguredLimits
from edge.requests.validity import Refused
from schemas import Ask
from streams.log.configuration import load
from streams.settings import Settings

FIELDS = {"Customer Name": "PERSON", "notes": "scan", "sku": "keep"}


@pytest.fixture
def builder(tmp_path):
    settings = Settings(run=tmp_path)
    configurations = load()
    values = {**configurations["redact"].values, "tenants": {"acme": {"fields": FIELDS}}}
    configurations["redact"] = SimpleNamespace(digest="d", values=values)
    keyring = Keyring(settings)
    return RequestBuilder(
        settings, keyring, edge="gateway", configured=ConfiguredLimits(configurations)
    )


def submitted(builder, metadata, tenant="acme"):
    return builder.document(tenant, uri="u", content=b"x", metadata=metadata).metadata


def asked(builder, filters, tenant="acme"):
    return builder.question(tenant, user="ada", text="x", ask=Ask(filters=filters)).ask.filters


def test_a_personal_field_is_the_same_placeholder_in_metadata_and_filters(builder, tmp_path):
    metadata = submitted(builder, {"customer name": "Anna Schmidt", "sku": "A-1", "shelf": "x"})
    filters = asked(builder, {"customer name": "ANNA  schmidt"})
    digest = Keyring(Settings(run=tmp_path)).digest("acme", canonical("Anna Schmidt").encode())
    assert metadata == {"customer name": derived("PERSON", digest), "sku": "A-1", "shelf": "x"}
    assert filters == {"customer name": metadata["customer name"]}
    assert asked(builder, {"customer name": "An\u200bna Schmidt\ufeff"}) == filters
    assert asked(builder, {"customer name": "Anna Smith"}) != filters


def test_another_tenant_is_asked_nothing_and_gets_no_placeholder(builder):
    labels = {"customer name": "Anna Schmidt", "notes": "n"}
    assert submitted(builder, labels, "tern") == labels
    assert asked(builder, labels, "tern") == labels


@pytest.mark.parametrize("call", [submitted, asked])
def test_a_field_that_nobody_would_scan_is_refused_without_its_value(builder, call):
    with pytest.raises(Refused, match="'Notes' may hold personal data") as refused:
        call(builder, {"Notes": "Anna Schmidt is ill"})
    assert "Anna" not in str(refused.value)


@pytest.mark.parametrize("value", ["", " ", "é" * 512, "\ud800", "<PERSON_1>"])
def test_odd_values_are_taken_or_stay_empty(builder, value):
    wanted = submitted(builder, {"customer_names": value, "CUSTOMER_NAME": value})
    assert wanted["customer_names"] == value  # another name
    assert (wanted["CUSTOMER_NAME"] == value) is (not value.strip())
