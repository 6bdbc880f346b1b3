"""Overlap of words between a text and a reference: ROUGE-1, and what a rewrite had to add.

Source: Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004; its recall is the
yardstick of the conversational tracks of TREC (CAsT) and of QReCC.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

_WORD = re.compile(r"\w+")
# words that a rewrite may add or leave out without saying anything else
FUNCTION_WORDS = frozenset(
    """a about an and are as at be by can could did do does for from had has have how i in is it
    its me my of on or should that the there this to was were what when where which who why with
    would you your""".split()  # noqa: SIM905 - words read best as text
)


class Overlap(NamedTuple):
    """What a text and its reference share."""

    recall: float
    precision: float
    f1: float


def words_of(text: str) -> list[str]:
    """List the words of a text in small letters."""
    return _WORD.findall(text.lower())


def overlap(said: list[str], wanted: list[str]) -> Overlap:
    """Compare words as bags: each counts as often as both have it."""
    shared = sum((Counter(said) & Counter(wanted)).values())
    if not shared:
        return Overlap(0.0, 0.0, 0.0)
    recall, precise = shared / len(wanted), shared / len(said)
    return Overlap(recall, precise, 2 * recall * precise / (recall + precise))


def rouge1(said: str, references: tuple[str, ...]) -> Overlap:
    """Compare with several references: the best recall, and how the nearest of all fares else."""
    each = [overlap(words_of(said), words_of(wanted)) for wanted in references]
    nearest = max(each, key=lambda one: one.f1)
    return nearest._replace(recall=max(one.recall for one in each))


def added(said: str, question: str, references: tuple[str, ...]) -> float | None:
    """Return the share of the words that a reference adds to the question which a rewrite has too.

    None where no reference adds a word that means something. The raw question has none of them.
    """
    known = set(words_of(question)) | FUNCTION_WORDS
    lacking = [set(words_of(wanted)) - known for wanted in references]
    has = set(words_of(said))
    shares = [len(words & has) / len(words) for words in lacking if words]
    return max(shares, default=None)
