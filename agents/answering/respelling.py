"""Respelling: write the words of a question as the passages write them.

Why it is so: a name that stands nowhere in the passages tells that they hold no answer, and most of
those that are only misspelt, or written without their marks (Celeron for Céloron), told it wrongly.
One letter is what is forgiven, and never the first: more would make Austria of Australia. Of a word
that is no name, no letter may be another one: content is not consent, though goverment is known.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache

import regex

from agents.language import PASSAGES_KEPT, STOP_WORDS, stem, words
from agents.normal_forms import normalized
from schemas import Passage

NAME_MIN = 5  # letters of a name in which one is forgiven: Iran is not Iraq
WORD_MIN = 7  # letters of another word
WORDS_MAX = 64  # of a question that are looked at
_INITIALS_MAX = 6  # letters of an abbreviation
_NUMERALS = {
    numeral: frozenset(spellings.split())
    for numeral, spellings in {
        "1": "i one first", "2": "ii two second", "3": "iii three third", "4": "iv four fourth",
        "5": "v five fifth", "6": "vi six sixth", "7": "vii seven seventh",
        "8": "viii eight eighth", "9": "ix nine ninth", "10": "x ten tenth",
        "11": "xi eleven eleventh", "12": "xii twelve twelfth",
    }.items()
}  # fmt: skip
"""How else small numbers are written."""
_CALLED = regex.compile(
    r"\p{Lu}[\p{L}'’]*+(?:(?:[ \n-]|\s(?:(?:of|the|and|for|in|on|de|des|du|la|und|für)\s)++)"
    r"\p{Lu}[\p{L}'’]*+)+"
)


def respelt(question: str, passages: Sequence[Passage]) -> str:
    """Put in place of words that stand nowhere in the passages those that they are meant for."""
    asked = [word for word in words(question)[:WORDS_MAX] if _may_be_misspelt(word)]
    if not asked:
        return question
    known = [_spellings(text) for one in passages for text in (one.title, one.text)]
    for word in dict.fromkeys(asked):
        if any(stem(word) in spellings.stems for spellings in known):
            continue
        meant = [found for spellings in known if (found := spellings.nearest(word))]
        if meant:
            pattern = rf"(?<![^\W_]){re.escape(word)}(?![^\W_])"
            question = re.sub(pattern, meant[0].replace("\\", r"\\"), question)
    return question


def otherwise_written(name: str, passages: Sequence[Passage]) -> bool:
    """Tell whether a number stands as a word, or an abbreviation as what it is short for."""
    texts = [text for one in passages for text in (one.title, one.text)]
    spelt = _NUMERALS.get(name, frozenset())
    return any(stands_for(name, text) or spelt & _spellings(text).folded for text in texts)


def stands_for(name: str, text: str) -> bool:
    """Tell whether a name in capitals is short for one of several words that a text holds."""
    return name.isupper() and name.casefold() in _spellings(text).initials


def _may_be_misspelt(word: str) -> bool:
    return len(word) >= NAME_MIN and word.isalpha() and word.casefold() not in STOP_WORDS


def _plain(word: str) -> str:
    """Take off a word its case and marks."""
    word = word.casefold()
    if word.isascii():
        return word
    parts = normalized("NFKD", word)
    return "".join(one for one in parts if not unicodedata.combining(one))


class _Spellings:
    """The words of one text."""

    def __init__(self, text: str) -> None:
        said = sorted(set(words(text)))
        self.stems = frozenset(map(stem, said))
        self.folded = frozenset(map(_plain, said))
        self.initials = frozenset(_initials(text))
        self._alike: defaultdict[tuple[str, int, bool], list[tuple[str, str]]] = defaultdict(list)
        """First letter, length, whether it is a name -> words without marks, and as written."""
        for word in said:
            if word.isalpha() and len(word) >= NAME_MIN - 1:
                plain = _plain(word)
                self._alike[plain[:1], len(plain), word[0].isupper()].append((plain, word))

    def nearest(self, word: str) -> str:
        """Return the word that one is meant for; nothing where there is none."""
        plain, name = _plain(word), word[0].isupper()
        if not name and len(plain) < WORD_MIN:
            return ""
        for length in (len(plain), len(plain) + 1, len(plain) - 1):
            for other, written in self._alike.get((plain[:1], length, name), ()):
                if other == plain or _one_letter(plain, other, another=name):
                    return written
        return ""


@lru_cache(maxsize=PASSAGES_KEPT)
def _spellings(text: str) -> _Spellings:
    return _Spellings(text)


def _initials(text: str) -> Iterator[str]:
    """Yield what names of several words may be short: their letters, from any one to any other."""
    for match in _CALLED.finditer(text):
        letters = "".join(word[0] for word in words(match[0]) if word[0].isupper()).casefold()
        for start in range(len(letters)):
            for end in range(start + 2, min(len(letters), start + _INITIALS_MAX) + 1):
                yield letters[start:end]


def _one_letter(one: str, other: str, *, another: bool) -> bool:
    """Tell whether a letter is missing, too many, or beside its place; or `another` one."""
    same = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    rest, behind = one[same:], other[same:]
    if len(one) != len(other):
        shorter, longer = sorted((rest, behind), key=len)
        return shorter == longer[1:]
    if rest[2:] == behind[2:] and rest[:2] == behind[1::-1]:
        return True
    return another and rest[1:] == behind[1:]
