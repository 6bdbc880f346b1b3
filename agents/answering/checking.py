"""Checking: whether a sentence of a model may be shown, and on which statement it rests.

Words that each stand somewhere don't make a true sentence: so one statement of the passages has to
hold most of them, all numbers and names, and as many negations. And a true sentence may answer
another question: so that statement has to be near to it. Words of the question count as held, but a
sentence has to say something beside them. A "no" of a model's own stands nowhere.
"""

from __future__ import annotations

from agents.answering.nearest import Nearest
from agents.answering.nearness import Nearness
from agents.answering.polarity import is_verdict, negations
from agents.evidence import unsupported
from agents.language import content, meant

ENDING_MAX = 3  # letters by which a word and its inflection differ


class SentenceCheck:
    """Checks sentences against the statements of passages."""

    def __init__(self, question: str, near: Nearness) -> None:
        self._near = near
        self._held = [frozenset(content(f"{one.above} {one.text}")) for one in near.statements]
        self._asked = frozenset(content(question))
        self._asked_words = frozenset(meant(question))
        self._asked_stems = frozenset(
            stem for word in self._asked_words for stem in without_ending(word)
        )
        fragments = [one.kind == "fragment" for one in near.statements]
        self._nearest = Nearest(self._held, self._asked, fragments, near.scores)
        self._best = max(near.scores, default=0.0)

    def rests_on(self, sentence: str, share_min: float, near_min: float) -> int:
        """Return the statement that a sentence rests on; -1 where it rests on none."""
        if is_verdict(sentence):
            return -1
        index, share = self._nearest(sentence)
        if index < 0 or share < share_min or self._near.scores[index] < near_min * self._best:
            return -1
        if unsupported(sentence, self._held[index] | self._asked) or not self._adds(sentence):
            return -1
        statement = self._near.statements[index]
        return index if negations(sentence) == negations(statement.text) else -1

    def _adds(self, text: str) -> bool:
        """Tell whether a text has a word that is not the question's own, inflected or not."""
        return any(
            word not in self._asked_stems and self._asked_words.isdisjoint(without_ending(word))
            for word in meant(text)
        )


def without_ending(word: str) -> tuple[str, ...]:
    """List what a word may be an inflection of: itself, and it without its last letters."""
    return tuple(word[:length] for length in range(max(1, len(word) - ENDING_MAX), len(word) + 1))
