"""Nearest: which sentence of the passages holds most of a statement.

Why it is so: an answer may have as many statements as the passages have sentences, and this runs on
the event loop. So each word knows the sentences that hold it, only those are looked at, and of the
others, which are all alike to the statement, the best one is known beforehand. A word that all of
the passages' sentences hold is bounded by those, and they by retrieval's `budget_tokens`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from agents.language import content


class Nearest:
    """Finds the sentence that is nearest to a statement.

    Takes of each sentence the stems that it holds, whether it is a heading, and how near to the
    question it is; and the question's stems, which count as held by every sentence, since an answer
    may repeat them.
    """

    def __init__(
        self,
        held: Sequence[Collection[str]],
        asked: frozenset[str],
        heads: Sequence[bool],
        scores: Sequence[float],
    ) -> None:
        self._asked, self._heads, self._scores = asked, heads, scores
        self._holders: defaultdict[str, list[int]] = defaultdict(list)
        for index, stems in enumerate(held):
            for stem in stems:
                self._holders[stem].append(index)
        numbers = range(len(held))
        self._by_score = sorted(numbers, key=lambda index: (-scores[index], index))
        self._statements_first = sorted(self._by_score, key=lambda index: heads[index])
        self._known: dict[tuple[str, ...], tuple[int, float]] = {}

    def __call__(self, statement: str) -> tuple[int, float]:
        """Return the sentence's index, and the share of the statement's stems that it holds.

        A heading comes last, since it states nothing; then the one that holds more stems comes
        first, then the one nearer to the question, then the first. (-1, 0.0) where there is none.
        """
        said = tuple(dict.fromkeys(content(statement)))
        if not said or not self._scores:
            return -1, 0.0
        if said not in self._known:
            self._known[said] = self._find(said)
        return self._known[said]

    def _find(self, said: Sequence[str]) -> tuple[int, float]:
        held: Counter[int] = Counter()
        repeated: Counter[int] = Counter()
        """Of what they hold, what the question says as well: not to be counted twice."""
        asked = 0
        for stem in said:
            holders = self._holders.get(stem, ())
            held.update(holders)
            if stem in self._asked:
                repeated.update(holders)
                asked += 1
        others = self._statements_first if asked else self._by_score
        other = next((index for index in others if index not in held), None)
        if other is not None:
            held[other] = 0
        shares = {
            index: (count + asked - repeated.get(index, 0)) / len(said)
            for index, count in held.items()
        }
        *_, last = max(
            (share * (not self._heads[index]), held[index], self._scores[index], -index)
            for index, share in shares.items()
        )
        return -last, shares[-last]
