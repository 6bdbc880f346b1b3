"""Folding: texts as lists of terms see them, without case, width and accents.

A text falls into words and single marks. White space parts them and does not count; signs of
scripts that are written without spaces are words of their own, so a term is found within a line of
them. Each word is folded by itself and keeps its place, so that what is found can be cut out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

from agents.normal_forms import folded

_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]"
_WORD = regex.compile(rf"{_UNSPACED}|[[\p{{L}}\p{{M}}\p{{N}}_]--{_UNSPACED}]+|[^\s]", regex.V1)
_MARKS = frozenset({"Mn"})
CACHED_CHARS_MAX = 40
"""Of a word whose folded form is kept: longer ones are rare, and would fill memory."""
ASIAN_FROM = 0x2E80
"""From this character on, scripts know no edges of words."""
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


@dataclass(frozen=True)
class FoldedText:
    """The words of a text: folded, and where each of them begins and ends."""

    words: Sequence[str]
    places: Sequence[tuple[int, int]]


def words_of(text: str) -> FoldedText:
    """Take a text apart."""
    places = [match.span() for match in _WORD.finditer(text)]
    return FoldedText([folded_word(text[start:end]) for start, end in places], places)


def folded_word(word: str) -> str:
    """Fold one word; what is nothing but marks folds to nothing."""
    return _kept(word) if len(word) <= CACHED_CHARS_MAX else folded("NFKD", word, _MARKS)


@lru_cache(maxsize=65_536)
def _kept(word: str) -> str:
    return folded("NFKD", word, _MARKS)


def narrowed(text: str) -> str:
    """Spell full-width letters, digits and signs in the usual width; the text keeps its length."""
    return text if text.isascii() else text.translate(_WIDE)


def at_edges(text: str, start: int, end: int) -> bool:
    """Tell whether a stretch neither begins nor ends within a word."""
    return not (_within(text, start) or _within(text, end))


def _within(text: str, at: int) -> bool:
    """Tell whether the characters before and at a place belong to one word."""
    return 0 < at < len(text) and all(
        (character.isalnum() or character == "_") and ord(character) < ASIAN_FROM
        for character in text[at - 1 : at + 1]
    )


def apart(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join what overlaps or touches, in reading order."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined
