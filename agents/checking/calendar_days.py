"""Calendar days: the dates and times of day of a sentence, however they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import regex

_NAMES = (
    "january januar jänner janvier enero jan janv ene|february februar février febrero feb févr|"
    "march märz mars marzo mär|april avril abril apr avr abr|may mai mayo|"
    "june juni juin junio jun|july juli juillet julio jul juil|"
    "august août agosto aug|september septembre septiembre sep sept|"
    "october oktober octobre octubre oct okt|"
    "november novembre noviembre nov|december dezember décembre diciembre dec dez déc dic"
)
MONTHS = {
    name: number
    for number, names in enumerate(_NAMES.split("|"), start=1)
    for name in names.split()
}
_MONTH = "|".join(sorted(MONTHS, key=lambda name: (-len(name), name)))
_YEAR = r"(?P<year>[12]\d{3})"
_FORMS = (
    # 2024-05-12, 2024-05
    r"(?P<iso>[12]\d{3})-(?P<iso_month>0[1-9]|1[0-2])(?:-(?P<iso_day>[0-3]\d))?(?:T(?=\d))?",
    # 12.5.2024, 12/05/2024, 5/12/2024
    r"(?P<one>\d{1,2})(?P<mark>[./])(?P<other>\d{1,2})(?P=mark)(?P<mark_year>[12]\d{3})",
    # 12 May 2024, 12. Mai, 12 de mayo de 2024, the 12th of May
    rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|\.)?\s(?:of\s|de\s)?(?P<month>{_MONTH})\b\.?(?:,?\s(?:de\s|del\s)?{_YEAR})?",
    # May 12, 2024
    rf"(?P<month_first>{_MONTH})\.?\s(?P<day_last>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s(?P<year_last>[12]\d{{3}}))?",
    # May 2024
    rf"(?P<month_only>{_MONTH})\.?,?\s(?:de\s|of\s)?(?P<its_year>[12]\d{{3}})",
    # 14:30, 2:30 pm, 2 pm
    r"(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::[0-5]\d)?(?:\s?(?P<half>[ap]\.?m\b))?",
    r"(?P<full>1[0-2]|[1-9])\s?(?P<full_half>[ap]\.?m\b)",
)
_POINT = regex.compile(
    r"(?<![\p{L}\p{N}_.:/-])(?:" + "|".join(_FORMS) + r")(?![\p{N}_]|[:./]\d)", regex.IGNORECASE
)
_DIGIT = regex.compile(r"\d")
_JOINED = re.compile(r"[0-9](?:[-./:][0-9]|\s?[apAP]\.?[mM])")
_MONTH_BEGUN = re.compile(
    rf"(?:{'|'.join(sorted({name[:3] for name in MONTHS if name.isascii()}))})(?<![a-z][a-z]{{3}})"
)
BEFORE_MAX = 16
_BOUNDS = {
    bound: regex.compile(rf"\b(?:{words})(?: the)?\s\Z", regex.IGNORECASE)
    for bound, words in {
        ">=": "since|from|starting|starting on|seit|ab|depuis|desde",
        "<=": "until|till|by|through|bis|bis zum|jusqu['’]au|hasta el|hasta",
        ">": "after|nach|nach dem|après le|après|después del?",
        "<": "before|prior to|vor|vor dem|avant le|avant|antes del?",
    }.items()
}


class CalendarPoint(NamedTuple):
    """A date or a time of day that a sentence names."""

    parts: tuple[int, int, int]
    """Year, month and day; 0 for what is not said."""
    minute: int
    """Of the day; -1 for a date."""
    swapped: bool
    """Whether day and month may be the other way round, as in 5/12/2024."""
    bound: str
    """`>=`, `>`, `<=`, `<`, or nothing for the day itself."""
    start: int
    end: int

    def key(self) -> tuple[tuple[int, int, int], int, str]:
        """Return what equal points have in common, wherever they stand."""
        return self.parts, self.minute, self.bound

    def readings(self) -> Iterator[tuple[int, int, int]]:
        """Yield what it may mean."""
        yield self.parts
        if self.swapped:
            year, month, day = self.parts
            yield year, day, month

    def follows_from(self, other: CalendarPoint) -> bool:
        """Tell whether another says all that this one says."""
        return self.minute == other.minute and any(
            all(a in {0, b} for a, b in zip(one, two, strict=True))
            for one in self.readings()
            for two in other.readings()
        )

    def excludes(self, other: CalendarPoint) -> bool:
        """Tell whether both can't be the same: they differ in what both say."""
        if (self.minute < 0) != (other.minute < 0):
            return False
        return self.minute != other.minute or all(
            any(a and b and a != b for a, b in zip(one, two, strict=True))
            for one in self.readings()
            for two in other.readings()
        )


def calendar_points(sentence: str) -> tuple[CalendarPoint, ...]:
    """List the dates and times of a sentence, in order; each has a digit, which few have."""
    if _DIGIT.search(sentence) is None or _holds_none(sentence):
        return ()
    return tuple(point for match in _POINT.finditer(sentence) if (point := _point(match, sentence)))


def _holds_none(sentence: str) -> bool:
    """Tell of a sentence of ASCII that no form can stand in it: no digits joined, no month begun.

    Most numbers of a text are such, and this takes a tenth of the time that the forms take.
    """
    return sentence.isascii() and not (
        _JOINED.search(sentence) or _MONTH_BEGUN.search(sentence.lower())
    )


def _point(match: regex.Match[str], sentence: str) -> CalendarPoint | None:
    before = sentence[max(0, match.start() - BEFORE_MAX) : match.start()]
    bound = next((sign for sign, words in _BOUNDS.items() if words.search(before)), "")
    place = bound, match.start(), match.end()
    if match["hour"] or match["full"]:
        return CalendarPoint((0, 0, 0), _minute(match), False, *place)
    if match["mark"]:
        return _marked(match, place)
    if match["month_first"] and match["month_first"].islower():
        return None  # "may 3 of them"
    name = match["month"] or match["month_first"] or match["month_only"]
    month = MONTHS[name.casefold()] if name else int(match["iso_month"])
    year = match["iso"] or match["year"] or match["year_last"] or match["its_year"] or 0
    day = int(match["iso_day"] or match["day"] or match["day_last"] or 0)
    return CalendarPoint((int(year), month, day), -1, False, *place) if day <= 31 else None


def _marked(match: regex.Match[str], place: tuple[str, int, int]) -> CalendarPoint | None:
    """Read a date of numbers alone: with full stops the day comes first, with slashes it may."""
    day, month, year = int(match["one"]), int(match["other"]), int(match["mark_year"])
    if month > 12:
        day, month = month, day
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    swapped = match["mark"] == "/" and day <= 12 and day != month
    return CalendarPoint((year, month, day), -1, swapped, *place)


def _minute(match: regex.Match[str]) -> int:
    half = (match["half"] or match["full_half"] or "").casefold()
    hour = int(match["hour"] or match["full"])
    if half:
        hour = hour % 12 + (12 if half[0] == "p" else 0)
    return 60 * hour + int(match["minute"] or 0)
