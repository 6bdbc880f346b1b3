"""BM25: the keyword search that every retriever has to beat.

Own code, because the libraries for it are unmaintained or bring a compiler for arrays along.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; the
parameters are those of the baselines of Anserini.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from agents.language import content

K1 = 0.9
B = 0.4


class KeywordIndex:
    """Texts by the stems of their words."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._postings: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        lengths = []
        for number, text in enumerate(texts):
            stems = Counter(content(text))
            lengths.append(sum(stems.values()))
            for stem, count in stems.items():
                self._postings[stem].append((number, count))
        mean = (sum(lengths) / len(lengths) if lengths else 0) or 1.0
        self._norms = [K1 * (1 - B + B * length / mean) for length in lengths]

    def search(self, query: str, limit: int) -> list[int]:
        """Return the numbers of the texts that share a word with the query, best first."""
        scores: defaultdict[int, float] = defaultdict(float)
        for stem in content(query):
            postings = self._postings.get(stem, ())
            rarity = math.log(1 + (len(self._norms) - len(postings) + 0.5) / (len(postings) + 0.5))
            for number, count in postings:
                scores[number] += rarity * count * (K1 + 1) / (count + self._norms[number])
        best = heapq.nsmallest(limit, scores.items(), key=lambda entry: (-entry[1], entry[0]))
        return [number for number, _ in best]
