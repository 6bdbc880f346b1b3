"""Number style: how a person writes numbers, read from those that they wrote.

`2,340` is two thousand in English and two and a bit in German, so each number of a text is evidence
of how the others are meant; where none tells, the text's language does. Numbers that speak against
each other have no style, and then nothing is worked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import regex

NUMBER = regex.compile(
    r"(?<![\p{L}\p{N}.,])(?:[0-9]{1,3}(?:[ \u00a0\u202f'’][0-9]{3})+(?![0-9])(?:[.,][0-9]+)?"
    r"|[0-9]+(?:[.,][0-9]+)*|[.,][0-9]+)(?![\p{L}\p{N}])"
)
"""A number as it is written anywhere; what it means is read from all of them."""
COMMA_LANGUAGES = frozenset(["de", "fr", "es", "it", "pt", "nl"])
GROUPS = {"de": ".", "fr": "\u202f", "es": "\u00a0", "it": ".", "pt": ".", "nl": "."}
"""What stands between thousands, by language; elsewhere a comma."""
GROUPED_FROM = 5  # digits of a whole number that is written in groups where nobody showed how
_SPACES = " \u00a0\u202f'’"


@dataclass(frozen=True)
class NumberStyle:
    """How numbers are written."""

    point: str
    """Between the whole and its decimals."""
    group: str
    """Between thousands; empty where they stand together."""

    def plain(self, number: str) -> str:
        """Spell a number with a decimal point and nothing else."""
        digits = "".join(one for one in number if one.isdigit() or one == self.point)
        return digits.replace(self.point, ".")

    def written(self, value: str) -> str:
        """Spell a decimal number as the person would."""
        sign = "-" if value.startswith("-") else ""
        whole, _, decimals = value.removeprefix("-").partition(".")
        if self.group:
            head = len(whole) % 3
            groups = [whole[:head]] if head else []
            groups += [whole[at : at + 3] for at in range(head, len(whole), 3)]
            whole = self.group.join(groups)
        return f"{sign}{whole}{self.point}{decimals}" if decimals else f"{sign}{whole}"


def number_style(numbers: Sequence[str], language: str) -> NumberStyle | None:
    """Read the style of some numbers; None where they contradict each other."""
    points: set[str] = set()
    groups: set[str] = set()
    unsure: list[str] = []
    for number in numbers:
        marks = [one for one in number if not one.isdigit()]
        kinds = set(marks)
        if len(kinds) > 2:
            return None
        if len(kinds) == 2:
            if marks[:-1] != [marks[0]] * (len(marks) - 1):
                return None  # as in 1,234.567,8
            groups.add(marks[0])
            points.add(marks[-1])
        elif len(marks) > 1 or kinds & set(_SPACES):
            groups.add(marks[0])
        elif marks and _could_be_group(number, marks[0]):
            unsure.append(marks[0])
        elif marks:
            points.add(marks[0])
    style = _agreed(points, groups, unsure, language, numbers)
    well = style is not None and all(_fits(number, style) for number in numbers)
    return style if well else None


def _could_be_group(number: str, mark: str) -> bool:
    whole, _, rest = number.partition(mark)
    return len(rest) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0")


def _agreed(
    points: set[str], groups: set[str], unsure: list[str], language: str, numbers: Sequence[str]
) -> NumberStyle | None:
    if len(points) > 1 or len(groups) > 1 or points & groups:
        return None
    usual = "," if language in COMMA_LANGUAGES else "."
    group = next(iter(groups), "")
    point = next(iter(points), "") or {",": ".", ".": ","}.get(group, usual)
    if not group and any(mark != point for mark in unsure):
        group = next(mark for mark in unsure if mark != point)
    if not group:
        group = _usual_group(point, language, numbers)
    return NumberStyle(point, group)


def _usual_group(point: str, language: str, numbers: Sequence[str]) -> str:
    """Return what stands between thousands where nobody showed it: nothing, if nobody needed it."""
    if any(len(number.partition(point)[0]) >= GROUPED_FROM for number in numbers):
        return ""
    usual = GROUPS.get(language, ",")
    return usual if usual != point else {",": ".", ".": ","}.get(point, "")


def _fits(number: str, style: NumberStyle) -> bool:
    """Tell whether a number reads well in a style: groups of three, and one point."""
    whole, point, decimals = number.partition(style.point)
    if (point and not decimals) or not (decimals or "0").isdigit():
        return False
    if style.group and style.group in whole:
        first, *others = whole.split(style.group)
        return 1 <= len(first) <= 3 and all(len(one) == 3 and one.isdigit() for one in others)
    return whole.isdigit() or (not whole and bool(decimals))
