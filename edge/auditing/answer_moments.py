"""Answer moments: what a reader who was there had been shown at any instant.

They are the frames of the answer, each with the time at which its record lay on the broker: no
reader can have seen it earlier. Each topic keeps its order, whatever clocks said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from edge.answering.cursors import LETTERS
from edge.answering.view import AnswerView
from edge.listening.entries import Entry
from schemas import Event

TIMELESS = frozenset({"request_id", "cursor"})
"""Fields of a frame that say nothing of the answer."""


def answer_moments(view: AnswerView, entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Return the frames of an answer in the order in which they could be seen, with `at_us`."""
    told, at_ms = [], 0
    for at_ms, entry in _by_time(entries):
        told += [_moment(frame, at_ms) for frame in view.take(entry)]
    told += [_moment(frame, at_ms) for frame in (*view.settle(), *view.give_up())]
    return told


def _moment(frame: dict[str, Any], at_ms: int) -> dict[str, Any]:
    said = {name: value for name, value in frame.items() if name not in TIMELESS}
    return {"at_us": at_ms * 1_000, **said}


def _by_time(entries: Iterable[Entry]) -> list[tuple[int, Entry]]:
    """Order results by when they could be seen: no record before one that lies before it."""
    latest: defaultdict[type[Event], int] = defaultdict(int)
    ordered = []
    for entry in sorted(entries, key=lambda one: one.offset):
        kind = type(entry.event)
        if kind in LETTERS:
            latest[kind] = max(latest[kind], entry.time_ms)
            ordered.append((latest[kind], entry))
    order = list(LETTERS)
    return sorted(ordered, key=lambda one: (one[0], order.index(type(one[1].event)), one[1].offset))
