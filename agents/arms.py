"""Arms: variants of a step's configuration, each for a share of the requests.

Which one a request gets follows from a hash of its id and of the experiment's name, so a retry and
a replay get the same, and one experiment's arm says nothing of the next one's. Generate draws its
own (`agents.answering.generation_policy`), since its answers tell of it; here is what others share.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

SHARES = 10_000  # parts of all requests that an arm's share is counted in
COMPARED = ("rewrite", "retrieve")
"""Steps, beside generate, of which arms may be compared."""
OF_ARMS = ("arms", "experiment")
DRAWN = "arm"
"""Under which a request's own values tell which arm they are; empty for none."""


def place_of(experiment: str, request: str) -> int:
    """Return where a request stands among SHARES: by that and their shares arms are given."""
    of = f"{experiment}\0{request}" if experiment else request
    return int.from_bytes(hashlib.sha256(of.encode()).digest()[:8]) % SHARES


def drawn(
    arms: Sequence[Mapping[str, Any]], experiment: str, request: str
) -> Mapping[str, Any] | None:
    """Return the arm that a request gets; None for none of them.

    Raises KeyError or TypeError for one that has no share.
    """
    place = place_of(experiment, request)
    for arm in arms:
        place -= round(arm["share"] * SHARES)
        if place < 0:
            return arm
    return None


def changes_of(arm: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values in which an arm differs."""
    return {key: value for key, value in arm.items() if key not in {"name", "share"}}


def laid_over(values: dict[str, Any], request: str) -> dict[str, Any]:
    """Return the values that a request gets: those of its arm where there are arms.

    Raises KeyError, TypeError or ValueError for an arm that has no name or share.
    """
    if not values.get("arms"):
        return values
    arm = drawn(values["arms"], values.get("experiment", ""), request)
    if arm is None:
        return {**values, DRAWN: ""}
    return {**values, **changes_of(arm), DRAWN: arm["name"]}


def told(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what a record tells of the arm, as its fields; nothing outside of an experiment."""
    return {DRAWN: values.get(DRAWN, ""), "experiment": values.get("experiment", "")}
