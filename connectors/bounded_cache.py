"""A cache of answers in memory, bounded in bytes and in age, in which tenants never meet.

A key is a tenant's, and the tenant is part of it whatever else is. Where there is no room, the
entry that was not used for longest goes; but a tenant that holds more than its share pays with its
own, so that nobody's flood empties the cache of the others.

Why it is so: an answer is kept only for whoever made the key say everything that decides it. Age
bounds what no key can say: a model that was replaced behind the same name, a worker of before that
changes the index without telling.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from opentelemetry import metrics

ValueT = TypeVar("ValueT")
SHARE = 8
"""One part in so many is what a tenant may hold when room is short, and an entry at most."""
ENTRY_BYTES = 400
"""What an entry takes beside its value: two rows of dictionaries and a digest as the key. (399 by
tracemalloc, over 20,000 on CPython 3.11.)"""

_lookups = metrics.get_meter("playhead").create_counter(
    "playhead.cache.lookups", "{lookup}", "Answers looked for in a cache, and whether it had them"
)


class _KeptValue(NamedTuple, Generic[ValueT]):
    value: ValueT
    size: int
    until_s: float


class BoundedCache(Generic[ValueT]):
    """Keeps values for some time. Not for use by several threads at once."""

    def __init__(
        self,
        name: str,
        bytes_max: int,
        kept_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the name that metrics tell, and the bounds; 0 bytes or seconds keep nothing."""
        self._name = name
        self._bytes_max = bytes_max
        self._kept_s = kept_s
        self._clock = clock
        self._entries: dict[str, OrderedDict[Hashable, _KeptValue[ValueT]]] = {}
        self._used: OrderedDict[tuple[str, Hashable], None] = OrderedDict()
        """All keys, the one that was not used for longest first."""
        self._held: Counter[str] = Counter()
        """Bytes by tenant."""
        self._total = 0

    @property
    def on(self) -> bool:
        """Whether anything can be kept at all."""
        return self._bytes_max > 0 and self._kept_s > 0

    @property
    def bytes(self) -> int:
        """What the values take, as those who kept them said, and the entries themselves."""
        return self._total

    def get(self, tenant: str, key: Hashable) -> ValueT | None:
        """Return what is kept under a tenant's key; None where nothing is, or not any more."""
        own = self._entries.get(tenant)
        entry = None if own is None else own.get(key)
        if entry is not None and entry.until_s <= self._clock():
            self._drop(tenant, key)
            entry = None
        if self.on:
            _lookups.add(1, {"playhead.cache": self._name, "playhead.cache.hit": entry is not None})
        if entry is None:
            return None
        self._entries[tenant].move_to_end(key)
        self._used.move_to_end((tenant, key))
        return entry.value

    def holds(self, tenant: str, key: Hashable) -> bool:
        """Tell whether something is kept under a tenant's key; counted as no lookup."""
        own = self._entries.get(tenant)
        entry = None if own is None else own.get(key)
        return entry is not None and entry.until_s > self._clock()

    def keep(self, tenant: str, key: Hashable, value: ValueT, size: int) -> None:
        """Keep a value of some bytes, if there is room for it at all."""
        size += ENTRY_BYTES
        if key in self._entries.get(tenant, {}):
            self._drop(tenant, key)
        if not self.on or size > self._bytes_max // SHARE:
            return
        entry = _KeptValue(value, size, self._clock() + self._kept_s)
        self._entries.setdefault(tenant, OrderedDict())[key] = entry
        self._used[tenant, key] = None
        self._held[tenant] += size
        self._total += size
        while self._total > self._bytes_max:
            self._make_room(tenant)

    def forget_tenant(self, tenant: str) -> None:
        """Drop all that is kept for a tenant."""
        for key in list(self._entries.get(tenant, ())):
            self._drop(tenant, key)

    def forget(self) -> None:
        """Drop everything."""
        self._entries.clear()
        self._used.clear()
        self._held.clear()
        self._total = 0

    def _make_room(self, tenant: str) -> None:
        if self._held[tenant] > self._bytes_max // SHARE:
            self._drop(tenant, next(iter(self._entries[tenant])))
        else:
            self._drop(*next(iter(self._used)))

    def _drop(self, tenant: str, key: Hashable) -> None:
        own = self._entries[tenant]
        size = own.pop(key).size
        del self._used[tenant, key]
        self._total -= size
        self._held[tenant] -= size
        if not own:
            del self._entries[tenant], self._held[tenant]
