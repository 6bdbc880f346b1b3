"""Aside: where records wait for their schema while others are read on.

What is known is read at once. A record under an id that was never met before waits here, and so
does what comes after it in the same order (a request, a conversation), so that nobody sees one
before the other. How much may wait is bounded, and what one tenant may have waiting more so.

Lives on one thread, that of its reader; the registry is asked on others (see `schema_asker`).
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from schemas import Record
from streams.log.schema_asker import SchemaAsker

WaitingT = TypeVar("WaitingT")


@dataclass(frozen=True)
class AsideBounds:
    """How much may wait at once."""

    records: int = 4_096
    size_bytes: int = 67_108_864
    tenants: int = 8
    """Each tenant may have a share of one in so many of either."""


@dataclass(frozen=True)
class _Held(Generic[WaitingT]):
    what: WaitingT
    schema_id: int
    record: type[Record]
    tenant: str
    size: int
    since_s: float


class Aside(Generic[WaitingT]):
    """Records that wait, each in its order."""

    def __init__(
        self,
        asker: SchemaAsker,
        bounds: AsideBounds | None = None,
        *,
        waits_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`waits_s`: how long a record waits for a registry that is silent; None: its grace."""
        self._asker = asker
        self._bounds = bounds or AsideBounds()
        self._waits_s = asker.grace_s if waits_s is None else waits_s
        self._clock = clock
        self._orders: dict[Hashable, deque[_Held[WaitingT]]] = {}
        self._records: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._records.total()

    def lets_pass(self, order: Hashable, schema_id: int, record: type[Record]) -> bool:
        """Tell whether a record may be read at once."""
        return order not in self._orders and self._asker.codec.known(schema_id, record)

    def hold(
        self,
        what: WaitingT,
        *,
        order: Hashable,
        schema_id: int,
        record: type[Record],
        tenant: str,
        size: int,
    ) -> bool:
        """Let a record wait; False where there is no room for it, which says nothing of its id."""
        self._asker.ask(schema_id, record, tenant)
        if not self._has_room(tenant, size):
            return False
        held = _Held(what, schema_id, record, tenant, size, self._clock())
        self._orders.setdefault(order, deque()).append(held)
        self._records[tenant] += 1
        self._bytes[tenant] += size
        return True

    def turn(self) -> Iterator[tuple[WaitingT, bool]]:
        """Give what may go on, in its order: True where its schema is known (or is refused).

        False where the registry did not answer for so long that it waits no longer.
        """
        if not self._orders:
            return
        now_s = self._clock()
        for order, waiting in list(self._orders.items()):
            while waiting:
                known = self._asker.codec.known(waiting[0].schema_id, waiting[0].record)
                if not known and not self._is_late(waiting[0], now_s):
                    break
                yield self._let_go(waiting.popleft()), known
            if not waiting:
                del self._orders[order]

    def _is_late(self, held: _Held[WaitingT], now_s: float) -> bool:
        """Tell whether nothing was said of its id for too long; see to it that it is asked for."""
        is_asked = self._asker.ask(held.schema_id, held.record, held.tenant)
        silent = not is_asked or self._asker.is_silent(held.schema_id, held.record)
        return silent and now_s - held.since_s >= self._waits_s

    def _has_room(self, tenant: str, size: int) -> bool:
        most, held_bytes = self._bounds, self._bytes.total()
        return (
            len(self) < most.records
            and held_bytes + size <= most.size_bytes
            and self._records[tenant] < most.records // most.tenants
            and self._bytes[tenant] + size <= most.size_bytes // most.tenants
        )

    def _let_go(self, held: _Held[WaitingT]) -> WaitingT:
        self._records[held.tenant] -= 1
        self._bytes[held.tenant] -= held.size
        if not self._records[held.tenant]:
            del self._records[held.tenant], self._bytes[held.tenant]
        return held.what
