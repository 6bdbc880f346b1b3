"""What came of the poisons, as a table for people and as JSON."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx

from tests.chaos.poisons.fate import Tasted
from tests.chaos.poisons.neighbours import Chat, between, middle_s, p95_s

KEPT = "the event loop is kept from everybody else"
WHAT_MAX = 72  # characters


class Table:
    """One row for each poison; the neighbours' chats before the first are what a ratio is of.

    Of few chats a median is shown and no 95th of 100, which would be the slowest of them.
    """

    def __init__(
        self, tasted: Sequence[Tasted], chats: Sequence[Chat], began_s: float, lines: Sequence[str]
    ) -> None:
        """`lines` are those that all components logged."""
        self._tasted = tasted
        self._chats = chats
        before = [chat for chat in chats if chat.ended_s < began_s]
        self._before, self._middle_before = p95_s(before), middle_s(before)
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
            "ratio": _ratio(self._during, self._before),
            "of_poisons": {one.poison: self._neighbours_of(one) for one in self._tasted},
            "loop_kept": dict(self._kept),
            "wrong": self.wrong,
        }

    def _neighbours_of(self, one: Tasted) -> dict[str, Any]:
        met = between(self._chats, one.spans)
        return {
            "chats": len(met),
            "p50_ratio": _ratio(middle_s(met), self._middle_before),
            "p95_ratio": _ratio(p95_s(met), self._before),
        }

    def _row(self, one: Tasted) -> str:
        met = self._neighbours_of(one)
        return (
            f"{one.poison:<34} {one.seconds:6.1f} s  {one.restarts} restarts  "
            f"p50 {_times(met['p50_ratio'])} p95 {_times(met['p95_ratio'])} of {met['chats']:>3} "
            f"chats  {one.fate.what[:WHAT_MAX]}"
        )

    def __str__(self) -> str:
        before, during = self._before or 0.0, self._during or 0.0
        return "\n".join(
            (
                *map(self._row, self._tasted),
                (
                    f"neighbours  p95 {before:.2f} s before, {during:.2f} s during: "
                    f"{_times(_ratio(self._during, self._before))}, {len(self._chats)} chats"
                ),
                *(f"loop kept   {count} times at {place}" for place, count in self._kept.items()),
                *(f"WRONG       {wrong}" for wrong in self.wrong),
            )
        )


def _ratio(seconds: float | None, before: float | None) -> float | None:
    return round(seconds / before, 2) if seconds and before else None


def _times(ratio: float | None) -> str:
    return f"{'-' if ratio is None else ratio:>5}x"


def _place(line: str) -> str:
    """Say where a loop was kept, as its watch tells it."""
    return str(json.loads(line).get("line", "?"))
