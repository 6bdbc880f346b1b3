"""Language: the sentences and words of a text, and which words carry meaning.

Words are compared by their stems. Stemming is crude on purpose: it only has to give inflections of
one word a common form, in any language that inflects at the end of a word.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import regex

from agents.placeholders import TOKEN

STEM_CHARS = 6  # a longer word is known by its beginning, once its ending is off
PASSAGES_KEPT = 1_024
"""Texts whose sentences and words are kept: each passage is looked at several times an answer."""
SENTENCES_KEPT = 8_192
"""Sentences whose words are kept: those of the passages of 32 questions, which several steps look
at, and verify runs each step over so many before the next one."""

_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]"  # written without spaces: a sign is a word
_WORD = regex.compile(
    rf"{TOKEN}|\d+(?:[.,:]\d+)*|"
    rf"{_UNSPACED}|[[\p{{L}}\p{{M}}\p{{N}}]--{_UNSPACED}]+",
    regex.V1,
)
_ASCII_WORD = re.compile(rf"{TOKEN}|[0-9]+(?:[.,:][0-9]+)*|[A-Za-z0-9]+")
"""The same for text of ASCII alone: Python's own engine is a quarter faster."""
_SENTENCE_END = regex.compile(
    r"[.!?…\n](?:(?<=\n)\s*+|(?<!\n)[\"'”’)\]]*\s+(?=[\"'“‘(\[<]?[\p{Lu}\p{Lo}\p{N}<]))|[。！？]"
)
"""A mark and the blanks behind it, or a line break and those. It begins with one of few characters,
which engines look for in a tenth of the time that alternatives take."""
_ASCII_SENTENCE_END = re.compile(
    r"[.!?\n](?:(?<=\n)\s*+|(?<!\n)[\"')\]]*\s+(?=[\"'(\[<]?[A-Z0-9<]))", re.ASCII
)
"""The same for text of ASCII alone, in a quarter of the time."""
_ABBREVIATION = regex.compile(
    r"(?<![\p{L}.])(?:Dr|Mr|Mrs|Ms|St|No|vs|Fig|Inc|Ltd|Co|cf|ca|approx|e\.g|i\.e|\p{Lu})\Z"
)
_ENDINGS = (
    "ations",
    "ation",
    "ingly",
    "ings",
    "ing",
    "edly",
    "ies",
    "ied",
    "ed",
    "es",
    "ly",
    "s",
    "y",
)
STOP_WORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being below
    between both but by can cannot could did do does doing done down during each few for from
    further had has have having he her here hers him his how i if in into is it its itself just may
    me might more most must my name no nor not of off on once only or other our out over own per
    please same shall she should so some such tell than that the their them then there these they
    this those through to too under until up upon us used using very via was we were what when where
    whether which while who whom whose why will with would yes you your
    der die das den dem des ein eine einer eines einem einen und oder ist sind war waren wird werden
    wurde wurden hat haben hatte mit von zu zum zur im am auf für bei nach aus als wie was wer wo
    wann warum welche welcher welches nicht auch es sie er sich
    el la los las un una unos unas y o es son fue fueron de del al en con por para como qué que
    quién cuándo dónde cuál cuáles se su sus lo no""".split()  # noqa: SIM905 - words read best as text
)


def boundaries(text: str, start: int = 0) -> Iterator[int]:
    """Yield where sentences and lines end, from a place on at which a word begins."""
    pattern = _ASCII_SENTENCE_END if text.isascii() else _SENTENCE_END
    for end in pattern.finditer(text, start):
        if end[0][0] == "." and _ABBREVIATION.search(text, max(0, end.start() - 8), end.start()):
            continue
        yield end.end()


@lru_cache(maxsize=PASSAGES_KEPT)
def sentences(text: str) -> tuple[str, ...]:
    """Split a text at the ends of sentences and lines; white space within becomes one space."""
    cuts = pairwise([0, *boundaries(text), len(text)])
    return tuple(plain for start, end in cuts if (plain := " ".join(text[start:end].split())))


def words(text: str) -> tuple[str, ...]:
    """List words, numbers and placeholders as they are written."""
    return tuple((_ASCII_WORD if text.isascii() else _WORD).findall(text))


def is_number(word: str) -> bool:
    """Tell whether a word begins with a digit."""
    return word[:1].isdigit()


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Give the inflections of a word one form; numbers lose their separators of thousands."""
    if word.startswith("<"):
        return word
    if is_number(word):
        return regex.sub(r",(?=\d{3}(?:\D|$))", "", word).rstrip(".,:")
    folded = word.casefold()
    for ending in _ENDINGS:
        if folded.endswith(ending) and len(folded) - len(ending) >= 3:
            folded = folded.removesuffix(ending)
            break
    return folded.removesuffix("e")[:STEM_CHARS] if len(folded) > 3 else folded


@lru_cache(maxsize=SENTENCES_KEPT)
def content(text: str) -> tuple[str, ...]:
    """List the stems of the words that carry meaning, in order."""
    return tuple(filter(None, map(_meaning, words(text))))


@lru_cache(maxsize=65_536)
def _meaning(word: str) -> str:
    return "" if word.casefold() in STOP_WORDS else stem(word)


def meant(text: str) -> tuple[str, ...]:
    """List the words that carry meaning, in order, case folded and otherwise as written."""
    folded = (word.casefold() for word in words(text))
    return tuple(word for word in folded if word not in STOP_WORDS)
