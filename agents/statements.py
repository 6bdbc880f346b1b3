"""Statements: where the sentences of a text begin and end, with what belongs to them.

The rule of `agents.language.sentences` stays as it is, because old logs rest on it. It cuts list
numerals off ("1." / "Open the file."), knows few abbreviations and few ends of other scripts. Here
a statement keeps its numeral or bullet, also where that stands on a line of its own, and is told
with its place, so that who shows or cites it can point at it.

An end is a mark that ends sentences, behind it closing marks and a blank, and then a beginning: a
capital, a numeral, a placeholder, a letter of a script without capitals. So nothing within v1.2,
3.50, a.txt or https://a.example/b?c=1 is one. Lines end statements too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import regex

TEXTS_KEPT = 1_024
"""Texts whose statements are kept: each passage is looked at several times an answer."""
MARKER_MAX = 16  # characters of a numeral or bullet, with the blanks before it
BEFORE_MAX = 24  # characters looked at before a full stop: its word and the one before
WORD_MIN = 7  # letters of a word that is longer than any abbreviation below

_END = regex.compile(
    r"[.!?…\n](?:(?<=\n)\s*+"
    r"|(?<!\n)[.!?…]*+[\"'”’»)\]]*+\s++(?=[\"'“‘«(\[<¿¡]?[\p{Lu}\p{Lo}\p{N}<]|\(?\p{Ll}\)\s))"
    r"|[。！？｡।॥؟۔።]++[\"'”’」』）】》〉]*+\s*+"
)
"""Marks and the blanks behind them, or a line break and those: see `agents.language`."""
_ASCII_END = re.compile(
    r"[.!?\n](?:(?<=\n)\s*+"
    r"|(?<!\n)[.!?]*+[\"')\]]*+\s++(?=[\"'(\[<]?[A-Z0-9<]|\(?[a-z]\)\s))",
    re.ASCII,
)
"""The same for text of ASCII alone."""
_BLANKS_BEFORE = regex.compile(r"(?r)[^\S\n]*+")
_MARKER = regex.compile(
    r"\s*(?:[-*+•‣◦–—]|\(?(?:\d{1,4}(?:\.\d{1,3}){0,3}|\p{L}|[ivxIVX]{1,5})[.)]|#{1,6})"
)
_NEVER_ENDS = regex.compile(
    r"(?<![\p{L}.])(?:Drs?|Mrs?|Ms|Mx|Prof|St|Gen|Sen|Rep|Gov|Capt|Lt|Sgt|Col|Rev|Hon|Hr|Mme|Mlle|Sra?"
    r"|Srta|vs|cf|al|approx|ca|circa|incl|resp|esp|viz|bzw|inkl|zzgl|evtl|ggf|vgl|sog|env"
    r"|e\.g|i\.e|z\.\s?B|d\.\s?h|u\.\s?a|o\.\s?[äÄ]|p\.\s?ex|p\.\s?ej|c\.-à-d)\Z"
)
_ENDS_UNLESS_NUMBERED = regex.compile(
    r"(?<![\p{L}.])(?:[Nn]os?|[Nn]rs?|[Nn]úms?|[Ff]igs?|[Aa]bb|[Tt]ab|[Ee]qs?|[Ss]ecs?|[Ss]ect"
    r"|[Cc]h|[Cc]hap|[Kk]ap|[Aa]rts?|[Aa]bs|[Vv]ols?|[Bb]d|pp?|[Ss]|ed|Aufl|vers|Ver|Jan|Feb|Mar"
    r"|Mär|Apr|Jun|Jul|Aug|Sept?|Oct|Okt|Nov|Dec|Dez|janv|févr|avr|juil|déc)\Z"
)
_ENDS_BEFORE_A_BEGINNING = regex.compile(
    r"(?<![\p{L}'’])(?:\p{L}|Inc|Ltd|Co|Corp|Jr|Bros|Dept|Univ|GmbH|Str|Ave|Blvd|Rd)\Z"
)
_BEGINNING = regex.compile(
    r"(?:The|This|That|These|Those|It|He|She|They|We|You|There|In|On|At|If|When|While|For|From|Its"
    r"|Their|His|But|And|As|By|To|Then|Der|Die|Das|Es|Er|Sie|Wir|Wenn|Im|Am|Le|Les|Il|Elle|Ils|On"
    r"|Nous|El|Los|Las|Ella|Si|No)\b"
)
_ORDINAL = regex.compile(  # German: "am 12. Mai", "im 19. Jahrhundert", "der 2. Versuch"
    r"(?<!\p{L})(?i:am|im|vom|zum|zur|bis|ab|seit|de[rmns]|die|das|eine?[rmn]?|jede[rmns]?|unser)"
    r"\s\d{1,2}\Z"
)
_GERMAN_MONTH = regex.compile(
    r"(?:Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)"
)
_DAY = regex.compile(r"(?<!\w)\d{1,2}\Z")
_LISTED = regex.compile(r"[:;]\s\(?(?:\d{1,3}|\p{L})\Z")


class Statement(NamedTuple):
    """One sentence, line or item of a text."""

    start: int
    """Where it begins in the text, in characters."""
    end: int
    """Behind its last character that is no blank."""
    text: str
    """As written, but with one space for each run of white space."""


def statement_ends(text: str, start: int = 0) -> Iterator[int]:
    """Yield where statements end, each behind its blanks, from a place on at which one begins.

    While a text grows the last of them may go again, until the word behind it is whole.
    """
    pattern = _ASCII_END if text.isascii() else _END
    for end in pattern.finditer(text, start):
        mark = end.start()
        if text[mark] == "\n":  # it ends with the blanks before the line break
            blanks = _BLANKS_BEFORE.match(text, start, mark)
            assert blanks is not None  # there may be none
            mark = blanks.start()
        if _is_end(text, start, mark, end.end()):
            start = end.end()
            yield start


@lru_cache(maxsize=TEXTS_KEPT)
def statements(text: str) -> tuple[Statement, ...]:
    """Split a text into its statements, in order; nothing but white space stands between them."""
    found = []
    start = 0
    for cut in (*statement_ends(text), len(text)):
        part = text[start:cut]
        plain = " ".join(part.split())
        if plain:
            begin = start + len(part) - len(part.lstrip())
            found.append(Statement(begin, start + len(part.rstrip()), plain))
        start = cut
    return tuple(found)


def _is_end(text: str, start: int, mark: int, behind: int) -> bool:
    """Tell whether a statement that began at `start` ends with the mark found at `mark`."""
    if mark - start <= MARKER_MAX and _is_marker(text, start, mark, behind):
        return False
    if text[mark] != "." or not text[mark + 1].isspace():
        return True
    if text[max(start, mark - WORD_MIN) : mark].isalpha() and mark - start >= WORD_MIN:
        return True
    before = max(start, mark - BEFORE_MAX)
    if _NEVER_ENDS.search(text, before, mark) or _LISTED.search(text, before, mark):
        return False
    if _ENDS_UNLESS_NUMBERED.search(text, before, mark):
        return not text[behind].isdigit()
    if _ENDS_BEFORE_A_BEGINNING.search(text, before, mark):
        return _BEGINNING.match(text, behind) is not None
    if _ORDINAL.search(text, before, mark):
        return False
    return not (_DAY.search(text, before, mark) and _GERMAN_MONTH.match(text, behind))


def _is_marker(text: str, start: int, mark: int, behind: int) -> bool:
    """Tell whether all up to a mark is a numeral or bullet, and what it belongs to follows."""
    stop = mark if text[mark].isspace() else mark + 1
    if _MARKER.fullmatch(text, start, stop) is None or behind >= len(text):
        return False
    return _MARKER.match(text, behind, behind + MARKER_MAX) is None
