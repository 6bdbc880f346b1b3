"""A sliding window: how much of something was used in the last minute, in a handful of numbers.

Use is added up by slots of time, and a window is all the slots that it touches: a minute, and up
to SLOT_MS more. So no minute holds more than a limit on it, and it costs the same whatever is used.

Why not a bucket that fills at the limit's rate, which is one number: what it holds depends on the
limit, and on the order in which use is told. Sums do not; gateways that read the same records in
another order, or under another limit, come to the same.
"""

from __future__ import annotations

from collections.abc import Mapping

WINDOW_MS = 60_000
SLOT_MS = 5_000
SLOTS = WINDOW_MS // SLOT_MS + 1
"""Of a window: where it begins within a slot, that slot counts as a whole."""
SLOT_MOST = 2**53
"""More is not told apart: a producer may say any number, and a row of the index holds 64 bits."""


class SlidingWindow:
    """How much was used, by slots; times are milliseconds since 1970."""

    __slots__ = ("_used",)

    def __init__(self, used: Mapping[int, int] | None = None) -> None:
        """Begin with what `slots` returned; without, nothing was used."""
        self._used = dict(used or {})

    @property
    def slots(self) -> dict[int, int]:
        """Slot -> how much was used in it."""
        return dict(self._used)

    def add(self, amount: int, at_ms: int, now_ms: int) -> None:
        """Count use; what is said to come from the future counts as of now."""
        self._settle(now_ms)
        slot = min(at_ms, now_ms) // SLOT_MS
        if amount > 0 and slot > now_ms // SLOT_MS - SLOTS:
            self._used[slot] = min(SLOT_MOST, self._used.get(slot, 0) + amount)

    def used(self, now_ms: int) -> int:
        """Return how much was used."""
        self._settle(now_ms)
        return sum(self._used.values())

    def room_in_s(self, most: int, now_ms: int) -> float:
        """Return in how many seconds no more than so much will have been used; 0 where that is so.

        A whole window where that can't be.
        """
        left = self.used(now_ms)
        for slot in sorted(self._used):
            if left <= most:
                break
            left -= self._used[slot]
            room_ms = (slot + SLOTS) * SLOT_MS
            if left <= most:
                return (room_ms - now_ms) / 1_000
        return 0.0 if left <= most else WINDOW_MS / 1_000

    def _settle(self, now_ms: int) -> None:
        """Let go of what is over. After a clock was set back, what lies ahead counts as of now."""
        now = now_ms // SLOT_MS
        if not any(slot > now or slot <= now - SLOTS for slot in self._used):
            return
        kept: dict[int, int] = {}
        for slot, amount in self._used.items():
            if slot > now - SLOTS:
                kept[min(slot, now)] = min(SLOT_MOST, kept.get(min(slot, now), 0) + amount)
        self._used = kept
