"""Which event of a lane may run next: many at once, one session's events one after another.

Pure bookkeeping, so that it can be tested without a broker.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

REACH = 256
"""Offsets beyond the oldest unfinished one that may run: bounds what a restart reads back."""


@dataclass
class Item:
    """An event of a lane on its way through the runner."""

    offset: int
    session: str
    """What keeps its order: the event's session, or something of its own."""
    work: Any = field(repr=False)


class Lane:
    """Events of one partition that were taken and are not finished."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._beyond: deque[Item] = deque()
        self._sessions: dict[str, deque[Item]] = {}
        self._ready: deque[str] = deque()
        self.running = 0

    def __len__(self) -> int:
        """Events taken and not finished."""
        return len(self._beyond) + sum(len(queue) for queue in self._sessions.values())

    def take(self, item: Item) -> None:
        """Enter an event; offsets must ascend."""
        self._beyond.append(item)

    def next(self, oldest: int | None) -> Item | None:
        """Return an event that may run now, given the oldest unfinished offset, or None."""
        while self._beyond and (oldest is None or self._beyond[0].offset < oldest + REACH):
            item = self._beyond.popleft()
            queue = self._sessions.get(item.session)
            if queue is None:
                self._sessions[item.session] = deque([item])
                self._ready.append(item.session)
            else:
                queue.append(item)
        if self.running >= self._window or not self._ready:
            return None
        self.running += 1
        return self._sessions[self._ready.popleft()][0]

    def done(self, item: Item) -> None:
        """Say that an event has run: the next of its session may."""
        queue = self._sessions[item.session]
        if queue.popleft() is not item:
            raise AssertionError(f"{item.session} ran out of order at offset {item.offset}")
        self.running -= 1
        if queue:
            self._ready.append(item.session)
        else:
            del self._sessions[item.session]
