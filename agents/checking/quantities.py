"""Quantities: the numbers of a sentence, with units, scale and bounds.

1,000 and 1000 and 1 thousand are one number, 1.000 may be two; 60 min are 1 h, but 1 kB is not
1 KiB. A number within a name (v1.2, us-east-2, p53) belongs to the name and is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

import regex

from agents.checking.units import BOUND_AFTER, BOUND_BEFORE, CURRENCIES, NUMERALS, SCALES, UNITS
from agents.language import STOP_WORDS, stem

DIGITS_MAX = 40
"""Longer ones are compared as they are written: to compute with them would not be linear."""
BEFORE_MAX = 28  # characters before a number in which its bound or currency stands
SEPARATORS = ",.'\u00a0\u2009\u202f"
WORD_MAX = 24  # characters of a unit or of the noun that is counted
GROUP = 3

_LUMP = regex.compile(
    r"(?<![\p{L}\p{N}_.<])(?<![\p{L}_][-/])(?:(?<!\p{N})[-−])?"
    r"(?P<digits>\d++(?:[,.'\u00a0\u2009\u202f]\d++)*+)(?![\p{N}_]|[./]\d|-\p{L}\p{Lu})"
    r"|(?<![\p{L}\p{N}_-])(?P<word>\p{L}{2,12}+(?:-\p{L}{3,5})?)(?![\p{L}\p{N}_])"
)
_BEGINNINGS = "".join(
    sorted({letter for word in NUMERALS for letter in (word[0], word[0].upper())})
)
_ASCII_LUMP = re.compile(
    r"(?<![A-Za-z0-9_.<])(?<![A-Za-z_][-/])(?:(?<![0-9])-)?"
    r"(?P<digits>[0-9]++(?:[,.'][0-9]++)*+)(?![0-9_]|[./][0-9]|-[A-Za-z][A-Z])"
    rf"|(?<![A-Za-z0-9_-])(?=[{_BEGINNINGS}])(?P<word>[A-Za-z]{{2,12}}+(?:-[A-Za-z]{{3,5}})?)(?![A-Za-z0-9_])"
)
"""The same for text of ASCII alone, but for words that begin as no numeral does."""
_TAIL = regex.compile(
    rf"(?P<glue>[\s-]?)(?P<first>%|[°º]?[CF]\b|[$€£¥₹]|[\p{{L}}µΩ]{{1,{WORD_MAX}}})?"
    rf"(?P<per>/\p{{L}}{{1,3}}\b)?(?:[\s-](?P<second>[\p{{L}}µΩ%]{{1,{WORD_MAX}}}))?"
)
_CURRENCY = regex.compile(r"(?:([$€£¥₹])|\b(USD|EUR|GBP|CHF|JPY))\s?\Z")
_RANGE = regex.compile(r"\s?(?:[-–—]|to|bis|à|a|and|und|et|y|or)\s?")


Number = int | Fraction
"""An exact number; whole ones are no fractions, which take ten times the time."""


class Quantity(NamedTuple):
    """A number of a sentence."""

    written: str
    """Its digits as they are written."""
    raw: tuple[Number, ...]
    """What it may be, without its unit; nothing where it has too many digits."""
    dimension: str
    """What its unit measures; empty without one."""
    factor: Number
    """The unit in the unit by which its dimension is compared."""
    noun: str
    """Stem of the word behind it, where that is no unit."""
    bound: str
    """`>=`, `>`, `<=`, `<`, or nothing for the number itself."""
    start: int
    """Where it stands in the sentence."""

    def same_value(self, other: Quantity) -> bool:
        """Tell whether two may be one number, in units that can be compared or left out."""
        if not self.raw or not other.raw:
            return self.written == other.written
        if self.dimension and other.dimension:
            return self.dimension == other.dimension and not self._scaled().isdisjoint(
                other._scaled()
            )
        return not set(self.raw).isdisjoint(other.raw)

    def _scaled(self) -> set[Number]:
        return {value * self.factor for value in self.raw}

    def values(self) -> set[Number | str]:
        """Return by what one number finds another: its values with and without unit."""
        if not self.raw:
            return {self.written}
        return {*self.raw} if self.factor == 1 else {*self.raw, *self._scaled()}

    def agrees(self, other: Quantity) -> bool:
        """Tell whether this number follows from another: the same, and no bound that it lacks."""
        return self.same_value(other) and (
            self.bound == other.bound
            or (not other.bound and self.bound in {">=", "<="})
            or (self.bound[:1] == other.bound[:1] != "" and other.bound in {">", "<"})
        )


def quantities(sentence: str) -> tuple[Quantity, ...]:
    """List the numbers of a sentence, in order; the unit of a range holds for both its ends."""
    found = list(_found(sentence))
    for index in range(len(found) - 1, 0, -1):
        one, other = found[index - 1], found[index]
        behind = one.start + len(one.written)
        joined = _RANGE.fullmatch(sentence, behind, min(other.start, behind + WORD_MAX))
        if joined and not one.dimension and (other.dimension or other.noun):
            found[index - 1] = one._replace(
                dimension=other.dimension, factor=other.factor, noun=other.noun
            )
    return tuple(found)


def _found(sentence: str) -> Iterator[Quantity]:
    behind = 0
    for match in (_ASCII_LUMP if sentence.isascii() else _LUMP).finditer(sentence):
        if match.start() < behind:
            continue
        word = match["word"]
        if word is not None:
            value = NUMERALS.get(word.casefold())
            raw: tuple[Number, ...] = () if value is None else (value,)
            if not raw:
                continue
        else:
            raw = _values(match["digits"], negative=match[0][0] in "-−")
        quantity, behind = _measured(sentence, match.start(), match.end(), raw)
        if quantity is not None:
            yield quantity


def _values(digits: str, *, negative: bool) -> tuple[Number, ...]:
    """Read digits with separators: one number, or the two that they may mean."""
    if len(digits) > DIGITS_MAX:
        return ()
    for blank in SEPARATORS[2:]:
        digits = digits.replace(blank, ",")
    marks = [sign for sign in digits if sign in ",."]
    groups = digits.replace(",", ".").split(".")
    grouped = 0 < len(groups[0]) <= GROUP and all(len(group) == GROUP for group in groups[1:])
    whole = int("".join(groups))
    values: tuple[Number, ...]
    if not marks:
        values = (whole,)
    elif len(set(marks)) == len(marks) or (marks[-1] not in marks[:-1] and len(set(marks)) == 2):
        # the last mark is the only one of its kind: the one of decimals, unless it may be a group's
        decimal = Fraction(whole, 10 ** len(groups[-1]))
        may_group = grouped and len(marks) == 1 and groups[0] != "0"
        values = (whole,) if may_group and marks == [","] else (decimal,)
        values += (whole,) if may_group and marks == ["."] else ()
    elif grouped and len(set(marks)) == 1:
        values = (whole,)
    else:  # a list or a version
        return ()
    return tuple(-value for value in values) if negative else values


def _measured(
    sentence: str, start: int, end: int, raw: tuple[Number, ...]
) -> tuple[Quantity | None, int]:
    """Add scale, unit, noun and bound to a number, and say where they end; None within a name."""
    tail = _TAIL.match(sentence, end)
    assert tail is not None  # all its parts may be missing
    glued = tail["glue"] == "" and tail["first"] is not None
    words = [word for word in (tail["first"], tail["second"]) if word]
    scale = _scale_of(words[0], glued=glued) if words else None
    behind = end
    if scale is not None:
        raw = tuple(value * scale for value in raw)
        behind = tail.end("first")
        words, glued = words[1:], False
    first = words[0] if words else ""
    unit = _unit_of(first + (tail["per"] or "")) or _unit_of(first)
    if glued and unit is None:
        return None, end
    before = sentence[max(0, start - BEFORE_MAX) : start]
    dimension, factor = unit or (_currency(before), 1)
    counted = words[1:2] if unit else words[:1]
    noun = "".join(stem(word) for word in counted if word.casefold() not in STOP_WORDS)
    bound = _bound(sentence, before, (behind, tail.end("first"), tail.end()))
    return Quantity(sentence[start:end], raw, dimension, factor, noun, bound, start), behind


def _currency(before: str) -> str:
    match = _CURRENCY.search(before)
    return CURRENCIES[match[1] or match[2]] if match else ""


def _scale_of(word: str, *, glued: bool) -> int | None:
    if glued and word in {"k", "K", "M", "bn", "B", "mn"}:
        return {"k": 10**3, "K": 10**3, "M": 10**6, "mn": 10**6, "bn": 10**9, "B": 10**9}[word]
    return SCALES.get(word.casefold())


def _unit_of(word: str) -> tuple[str, Number] | None:
    """Look a unit up as it is written, then whatever its case."""
    known: Mapping[str, tuple[str, Number]] = UNITS
    return known.get(word) or known.get(word.casefold())


def _bound(sentence: str, before: str, behind: tuple[int, ...]) -> str:
    """Return the bound that the words around a number make of it."""
    for bound, pattern in BOUND_BEFORE.items():
        if pattern.search(before):
            return bound
    for bound, pattern in BOUND_AFTER.items():
        if any(pattern.match(sentence, place, place + WORD_MAX) for place in behind if place >= 0):
            return bound
    return ""
