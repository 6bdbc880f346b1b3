"""Where the time of the slow chats went: by step, what was waited for and what was asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from bench.flood.visitor import Heard, Visitor

SLOW = 4
"""One in so many chats is a slow one: the 95th of 100 is among them."""
SHOWN_MS = 5.0
"""Parts that grew by less say nothing."""

Chat = tuple[Visitor, Heard]


def slow(chats: Sequence[Chat]) -> list[Chat]:
    """Return the slowest chats, one at least."""
    by_time = sorted(chats, key=lambda one: one[1].whole_s, reverse=True)
    return by_time[: max(1, len(by_time) // SLOW)]


def parts_of(timeline: Mapping[str, Any], heard: Heard) -> dict[str, float]:
    """Divide the time of a chat into what its timeline tells and the rest, in milliseconds.

    The gateway's record is written when it takes a question in. Steps that run side by side count
    each, so the rest may be less than nothing.
    """
    parts: defaultdict[str, float] = defaultdict(float)
    for step in timeline["steps"]:
        name = step["step"]
        parts[f"{name}, queued"] += step["queued_ms"]
        asked = 0.0
        for effect in step["effects"]:
            parts[f"{name}, {effect['kind']}"] += effect["took_ms"]
            asked += effect["took_ms"]
        parts[f"{name}, itself"] += max(0.0, step["took_ms"] - asked)
    began_us = min(step["began_us"] for step in timeline["steps"])
    last_us = max(step["began_us"] + 1_000 * step["took_ms"] for step in timeline["steps"])
    ended_us = heard.asked_us + 1_000_000 * heard.whole_s
    parts["until the gateway took it in"] = (began_us - heard.asked_us) / 1_000
    parts["from its last record to its reader"] = (ended_us - last_us) / 1_000
    parts["the rest"] = 1_000 * heard.whole_s - sum(parts.values())
    return dict(parts)


def mean_parts(chats: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each part over at least one chat; a chat without it counts as 0."""
    sums: defaultdict[str, float] = defaultdict(float)
    for parts in chats:
        for name, took_ms in parts.items():
            sums[name] += took_ms
    return {name: total / len(chats) for name, total in sums.items()}


def grown(
    quiet: Mapping[str, float], flooded: Mapping[str, float]
) -> list[tuple[str, float, float]]:
    """List the parts that take longer beside the flood, in the order of how much."""
    names = {**quiet, **flooded}
    rows = [(name, quiet.get(name, 0.0), flooded.get(name, 0.0)) for name in names]
    rows = [row for row in rows if row[2] - row[1] >= SHOWN_MS]
    return sorted(rows, key=lambda row: row[1] - row[2])


async def whereabouts(chats: Sequence[Chat]) -> dict[str, float]:
    """Look up where the time of the slow ones among some chats went."""
    looked_at = []
    for visitor, heard in slow(chats):
        timeline = await visitor.timeline(heard.request)
        looked_at.append(parts_of(timeline, heard))
    return mean_parts(looked_at)
