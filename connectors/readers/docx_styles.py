"""Which paragraphs of a Word file are headings and list items: by style, and by their own word."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.readers.docx_numbering import whole
from connectors.readers.markup import attribute, local

HEADING_LEVEL_MAX = 6  # as in HTML; Word has nine
BODY_LEVEL = 9  # what Word calls the outline level of what is no heading
_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_STYLES_MAX = 30  # that are based on each other


@dataclass(frozen=True)
class ParagraphStyle:
    """What a paragraph is."""

    level: int = 0
    """Of a heading, from 1; 0 for another paragraph."""
    is_title: bool = False
    number: str = ""
    """Id of the list that it is an item of; empty or "0" for none."""
    depth: int = 0
    """In that list, from 0."""

    def changed_by(self, properties: Any | None) -> ParagraphStyle:
        """Return the style with what paragraph properties (`pPr`) say instead."""
        style = self
        for one in () if properties is None else properties:
            if local(one) == "outlineLvl":
                style = replace(style, level=_heading_level(whole(attribute(one, "val"), 9)))
            elif local(one) == "numPr":
                values = {local(e): attribute(e, "val") for e in one}
                style = replace(
                    style,
                    number=values.get("numId", style.number),
                    depth=whole(values.get("ilvl", ""), style.depth),
                )
        return style


@dataclass
class Styles:
    """The styles of a document."""

    _defined: dict[str, Any] = field(default_factory=dict)
    _known: dict[str, ParagraphStyle] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Any | None) -> Styles:
        """Read the part that defines them."""
        styles = () if root is None else root
        return cls({attribute(one, "styleId"): one for one in styles if local(one) == "style"})

    def of(self, properties: Any | None) -> ParagraphStyle:
        """Say what a paragraph is, by its properties."""
        style = ParagraphStyle()
        if properties is not None:
            for one in properties:
                if local(one) == "pStyle":
                    style = self._named(attribute(one, "val"))
        return style.changed_by(properties)

    def _named(self, name: str) -> ParagraphStyle:
        """Return a style with what it inherits, by no recursion."""
        if name in self._known:
            return self._known[name]
        line: list[Any] = []
        at = name
        while at in self._defined and len(line) < _STYLES_MAX:
            line.append(self._defined[at])
            based = next((one for one in line[-1] if local(one) == "basedOn"), None)
            at = "" if based is None else attribute(based, "val")
        style = ParagraphStyle()
        for one in reversed(line):
            style = _own(one, style)
        self._known[name] = style
        return style


def _own(element: Any, style: ParagraphStyle) -> ParagraphStyle:
    for one in element:
        if local(one) == "name":
            name = attribute(one, "val").strip().lower()
            if heading := _HEADING.fullmatch(name):
                style = replace(style, level=_heading_level(int(heading.group(1)) - 1))
            elif name == "title":
                style = replace(style, level=1, is_title=True)
        elif local(one) == "pPr":
            style = style.changed_by(one)
    return style


def _heading_level(outline: int) -> int:
    return 0 if outline >= BODY_LEVEL else min(outline + 1, HEADING_LEVEL_MAX)
