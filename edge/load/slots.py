"""Slots: how many of something one process, one tenant and one key may hold at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edge.load.measures import refused
from edge.load.shares import Held, Shares
from edge.problems import Quota, overloaded, too_many


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
                quota = self._quota("key", self._held.shares.of_key)
                what = f"this key has {count} {self._what}: wait for one to end"
                problem = too_many(what, quota=quota)
                raise refused(problem, "held")
            case "tenant":
                count = self._held.by_tenant(tenant)
                quota = self._quota("tenant", self._held.shares.of_tenant)
                what = f"this tenant has {count} {self._what}: wait for one to end"
                problem = too_many(what, quota=quota)
                raise refused(problem, "held")
            case "all":
                problem = overloaded(f"the gateway has too many {self._what}: try again shortly")
                raise refused(problem, "held")
        self._held.add(tenant, key)
        try:
            yield
        finally:
            self._held.add(tenant, key, -1)

    def _quota(self, whose: str, most: int) -> Quota:
        return Quota(f"{whose}-{self._what.replace(' ', '-')}", most)
