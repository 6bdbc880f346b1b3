"""Policy: which routes a request may take at all, decided before anybody is asked anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agents.routing.routes import ContentClass, Contract, Route, Routes
from schemas import RouteState


@dataclass(frozen=True)
class Facts:
    """What is known of a request."""

    tenant: str
    request: str
    content: ContentClass
    left_ms: int | None
    """Time until its deadline; None for none."""
    prompt_tokens: int
    max_tokens: int
    states: Mapping[str, RouteState] = field(default_factory=dict)
    """How routes have fared, by their keys; empty where nobody was asked."""

    def of(self, route: Route) -> RouteState:
        """Return how a route has fared; nothing speaks against one that is unknown."""
        return self.states.get(route.key) or RouteState()


@dataclass(frozen=True)
class RouteVerdict:
    """What becomes of a route, and why."""

    route: Route
    allowed: bool
    reason: str


def judged(routes: Routes, facts: Facts) -> tuple[RouteVerdict, ...]:
    """Judge every route, in the order of the configuration."""
    contract = routes.contract(facts.tenant)
    hurried = facts.left_ms is not None and facts.left_ms < routes.hurried_ms
    verdicts = []
    for route in routes.routes:
        against = _against(route, contract, facts) or _too_slow(route, facts, hurried=hurried)
        verdicts.append(RouteVerdict(route, not against, against or "allowed"))
    return tuple(verdicts)


def _against(route: Route, contract: Contract, facts: Facts) -> str:
    """Say what of contract, residency, content or price speaks against a route."""
    if contract.routes is not None and route.name not in contract.routes:
        return "not in the tenant's contract"
    if contract.regions is not None:
        outside = [region for region in route.regions if region not in contract.regions]
        if not route.regions:
            return "where it processes texts is unknown"
        if outside:
            return f"processes texts in {outside[0]}, outside the tenant's regions"
    if facts.content not in route.classes:
        return f"takes no {facts.content} content"
    if contract.price_max is not None:
        price = route.price_of(facts.prompt_tokens, facts.max_tokens)
        if price is None:
            return "its price is unknown, and the tenant's is bounded"
        if price > contract.price_max:
            return f"costs up to {price} millionths, above the tenant's {contract.price_max}"
    return ""


def _too_slow(route: Route, facts: Facts, *, hurried: bool) -> str:
    if facts.left_ms is None:
        return ""
    if hurried and not route.distilled:
        return f"{max(0, facts.left_ms)} ms are left: only distilled models are asked"
    if not route.distilled and route.first_token_ms > facts.left_ms:
        return f"takes {route.first_token_ms} ms to its first token, {facts.left_ms} are left"
    return ""
