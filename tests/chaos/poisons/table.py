"""What came of the poisons, as a table for people and as JSON."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx

from tests.chaos.poisons.fate import Tasted
from tests.chaos.poisons.neighbours import Chat, between, p95_s

KEPT = "the event loop is kept from everybody else"
WHAT_MAX = 72  # characters


class Table:
    """One row for each poison; the neighbours' chats before the first are what a ratio is of."""

    def __init__(
        self, tasted: Sequence[Tasted], chats: Sequence[Chat], began_s: float, lines: Sequence[str]
    ) -> None:
        """`lines` are those that all components logged."""
        self._tasted = tasted
        self._chats = chats
        self._before = p95_s([chat for chat in chats if chat.ended_s < began_s])
        self._during = p95_s([chat for chat in chats if chat.ended_s >= began_s])
        self._kept = Counter(_place(line) for line in lines if KEPT in line)

    @property
    def wrong(self) -> list[str]:
        """What must not be."""
        refused = Counter(chat.status for chat in self._chats if chat.status != httpx.codes.OK)
        return [
            *(wrong for one in self._tasted for wrong in one.wrong),
            *(f"{count} questions of neighbours got {status}" for status, count in refused.items()),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the figures."""
        return {
            "neighbours_p95_s": {"before": self._before, "during": self._during},
            "ratio": self._ratio(self._during),
            "loop_kept": dict(self._kept),
            "wrong": self.wrong,
        }

    def _ratio(self, seconds: float | None) -> float | None:
        return round(seconds / self._before, 2) if seconds and self._before else None

    def _row(self, one: Tasted) -> str:
        ratio = self._ratio(p95_s(between(self._chats, one.began_s, one.ended_s)))
        return (
            f"{one.poison:<34} {one.seconds:6.1f} s  {one.restarts} restarts  "
            f"{'-' if ratio is None else ratio!s:>5}x  {one.fate.what[:WHAT_MAX]}"
        )

    def __str__(self) -> str:
        before, during = self._before or 0.0, self._during or 0.0
        return "\n".join(
            (
                *map(self._row, self._tasted),
                (
                    f"neighbours  p95 {before:.2f} s before, {during:.2f} s during: "
                    f"{self._ratio(self._during)}x, {len(self._chats)} chats"
                ),
                *(f"loop kept   {count} times at {place}" for place, count in self._kept.items()),
                *(f"WRONG       {wrong}" for wrong in self.wrong),
            )
        )


def _place(line: str) -> str:
    """Say where a loop was kept, as its watch tells it."""
    return str(json.loads(line).get("line", "?"))
