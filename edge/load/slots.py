"""Slots: how many of something one process and one key may hold at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from edge.load.measures import refused
from edge.problems import overloaded, too_many


class Slots:
    """Counts what is held, by key; lives on the event loop alone."""

    def __init__(self, what: str, most: int, most_per_key: int) -> None:
        self._what = what
        self._most = most
        self._most_per_key = most_per_key
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._held.total()

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Hold one for as long as the block lasts; raises Problem when there are too many."""
        mine = self._held[key]
        if len(self) >= self._most:
            raise refused(
                overloaded(f"the gateway has too many {self._what}: try again shortly"), "held"
            )
        if mine >= self._most_per_key:
            raise refused(
                too_many(f"this key has {mine} {self._what}: wait for one to end"), "held"
            )
        self._held[key] += 1
        try:
            yield
        finally:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]
