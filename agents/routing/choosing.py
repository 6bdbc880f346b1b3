"""Choosing: the order in which the allowed routes are asked.

The best route comes first, then those that it names as its fallbacks, then the others, small and
quantised models last. What fares badly moves behind all that fare well and is not left out: a
model whose circuit is open fails at once, and is better than none where all others fail.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agents.routing.permission import Facts, RouteVerdict
from agents.routing.routes import Route
from agents.routing.trials import drawn, worse


@dataclass(frozen=True)
class RouteChoice:
    """What was decided."""

    order: tuple[Route, ...]
    """Routes to ask, until one answers."""
    arm: str
    """canary or control; empty without a trial."""
    verdicts: tuple[RouteVerdict, ...]
    """Of all routes: those to ask first, in their order."""
    well: frozenset[str] = frozenset()
    """Keys of those that nothing speaks against."""


def chosen(verdicts: Sequence[RouteVerdict], facts: Facts) -> RouteChoice:
    """Put the allowed routes into their order, and say why each stands where it does."""
    allowed = [verdict.route for verdict in verdicts if verdict.allowed]
    ill = {route.key: why for route in allowed if (why := _ails(route, facts))}
    order = _ordered([route for route in allowed if route.canary is None], ill)
    arm = ""
    on_trial: dict[str, str] = {}
    if order:
        arm, tried, on_trial = _trial(allowed, order[0], facts, ill)
        order = [*tried, *order]
    reasons = {route.key: _reason(place, route, ill) for place, route in enumerate(order)}
    told = [
        RouteVerdict(route, True, on_trial.get(route.key, reasons[route.key])) for route in order
    ]
    asked = {route.key for route in order}
    for verdict in verdicts:
        if verdict.route.key not in asked:
            reason = on_trial.get(verdict.route.key, "on trial for a route that is not first")
            told.append(
                RouteVerdict(verdict.route, False, reason if verdict.allowed else verdict.reason)
            )
    well = frozenset(route.key for route in order if route.key not in ill)
    return RouteChoice(tuple(order), arm, tuple(told), well)


def _ails(route: Route, facts: Facts) -> str:
    """Say what speaks against a route's health; empty where nothing does."""
    state = facts.of(route)
    if state.circuit == "open":
        return f"its circuit is open for {state.wait_ms} ms"
    if route.running_max and state.running >= route.running_max:
        return f"{state.running} calls are under way"
    if facts.left_ms is not None and state.first_token_ms > facts.left_ms:
        return f"its first token took {state.first_token_ms} ms of late, {facts.left_ms} are left"
    return ""


def _ordered(routes: Sequence[Route], ill: dict[str, str]) -> list[Route]:
    well = sorted((route for route in routes if route.key not in ill), key=_rank)
    sick = sorted((route for route in routes if route.key in ill), key=_rank)
    if not well:
        return sick
    first = next((route for route in well if not route.distilled), well[0])
    by_name = {route.name: route for route in well}
    named = [by_name[name] for name in first.fallbacks if name in by_name]
    order = [first, *named, *(r for r in well if not r.distilled), *well, *sick]
    return list({route.key: route for route in order}.values())


def _rank(route: Route) -> tuple[int, float, int, str]:
    prices = route.input_price, route.output_price
    price = sum(one for one in prices if one is not None) if None not in prices else math.inf
    return route.quality, price, route.first_token_ms, route.name


def _trial(
    allowed: Sequence[Route], first: Route, facts: Facts, ill: dict[str, str]
) -> tuple[str, list[Route], dict[str, str]]:
    """Return the arm, the canary to ask first if there is one, and why it is or is not asked."""
    on_trial: dict[str, str] = {}
    tried: list[Route] = []
    arm = ""
    for route in allowed:
        canary = route.canary
        if canary is None or canary.of != first.name:
            continue
        arm = arm or "control"
        if route.key in ill:
            on_trial[route.key] = f"canary: {ill[route.key]}"
        elif against := worse(canary, facts.of(route), facts.of(first)):
            on_trial[route.key] = f"canary, rolled back: {against} of {first.name}"
        elif not tried and drawn(route, canary, facts.request):
            arm, tried = "canary", [route]
            on_trial[route.key] = f"canary: in its share of {canary.share}"
        else:
            on_trial[route.key] = f"canary: not in its share of {canary.share}"
    return arm, tried, on_trial


def _reason(place: int, route: Route, ill: dict[str, str]) -> str:
    if route.key in ill:
        return f"behind those that fare well: {ill[route.key]}"
    what = "distilled" if route.distilled else f"quality {route.quality}"
    return f"first: {what}" if place == 0 else f"fallback {place}: {what}"
