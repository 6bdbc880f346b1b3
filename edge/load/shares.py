"""Shares: a bounded thing that the keys of many tenants hold, none of whom uses it up.

A pot alone is the first one's who takes it all. So one key may hold so much, the keys of one tenant
together so much; and beside them stands a minimum that is always there for who holds less, even
while others hold all of the pot, or the other keys of a tenant all of its share. What is held in
all is bounded by the pot and one minimum for each key that is in use, and keys an operator makes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

Above = Literal["", "key", "tenant", "all"]
"""Whose share is used up; empty where there is room."""


@dataclass(frozen=True)
class Shares:
    """How much may be held; each at least as much as the one after it."""

    of_all: int
    of_tenant: int
    of_key: int
    least: int
    """Always there for a key that holds less."""


class Held:
    """Counts what is held, by tenant and key; lives on the event loop alone."""

    def __init__(self, shares: Shares) -> None:
        self.total = 0
        """What is held in all."""
        self.shares = shares
        self._held: Counter[tuple[str, ...]] = Counter()
        """By tenant, and by tenant and key."""

    def by_key(self, tenant: str, key: str) -> int:
        """Return what one key holds."""
        return self._held[tenant, key]

    def by_tenant(self, tenant: str) -> int:
        """Return what the keys of a tenant hold."""
        return self._held[tenant,]

    def above(self, tenant: str, key: str, more: int = 1) -> Above:
        """Say whose share does not hold so much more."""
        shares, mine = self.shares, self.by_key(tenant, key) + more
        if mine > shares.of_key:
            return "key"
        if mine <= shares.least:
            return ""
        if self.by_tenant(tenant) + more > shares.of_tenant:
            return "tenant"
        return "all" if self.total + more > shares.of_all else ""

    def add(self, tenant: str, key: str, more: int = 1) -> None:
        """Count more, or less where it is negative."""
        self.total += more
        for whose in ((tenant,), (tenant, key)):
            self._held[whose] += more
            if not self._held[whose]:
                del self._held[whose]
