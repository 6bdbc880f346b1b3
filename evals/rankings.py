"""Figures of a ranking of documents beside the grades that judges gave.

Source: Järvelin and Kekäläinen, "Cumulated Gain-Based Evaluation of IR Techniques", 2002; gain is
linear, as in trec_eval and BEIR.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

DEPTH = 10
RECALLS = (1, 5, 10, 100)


def ndcg(ranking: Sequence[str], grades: Mapping[str, int], depth: int = DEPTH) -> float:
    """Return the discounted gain of the first places, as a share of the best there could be."""
    best = sorted((grade for grade in grades.values() if grade > 0), reverse=True)
    ideal = _gain(best[:depth])
    return _gain([grades.get(one, 0) for one in ranking[:depth]]) / ideal if ideal else 0.0


def _gain(grades: Sequence[int]) -> float:
    return sum(grade / math.log2(place + 2) for place, grade in enumerate(grades))


def reciprocal_rank(ranking: Sequence[str], grades: Mapping[str, int], depth: int = DEPTH) -> float:
    """Return 1 over the place of the first right document, 0 where none is among the first."""
    for place, one in enumerate(ranking[:depth], start=1):
        if grades.get(one, 0) > 0:
            return 1 / place
    return 0.0


def recall(ranking: Sequence[str], grades: Mapping[str, int], depth: int) -> float:
    """Return the share of the right documents that are among the first."""
    right = {one for one, grade in grades.items() if grade > 0}
    return len(right & set(ranking[:depth])) / len(right)


def distinct(ranking: Sequence[str]) -> list[str]:
    """Keep each document where it stands first."""
    return list(dict.fromkeys(ranking))
