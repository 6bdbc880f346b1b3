"""What a load did: percentiles, errors, rates, and what the programs used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from edge.client.loading.load_askers import COMPLETED, LoadedQuestion

PERCENTILES = (50, 90, 95, 99)
LATE_MS = 50.0
"""A driver that sends so late at its 99th percentile measures itself."""


def load_report(
    asked: Sequence[LoadedQuestion],
    seconds: float,
    cpu_s: Mapping[str, float],
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """Sum up questions that have ended; times in milliseconds, `seconds` for all of it.

    `cpu_s` is what programs used meanwhile. Times are those of answers that completed, from when
    each was due: a question that waits for its driver has waited.
    """
    completed = [one for one in asked if one.outcome == COMPLETED]
    lag = figures([one.sent_s - one.due_s for one in asked])
    tokens = sum(one.tokens for one in completed)
    return {
        **about,
        "asked": len(asked),
        "completed": len(completed),
        "outcomes": dict(Counter(one.outcome for one in asked).most_common()),
        "seconds": round(seconds, 2),
        "offered_per_s": _rate(len(asked), max((one.due_s for one in asked), default=0.0), asked),
        "completed_per_s": round(len(completed) / seconds, 3) if seconds else 0.0,
        "tokens_per_s": round(tokens / seconds, 1) if seconds else 0.0,
        "first_token_ms": figures([one.first_s for one in completed if one.first_s is not None]),
        "between_parts_ms": figures([gap for one in completed for gap in one.gaps_s()]),
        "total_ms": figures([one.total_s for one in completed]),
        "sent_late_ms": lag,
        "driver_is_late": bool(lag and lag["p99"] > LATE_MS),
        "cpu_ms_per_answer": {
            name: round(1_000 * used / len(completed), 1) for name, used in cpu_s.items()
        }
        if completed
        else {},
    }


def figures(seconds: Sequence[float]) -> dict[str, float]:
    """Return percentiles and the maximum in milliseconds; nothing for no values."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    told = {f"p{share}": _ms(percentile(ordered, share)) for share in PERCENTILES}
    return {**told, "max": _ms(ordered[-1])}


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` percent of the values do not exceed (nearest rank)."""
    rank = -(-len(ordered) * share // 100)
    return ordered[max(0, int(rank) - 1)]


def _ms(seconds: float) -> float:
    return round(1_000 * seconds, 1)


def _rate(count: int, last_s: float, asked: Sequence[LoadedQuestion]) -> float:
    took_s = last_s - min((one.due_s for one in asked), default=0.0)
    return round((count - 1) / took_s, 3) if took_s > 0 else float(count)
