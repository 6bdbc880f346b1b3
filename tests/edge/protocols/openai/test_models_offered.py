"""Which models a tenant is offered."""

from __future__ import annotations

import pytest

from agents.routing import routes_of
from edge.protocols.openai.models_offered import models_offered
from edge.requests.configured_limits import ConfiguredLimits

ROUTES = routes_of(
    {
        "routes": [
            {"name": "house", "model": "m"},
            {"name": "cloud", "model": "n"},
            {"name": "playhead", "model": "o"},
        ],
        "contracts": {"acme": {"routes": ["cloud"]}, "globex": {"routes": []}},
    }
)


@pytest.mark.parametrize(
    ("routes", "tenant", "names"),
    [
        (ROUTES, "acme", ("playhead", "cloud")),
        (ROUTES, "globex", ("playhead",)),
        (ROUTES, "other", ("playhead", "house", "cloud")),
        (None, "acme", ("playhead",)),
    ],
)
def test_a_tenant_is_offered_the_platform_and_what_its_contract_allows(routes, tenant, names):
    assert models_offered(routes, tenant) == names


def test_what_is_shipped_offers_its_routes():
    assert models_offered(ConfiguredLimits().routes, "acme") == ("playhead", "chat")
