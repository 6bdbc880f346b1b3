"""Slots: how many of something one process, one tenant and one key may hold at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edge.load.measures import refused
from edge.load.shares import Held, Shares
from edge.problems import overloaded, too_many


class Slots:
    """Counts what is held, by tenant and key; lives on the event loop alone."""

    def __init__(self, what: str, shares: Shares) -> None:
        self._what = what
        self._held = Held(shares)

    def __len__(self) -> int:
        return self._held.total

    @contextmanager
    def hold(self, tenant: str, key: str) -> Iterator[None]:
        """Hold one for as long as the block lasts; raises Problem when there are too many."""
        match self._held.above(tenant, key):
            case "key":
                count = self._held.by_key(tenant, key)
                problem = too_many(f"this key has {count} {self._what}: wait for one to end")
                raise refused(problem, "held")
            case "tenant":
                count = self._held.by_tenant(tenant)
                problem = too_many(f"this tenant has {count} {self._what}: wait for one to end")
                raise refused(problem, "held")
            case "all":
                problem = overloaded(f"the gateway has too many {self._what}: try again shortly")
                raise refused(problem, "held")
        self._held.add(tenant, key)
        try:
            yield
        finally:
            self._held.add(tenant, key, -1)
