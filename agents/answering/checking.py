"""Checking: whether a sentence of a model may be shown, and on which statement it rests.

Words that each stand somewhere don't make a true sentence: so one statement of the passages has to
hold most of them, all numbers and names, and as many negations; and nothing that turns a meaning
may be said otherwise there, or not at all (agents/checking): a unit, a bound, a day, a quantifier,
a modal verb, a condition. And a true sentence may answer another question: so that statement has to
be near to it. Words of the question count as held, but a sentence has to say something beside them.
A "no" of a model's own stands nowhere.
"""

from __future__ import annotations

from typing import NamedTuple

from agents.answering.excerpts import Excerpt
from agents.answering.nearest import Nearest
from agents.answering.nearness import Nearness
from agents.answering.polarity import is_verdict, negations
from agents.checking.supporting import check
from agents.evidence import unsupported
from agents.language import content, meant

ENDING_MAX = 3  # letters by which a word and its inflection differ


class SentenceFinding(NamedTuple):
    """What became of a sentence."""

    statement: int
    """Index of the one that it rests on; -1 where it rests on none."""
    reasons: tuple[str, ...] = ()
    """Why it rests on none: `verdict`, `words`, `near`, `unsupported`, `repeats`, `negations`, or
    those of `supporting.check`."""


class SentenceCheck:
    """Checks sentences against the statements of passages."""

    def __init__(self, question: str, near: Nearness) -> None:
        self._question = question
        self._near = near
        self._held = [
            frozenset(content(one.above)).union(content(one.text)) for one in near.statements
        ]
        self._asked = frozenset(content(question))
        self._asked_words = frozenset(meant(question))
        self._asked_stems = frozenset(
            stem for word in self._asked_words for stem in without_ending(word)
        )
        fragments = [one.kind == "fragment" for one in near.statements]
        self._nearest = Nearest(self._held, self._asked, fragments, near.scores)
        self._best = max(near.scores, default=0.0)

    def __call__(self, sentence: str, share_min: float, near_min: float) -> SentenceFinding:
        """Find the statement that a sentence rests on, or say why it rests on none."""
        if is_verdict(sentence):
            return SentenceFinding(-1, ("verdict",))
        index, share = self._nearest(sentence)
        if index < 0 or share < share_min:
            return SentenceFinding(-1, ("words",))
        if self._near.scores[index] < near_min * self._best:
            return SentenceFinding(-1, ("near",))
        if unsupported(sentence, self._held[index] | self._asked):
            return SentenceFinding(-1, ("unsupported",))
        if not self._adds(sentence):
            return SentenceFinding(-1, ("repeats",))
        statement = self._near.statements[index]
        if negations(sentence) != negations(statement.text):
            return SentenceFinding(-1, ("negations",))
        reasons = against(sentence, statement, self._question)
        return SentenceFinding(-1, reasons) if reasons else SentenceFinding(index)

    def _adds(self, text: str) -> bool:
        """Tell whether a text has a word that is not the question's own, inflected or not."""
        return any(
            word not in self._asked_stems and self._asked_words.isdisjoint(without_ending(word))
            for word in meant(text)
        )


def against(sentence: str, statement: Excerpt, question: str) -> tuple[str, ...]:
    """Name what of a sentence a statement says otherwise or not at all; nothing if it supports it.

    A list or a row supports what the whole of it does, or some of its lines, since a condition of
    one entry is none of another.
    """
    given = f"{question} {statement.above}"
    found = check(sentence, [statement.text], given)
    lines = statement.text.splitlines()
    if found.reasons and len(lines) > 1:
        found = min(found, check(sentence, lines, given), key=lambda one: bool(one.reasons))
    return found.reasons


def without_ending(word: str) -> tuple[str, ...]:
    """List what a word may be an inflection of: itself, and it without its last letters."""
    return tuple(word[:length] for length in range(max(1, len(word) - ENDING_MAX), len(word) + 1))
