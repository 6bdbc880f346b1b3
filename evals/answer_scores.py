"""Figures of an answer beside the answers that a set holds for right.

Source: normalisation, exact match and F1 as in SQuAD (Rajpurkar et al., 2016 and 2018).
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from evals.word_overlap import overlap

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
NUMBER_DIGITS = 4  # after the point, to which numbers are compared


def normalized_answer(text: str) -> str:
    """Take off case, punctuation, articles and superfluous white space."""
    plain = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLE.sub(" ", plain).split())


def f1(said: str, right: Sequence[str]) -> float:
    """Return the overlap in words with the nearest right answer."""
    words = normalized_answer(said).split()
    return max(_f1(words, normalized_answer(one).split()) for one in right)


def _f1(said: list[str], right: list[str]) -> float:
    if not said or not right:
        return float(said == right)
    return overlap(said, right).f1


def exact(said: str, right: Sequence[str]) -> float:
    """Return 1 where the answer is one of the right ones and nothing else."""
    plain = normalized_answer(said)
    return float(any(plain == normalized_answer(one) for one in right))


def contains(said: str, right: Sequence[str]) -> float:
    """Return 1 where a right answer stands somewhere in the answer."""
    plain = normalized_answer(said)
    sought = (normalized_answer(one) for one in right)
    return float(any(one and one in plain for one in sought))


def numbers(text: str) -> frozenset[float]:
    """List the numbers of a text."""
    found = (one.replace(",", "") for one in _NUMBER.findall(text))
    return frozenset(round(float(one), NUMBER_DIGITS) for one in found)


def number_match(said: str, right: Sequence[str]) -> float | None:
    """Return 1 where the answer has all numbers of a right one; None where these have none."""
    wanted = [found for one in right if (found := numbers(one))]
    if not wanted:
        return None
    has = numbers(said)
    return float(any(found <= has for found in wanted))
