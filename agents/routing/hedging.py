"""Hedging: a second model is asked where the first one takes longer than it mostly does.

What is late by chance (a queue, a restart, a long prompt before this one) is seldom late twice. The
delay is what 95 of 100 of the route's latest calls stayed within, so few are asked twice; how many
at most is a budget beside it, since where all are slow a second call makes all slower.

Source: Dean and Barroso, "The Tail at Scale", CACM 56(2), 2013: a second request after the 95th
percentile cut the 99.9th from 1,800 to 74 ms, for 2 % more requests.
"""

from __future__ import annotations

from agents.routing.choosing import RouteChoice
from agents.routing.permission import Facts
from agents.routing.routes import Route, Routes
from schemas import Hedge


def hedge_of(routes: Routes, choice: RouteChoice, first: Route, facts: Facts) -> Hedge | None:
    """Return who may be asked beside a route, and after how long; None for nobody.

    It is the next one in the order that fares well, says as much as the first one may (`trust`),
    and whose price is within the contract beside the first one's. A trial is compared call by call,
    so nobody is asked beside its routes.
    """
    policy = routes.hedging
    if policy is None or choice.arm or first.key not in choice.well:
        return None
    state = facts.of(first)
    after_ms = policy.after_ms
    if state.calls - state.failures >= policy.calls_min:
        after_ms = max(after_ms, state.first_token_p95_ms)
    if facts.left_ms is not None and after_ms >= facts.left_ms:
        return None
    place = choice.order.index(first)
    for other in choice.order[place + 1 :]:
        if other.key in choice.well and other.trust == first.trust:
            return (
                _asked(other, after_ms, policy.share_max)
                if _paid(routes, first, other, facts)
                else None
            )
    return None


def _paid(routes: Routes, first: Route, other: Route, facts: Facts) -> bool:
    """Tell whether both together stay within the contract."""
    most = routes.contract(facts.tenant).price_max
    if most is None:
        return True
    prices = [one.price_of(facts.prompt_tokens, facts.max_tokens) for one in (first, other)]
    return all(price is not None for price in prices) and sum(filter(None, prices)) <= most


def _asked(route: Route, after_ms: int, share_max: float) -> Hedge:
    return Hedge(
        route=route.key,
        provider=route.provider,
        model=route.model,
        system=route.system,
        input_price=route.input_price or 0,
        output_price=route.output_price or 0,
        after_ms=after_ms,
        share_max=share_max,
    )
