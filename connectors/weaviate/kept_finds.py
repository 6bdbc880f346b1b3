"""What searches found, kept for the moment until the same run fetches some of it.

Why it is so: a step searches, ranks, and fetches a handful of what was found. The search has read
where each of it lies and that it is visible; asked again, that takes two requests, one of them by a
condition on a property. So a fetch shows what its search saw, as of one moment, if it comes soon
after it; a later one, and one of another generation or position, asks anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from streams.running.world import Call

KEPT_S = 2.0  # as long as the alias is trusted: what was true when it was searched may be shown
KEPT_MAX = 256  # runs; each keeps some 27 kB for a hundred chunks, and a worker has fewer under way


class FoundChunk(NamedTuple):
    """A chunk that a search showed."""

    uuid: str
    """Of its object."""
    version: int
    """Of its document, current then."""


class _RunFinds(NamedTuple):
    until_s: float
    scope: tuple[int, int]
    chunks: dict[str, FoundChunk]


class KeptFinds:
    """Remembers, for each run, the chunks that were found for it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take a clock in seconds."""
        self._clock = clock
        self._found: OrderedDict[tuple[str, str], _RunFinds] = OrderedDict()

    def keep(
        self, call: Call, generation: int, as_of: int, chunks: Mapping[str, FoundChunk]
    ) -> None:
        """Remember chunks beside those that were found for the same run before."""
        now, scope = self._clock(), (generation, as_of)
        key = call.tenant, call.event
        before = self._found.pop(key, None)
        known = before.chunks if before and before.scope == scope and now < before.until_s else {}
        until_s = before.until_s if before and known else now + KEPT_S
        self._found[key] = _RunFinds(until_s, scope, {**known, **chunks})
        while len(self._found) > KEPT_MAX or next(iter(self._found.values())).until_s <= now:
            self._found.popitem(last=False)

    def of(
        self, call: Call, generation: int, as_of: int, names: Iterable[str]
    ) -> dict[str, FoundChunk] | None:
        """Return these chunks, or None where one of them was not found for this run just now."""
        found = self._found.get((call.tenant, call.event))
        if found is None or found.scope != (generation, as_of) or found.until_s <= self._clock():
            return None
        names = set(names)
        return (
            {name: found.chunks[name] for name in names} if names <= found.chunks.keys() else None
        )
