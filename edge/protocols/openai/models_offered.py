"""The models that are offered: the routes that a tenant may be answered by, and the platform."""

from __future__ import annotations

from typing import Any

from agents.routing import Routes
from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway

PLATFORM = "playhead"
"""Whichever route the configuration chooses."""


def models_offered(routes: Routes | None, tenant: str) -> tuple[str, ...]:
    """Name the models that a tenant may ask: the platform, then the routes of its contract."""
    if routes is None:
        return (PLATFORM,)
    allowed = routes.contract(tenant).routes
    names = [route.name for route in routes.routes if allowed is None or route.name in allowed]
    return tuple(dict.fromkeys((PLATFORM, *names)))


def offered_to(gateway: Gateway, caller: Caller) -> tuple[str, ...]:
    """Name the models that a caller may ask."""
    return models_offered(gateway.configured.routes, caller.tenant)


def model(name: str) -> dict[str, Any]:
    """Describe a model; nobody notes when one was made, so that is 0."""
    return {"id": name, "object": "model", "created": 0, "owned_by": PLATFORM}
