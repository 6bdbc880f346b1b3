"""Scoring: pure functions from scores to an order.

Everything is rounded or ordered by id where it could be equal, and sums are exact, since a replay
must yield the same bytes on any machine.
"""

from __future__ import annotations

import array
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

DECIMALS = 6

T = TypeVar("T")


def standardised(scores: Sequence[float]) -> list[float]:
    """Return how many standard deviations each score lies above the mean; 0 where all are equal."""
    if not scores:
        return []
    mean = math.fsum(scores) / len(scores)
    variance = math.fsum((score - mean) ** 2 for score in scores) / len(scores)
    deviation = math.sqrt(variance)
    # below this the differences are rounding
    if deviation < 10**-DECIMALS:
        return [0.0] * len(scores)
    return [(score - mean) / deviation for score in scores]


def blended(columns: Iterable[tuple[float, Sequence[float]]]) -> list[float]:
    """Add weighted columns of scores, each standardised first, since their scales differ."""
    weighted = [(weight, standardised(scores)) for weight, scores in columns]
    rows = zip(*(scores for _, scores in weighted), strict=True)
    weights = [weight for weight, _ in weighted]
    return [
        round(math.fsum(w * z for w, z in zip(weights, row, strict=True)), DECIMALS) for row in rows
    ]


def order(ids: Sequence[str], scores: Sequence[float]) -> list[int]:
    """Return positions, best first, ties by id."""
    return sorted(range(len(ids)), key=lambda i: (-scores[i], ids[i]))


def square(data: bytes, size: int) -> list[Sequence[float]]:
    """Read a matrix of little-endian float32, row by row; raises ValueError for another size."""
    numbers = array.array("f")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    if len(numbers) != size * size:
        raise ValueError(f"{len(numbers)} similarities, but {size} chunks need {size * size}")
    return [numbers[row * size : (row + 1) * size] for row in range(size)]


def diversified(
    scores: Sequence[float],
    similarities: Sequence[Sequence[float]],
    ids: Sequence[str],
    weight: float,
    limit: int,
) -> list[int]:
    """Pick by maximal marginal relevance: good, and unlike what was picked before.

    Each pick maximises weight * relevance - (1 - weight) * similarity to the most similar pick; the
    relevance is the score scaled to 0 … 1. With weight 1 that is the order by score. Returns
    positions.

    Source: Carbonell and Goldstein, "The Use of MMR", SIGIR 1998.
    """
    if not scores:
        return []
    low, high = min(scores), max(scores)
    spread = high - low
    relevance = [(score - low) / spread if spread else 1.0 for score in scores]
    nearest = [0.0] * len(scores)
    left = order(ids, scores)
    picked: list[int] = []

    def gain(i: int) -> tuple[float, float, str]:
        value = weight * relevance[i] - (1 - weight) * nearest[i]
        return -round(value, DECIMALS), -scores[i], ids[i]

    while left and len(picked) < limit:
        best = min(left, key=gain)
        left.remove(best)
        picked.append(best)
        for i in left:
            nearest[i] = max(nearest[i], similarities[best][i])
    return picked


def within_budget(items: Sequence[T], size: Callable[[T], int], budget: int) -> list[T]:
    """Keep, in order, what fits a budget together; the first is always kept."""
    kept: list[T] = []
    left = budget
    for item in items:
        if kept and size(item) > left:
            continue
        kept.append(item)
        left -= size(item)
    return kept
