"""Slices: long work of a step on the event loop, with turns for others in between.

To take a large document apart is seconds of computing, in which nobody else would have a turn. So
it is done by iterators that yield as they go, a result or None where there is none yet, and who
collects them pauses after every so many. A pause is no effect: nothing is numbered or recorded, and
a replay comes to the same bytes whether or not it pauses.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from agents.effects import Effects

SLICE = 1_000
"""Results between two pauses; one takes some microseconds."""

T = TypeVar("T")


async def collected(work: Iterable[T | None], fx: Effects) -> tuple[T, ...]:
    """Collect the results of some work, pausing between slices of it."""
    results: list[T] = []
    for number, result in enumerate(work, start=1):
        if result is not None:
            results.append(result)
        if not number % SLICE:
            await fx.pause()
    return tuple(results)
