"""What is under way, by lane and tenant: how much of whose, and since when.

The log tells it, so every gateway counts the same, whoever took a request in.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple


class UnderWay(NamedTuple):
    """What one tenant has under way in a lane."""

    pending: int = 0
    tenants: int = 0
    """How many tenants have anything under way there, this one among them."""
    since: float = 0.0
    """When the oldest began, by the clock of who noted it; 0 where there is none."""


class WorkByTenant:
    """Notes what begins and ends; lives on the event loop alone."""

    def __init__(self) -> None:
        self._lanes: defaultdict[int, dict[str, dict[str, float]]] = defaultdict(dict)
        """Lane -> tenant -> name -> when it began, in the order in which they began."""

    def begin(self, lane: int, tenant: str, name: str, at: float) -> None:
        """Note that something is under way; what is already keeps its time."""
        self._lanes[lane].setdefault(tenant, {}).setdefault(name, at)

    def end(self, lane: int, tenant: str, name: str) -> None:
        """Note that something is under way no longer, if it was."""
        mine = self._lanes[lane].get(tenant, {})
        mine.pop(name, None)
        if not mine:
            self._lanes[lane].pop(tenant, None)

    def of(self, lane: int, tenant: str) -> UnderWay:
        """Tell what a tenant has under way in a lane."""
        tenants = self._lanes.get(lane, {})
        mine = tenants.get(tenant, {})
        others = len(tenants) - (tenant in tenants)
        return UnderWay(len(mine), others + 1, next(iter(mine.values()), 0.0))
