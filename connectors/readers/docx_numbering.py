"""Numbers of headings and list items in Word files: they stand in no text, but are counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connectors.readers.markup import attribute, local

LEVELS = 9
_NONE = -1  # no item of a level was counted yet
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"),
    (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


@dataclass(frozen=True)
class NumberingLevel:
    """How items of a level are numbered."""

    format: str = "bullet"
    text: str = ""
    """Such as `%1.%2.`: the numbers of the levels, and what stands between them."""
    start: int = 1


@dataclass
class ListNumbers:
    """Counts the items of all lists of a document, in reading order."""

    levels: dict[str, dict[int, NumberingLevel]] = field(default_factory=dict)
    """By the id that paragraphs name."""
    list_of: dict[str, str] = field(default_factory=dict)
    """That id -> the list whose numbers go on: several ids may continue one."""
    _counts: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Any | None) -> ListNumbers:
        """Read the part that defines them."""
        abstract: dict[str, dict[int, NumberingLevel]] = {}
        numbering = cls()
        for one in () if root is None else root:
            if local(one) == "abstractNum":
                abstract[attribute(one, "abstractNumId")] = _levels(one)
            elif local(one) == "num":
                number = attribute(one, "numId")
                of = next((attribute(e, "val") for e in one if local(e) == "abstractNumId"), "")
                overrides = [e for e in one if local(e) == "lvlOverride"]
                own = _overridden(overrides)
                numbering.levels[number] = abstract.get(of, {}) | own
                numbering.list_of[number] = f"{of}/{number}" if overrides else of
        return numbering

    def mark(self, number: str, level: int) -> str:
        """Count an item and return what stands before it; empty for one of no list."""
        levels = self.levels.get(number)
        if levels is None or not 0 <= level < LEVELS:
            return ""
        here = levels.get(level, NumberingLevel())
        counts = self._counts.setdefault(self.list_of[number], [_NONE] * LEVELS)
        counts[level] = counts[level] + 1 if counts[level] != _NONE else here.start
        counts[level + 1 :] = [_NONE] * (LEVELS - level - 1)
        if here.format == "bullet":
            return "- "
        if here.format == "none":
            return ""
        mark = here.text
        for at in range(level + 1):
            of = levels.get(at, NumberingLevel())
            mark = mark.replace(
                f"%{at + 1}", spelt(of.start if counts[at] == _NONE else counts[at], of.format)
            )
        return f"{mark} " if mark.strip() else ""


def _levels(element: Any) -> dict[int, NumberingLevel]:
    return {_level(one): _read(one) for one in element if local(one) == "lvl"}


def _overridden(overrides: list[Any]) -> dict[int, NumberingLevel]:
    return {
        _level(override): _read(one)
        for override in overrides
        for one in override
        if local(one) == "lvl"
    }


def _level(element: Any) -> int:
    return whole(attribute(element, "ilvl"))


def _read(element: Any) -> NumberingLevel:
    values = {local(one): attribute(one, "val") for one in element}
    return NumberingLevel(
        values.get("numFmt", "decimal"),
        values.get("lvlText", "")[:40],
        whole(values.get("start", "1"), 1),
    )


def whole(text: str, default: int = 0) -> int:
    """Read a number; one of ten digits and more is 10^9, and what is none the default."""
    if not (text.isascii() and text.isdigit()):
        return default
    return int(text) if len(text) < 10 else 10**9


def spelt(number: int, form: str) -> str:
    """Spell a number as a list does."""
    if form in ("lowerLetter", "upperLetter"):
        letters = chr(97 + (number - 1) % 26) * min(1 + (number - 1) // 26, 9)
        return letters.upper() if form == "upperLetter" else letters
    if form in ("lowerRoman", "upperRoman") and number < 4_000:
        roman = ""
        for value, sign in _ROMAN:
            times, number = divmod(number, value)
            roman += sign * times
        return roman.upper() if form == "upperRoman" else roman
    if form == "decimalZero":
        return f"{number:02}"
    return str(number)
