"""Whose unknown id is asked for next: tenants take turns, and who has none under way goes first.

Half of what may be asked for at once is kept for tenants of whom nothing is: however many calls of
others hang, a further tenant gets a place at once or, where as many tenants hang as there are
places, when the next call ends.

Pure bookkeeping, so that it can be tested without threads or a registry.
"""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict
from collections.abc import Callable

AskedId = tuple[int, str]
"""A schema id and the record that it is to stand for."""

ASKED_MAX = 64
"""Ids asked for at once, each by a thread."""
ASKED_SHARED_MAX = ASKED_MAX // 2
"""Of them, how many a tenant may add to that has some already."""
ASKED_OF_TENANT_MAX = 16
"""Of them for one tenant."""


class AskingTurns:
    """Which id is asked for next."""

    def __init__(self, is_open: Callable[[AskedId, float], bool]) -> None:
        """`is_open` tells whether an id is still to be asked for at that second."""
        self._is_open = is_open
        self._due: OrderedDict[str, list[tuple[float, AskedId]]] = OrderedDict()
        """Tenant, in the order of turns -> a heap of what waits for its turn, and from when on."""
        self._calls: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self._due)

    def put(self, tenant: str, asked: AskedId, due_s: float) -> None:
        """Have an id asked for in a tenant's turn, from a second on; it may be in others' too."""
        heapq.heappush(self._due.setdefault(tenant, []), (due_s, asked))

    def take(self, now_s: float) -> tuple[str, AskedId] | None:
        """Return whose turn it is, and the id; None where nothing may be asked for now."""
        self._forget()
        for tenant, heap in self._due.items():
            if heap[0][0] <= now_s and self._may_ask(tenant):
                asked = heapq.heappop(heap)[1]
                self._due.move_to_end(tenant)
                if not heap:
                    del self._due[tenant]
                self._calls[tenant] += 1
                return tenant, asked
        return None

    def done(self, tenant: str) -> None:
        """Note that a call ended that a turn of a tenant began."""
        self._calls[tenant] -= 1
        if not self._calls[tenant]:
            del self._calls[tenant]

    def next_s(self) -> float | None:
        """Return from when on something may be asked for; None: not before a call has ended."""
        return min(
            (h[0][0] for tenant, h in self._due.items() if self._may_ask(tenant)), default=None
        )

    def _may_ask(self, tenant: str) -> bool:
        calls = self._calls[tenant]
        beside = calls < ASKED_OF_TENANT_MAX and self._calls.total() < ASKED_SHARED_MAX
        return not calls or beside

    def _forget(self) -> None:
        """Drop what was asked for in another's turn meanwhile."""
        for tenant, heap in list(self._due.items()):
            while heap and not self._is_open(heap[0][1], heap[0][0]):
                heapq.heappop(heap)
            if not heap:
                del self._due[tenant]
