"""Pauses between the tries of what has to work in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

PAUSE_S = 0.5
PAUSE_MAX_S = 5.0

Pauses = Callable[[], Iterator[float]]
"""Begins a row of pauses, in seconds."""


def pauses(pause_s: float = PAUSE_S) -> Iterator[float]:
    """Return the pauses, in seconds: each twice the one before, up to a bound."""
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, PAUSE_MAX_S)
