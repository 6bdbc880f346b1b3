"""Analyse text: the terms under which a chunk is found by its words.

A document and a question are folded alike: width, case, accents and digits of any script are
those of plain text, so `Zürich` is `zurich`, however wide. What signs or capitals join is a term
as a whole and by its parts, so that `us-east-2` and `GroundTruth` are found exactly and by their
words. Of scripts that write no spaces, a document has each character and each pair of neighbours,
and a question the pairs alone, as in Lucene's CJKBigramFilter: one character is in everything.

Why it is so: words are analysed here and not by Weaviate, which has no stemmer. The property
`terms` holds them with spaces between, and beside them the digests of the values behind the text's
placeholders, so that a question about a person finds the chunks that mention that person and no
others. Plain English words keep the terms that 0.1.0 gave them, so that its index goes on to be
found; what is folded, joined or unspaced is found there once it is indexed anew.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

import regex

from agents.normal_forms import normalized
from agents.placeholders import ONE_WORD

STOPWORDS = frozenset(
    re.split(
        r"\s",
        "a an and are as at be but by for if in into is it no not of on or such that the their then"
        " there these they this to was will with what which who how do does did i we you",
    )
)
WHOLE_CHARS_MAX = 128
"""Of a joined term as a whole: no identifier is longer, and addresses are found by their parts."""

_PLACEHOLDER = re.compile(ONE_WORD)
_MARKS = regex.compile(
    r"((?!\p{M})[\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}])\p{M}++|\u0640"
)
"""A letter with accents or vowel signs that may as well be left out, and the stroke that stretches
Arabic. Marks of other scripts are letters to their readers. (Looking back from each mark for its
letter would take the square of a run of marks.)"""
_SAME_LETTER = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ħ": "h",
        "ı": "i",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ð": "d",
        "ى": "ي",
        "ی": "ي",
        "ة": "ه",
        "ک": "ك",
    }
)
"""Letters that are written for one another, and that no normal form takes apart."""
_OTHER_DIGIT = regex.compile(r"[\p{Nd}--[0-9]]", regex.V1)
_ARTICLE = regex.compile(r"^(?:[وفبك]?ال|لل)(?=\p{Arabic}{3})")
"""The Arabic article, and what is written together with it (Larkey's light stemming)."""
_UNSPACED = (
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]"
)
_WORD = rf"[[\p{{L}}\p{{M}}\p{{N}}_]--{_UNSPACED}]++"
_TOKEN = regex.compile(rf"{_UNSPACED}++|{_WORD}(?:[-./:@+#,]{_WORD})*+", regex.V1)
_ASCII_TOKEN = re.compile(r"\w+(?:[-./:@+#,]\w+)*", re.ASCII)
"""The same for text of ASCII alone, in half the time."""
_IS_UNSPACED = regex.compile(_UNSPACED)
_PART = regex.compile(r"[\p{L}\p{M}\p{N}]++")
_HUMP = regex.compile(r"\p{Lu}{2,}(?!\p{Ll})|\p{Lu}?\p{Ll}++")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")


def stem(word: str) -> str:
    """Strip the commonest English endings, so that plural and singular meet."""
    for ending, rest in (
        ("sses", "ss"),
        ("ies", "y"),
        ("ing", ""),
        ("edly", ""),
        ("ed", ""),
        ("ly", ""),
        ("es", "e"),
        ("s", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            if ending == "s" and word.endswith("ss"):
                continue
            return word.removesuffix(ending) + rest
    return word


def terms(text: str) -> list[str]:
    """Analyse a text of a document: folded stems, neither stop words nor placeholders."""
    return list(_terms(text, query=False))


def query_terms(text: str) -> list[str]:
    """Analyse a question, in which a character of an unspaced script says too little alone."""
    return list(_terms(text, query=True))


def _terms(text: str, *, query: bool) -> Iterator[str]:
    plain = _PLACEHOLDER.sub(" ", text)
    ascii_only = plain.isascii()
    if not ascii_only:
        plain = _unmarked(plain)
    for token in (_ASCII_TOKEN if ascii_only else _TOKEN).findall(plain):
        if not ascii_only and _IS_UNSPACED.match(token):
            yield from _neighbours(token, query=query)
        else:
            yield from _joined(token)


def _unmarked(text: str) -> str:
    """Bring width, accents and digits into plain form; case stays, for it joins words."""
    bare = _MARKS.sub(r"\1", normalized("NFKD", text))
    digits = _OTHER_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), bare)
    return normalized("NFC", digits)


def _folded(word: str) -> str:
    """Fold the case of a word without marks, and the letters that stand for one another."""
    return _MARKS.sub(r"\1", word.casefold()).translate(_SAME_LETTER)


def _neighbours(run: str, *, query: bool) -> Iterator[str]:
    """Yield the pairs of a run without spaces, and its characters where pairs are not enough."""
    if not query or len(run) == 1:
        yield from run
    yield from map("".join, pairwise(run))


def _joined(token: str) -> Iterator[str]:
    """Yield the terms of a word, or of words that signs or capitals join."""
    parts = _PART.findall(token)
    for part in parts:
        yield from _word(part)
        if not part.islower() and not part.isupper():
            humps = _HUMP.findall(part)
            if len(humps) > 1:
                for hump in humps:
                    if len(hump) > 1:
                        yield from _word(hump)
    if len(token) > WHOLE_CHARS_MAX or token == "".join(parts):
        return
    if _THOUSANDS.fullmatch(token):
        yield token.replace(",", "")
    elif "," not in token:
        yield _folded(token)


def _word(word: str) -> Iterator[str]:
    plain = word.lower() if word.isascii() else _ARTICLE.sub("", _folded(word))
    if plain not in STOPWORDS:
        yield stem(plain)
