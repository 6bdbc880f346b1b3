"""Canary: give a new route a share of another one's requests, and take it back where it is worse.

Nobody has to take it back: how both have fared is read before each choice, and a canary that is
worse is not chosen. Then no call is added to its count, so that it stays as it is. A route whose
entry is changed has another revision, and is counted anew.
"""

from __future__ import annotations

import hashlib

from agents.routing.routes import Canary, Route
from schemas import RouteState

DRAWS = 2**64


def drawn(route: Route, canary: Canary, request: str) -> bool:
    """Tell whether a request belongs to the canary's share; a request always does, or never."""
    digest = hashlib.sha256(f"{route.name}\0{request}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < canary.share * DRAWS


def worse(canary: Canary, own: RouteState, control: RouteState) -> str:
    """Say in what a canary is worse than its control; empty where nothing shows it."""
    return (
        _fails(canary, own, control) or _lags(canary, own, control) or _errs(canary, own, control)
    )


def _fails(canary: Canary, own: RouteState, control: RouteState) -> str:
    if own.calls < canary.calls_min:
        return ""
    most = _share(control.failures, control.calls) + canary.failures_more
    if _share(own.failures, own.calls) <= most:
        return ""
    return f"{own.failures} of {own.calls} calls failed, {control.failures} of {control.calls}"


def _lags(canary: Canary, own: RouteState, control: RouteState) -> str:
    counted = own.calls - own.failures >= canary.calls_min and control.first_token_ms > 0
    if not counted or own.first_token_ms <= canary.slower * control.first_token_ms:
        return ""
    return f"first token after {own.first_token_ms} ms, {control.first_token_ms} ms"


def _errs(canary: Canary, own: RouteState, control: RouteState) -> str:
    if own.rated < canary.calls_min:
        return ""
    most = _share(control.ungrounded, control.rated) + canary.ungrounded_more
    if _share(own.ungrounded, own.rated) <= most:
        return ""
    return f"{own.ungrounded} of {own.rated} ungrounded, {control.ungrounded} of {control.rated}"


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole > 0 else 0.0
