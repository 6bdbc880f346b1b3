"""Walk a parsed HTML page: what a reader can see of it, as blocks in reading order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from connectors.readers.blocks import block, flat, normalise, prose
from connectors.readers.html_views import SeenParts, is_frame, role_of
from schemas import Block

# fmt: off
_SILENT = {
    **dict.fromkeys(("head", "nav"), "navigation"),
    **dict.fromkeys((
        "iframe", "object", "embed", "applet", "canvas", "audio", "video", "map", "select",
        "textarea", "input", "datalist", "noframes",
    ), "fields of forms and embedded objects"),
}
"""Tag -> what is left out with it, as a note says it."""
_SILENT_ROLES = frozenset(("navigation", "search", "menu", "menubar"))
_BREAKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "dir",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4",
    "h5", "h6", "header", "hgroup", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "p",
    "pre", "section", "summary", "ul", "table", "caption", "thead", "tbody", "tfoot", "tr", "td",
    "th",
))
_LISTS = ("ul", "ol", "dir", "menu")
# fmt: on
_HEADING = re.compile(r"h[1-6]")
_NEWLINES = re.compile(r"[\r\n]+")
TAB_LEVEL = 6  # of the heading above what lies behind a tab: below every heading of the page
CELL_CHARS_MAX = 2_000  # of a table of data; what is longer is a part of a page


@dataclass
class Page:
    """Reads a parsed page into blocks, without recursion: pages nest as deep as they like."""

    seen: SeenParts
    boilerplate: bool
    """Whether to read navigation and what else is silent for a reader, too."""
    blocks: list[Block] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """What -> how many times it was left out."""
    _text: list[str] = field(default_factory=list)
    _lists: list[int] = field(default_factory=list)
    _links: list[int] = field(default_factory=list)
    """Where the text of the links around begins."""
    _mark: str = ""
    _items: list[str] = field(default_factory=list)

    def read(self, root: Any) -> None:
        """Walk the page in reading order."""
        stack: list[tuple[Any, bool]] = [(root, False)]
        while stack:
            element, leaving = stack.pop()
            if leaving:
                self._leave(element)
            elif isinstance(element.tag, str) and not (
                self._silent(element) or self._whole(element)
            ):
                self._enter(element)
                self._text.append(element.text or "")
                stack.append((element, True))
                stack.extend((child, False) for child in reversed(element))
                continue
            self._text.append(element.tail or "")
        self._flush()
        self._flush_list()

    def notes(self) -> list[str]:
        """Tell what was left out."""
        return [f"{what} left out: {count}" for what, count in sorted(self.left_out.items())]

    def _silent(self, element: Any) -> bool:
        if self.boilerplate:
            return bool(element.tag == "head")
        if element in self.seen.tabs:  # what it says stands above its panel
            return True
        why = self._why_silent(element)
        if why and element.tag != "head" and any(not text.isspace() for text in element.itertext()):
            self.left_out[why] += 1
        return bool(why)

    def _why_silent(self, element: Any) -> str:
        """Say as what an element is left out; empty for one that is read."""
        if element.tag in _SILENT:
            return _SILENT[element.tag]
        role = role_of(element)
        if role in _SILENT_ROLES:
            return "navigation"
        if is_frame(element):
            return "" if element in self.seen.wordy else "navigation"
        if self._hidden(element) and not self._openable(element, role):
            return "hidden parts"
        return ""

    @staticmethod
    def _hidden(element: Any) -> bool:
        if element.tag == "dialog" and element.get("open") is None:
            return True
        return (
            element.get("hidden") is not None
            or element.get("aria-hidden", "").lower() == "true"
            or "display:none" in element.get("style", "").replace(" ", "").lower()
        )

    def _openable(self, element: Any, role: str) -> bool:
        return (
            role == "tabpanel"
            or element.get("hidden", "").lower() == "until-found"
            or element.get("id") in self.seen.openable
        )

    def _whole(self, element: Any) -> bool:
        """Read a heading, a listing or a table of data in one piece; say whether it was one."""
        tag = element.tag
        if _HEADING.fullmatch(tag):
            read = list(block("heading", said(element), int(tag[1])))
        elif tag == "pre":
            read = list(block("code", "".join(element.itertext())))
        elif tag == "table" and _is_data(element):
            captions = " ".join(said(caption) for caption in element.iterfind("caption"))
            read = [
                *block("paragraph", captions),
                *block("table", "\n".join(_TableRows().of(element))),
            ]
        else:
            return False
        self._flush()
        self._flush_list()
        self.blocks.extend(read)
        return True

    def _enter(self, element: Any) -> None:
        tag = element.tag
        if tag in _BREAKS:
            self._flush()
        if label := self.seen.labels.get(element):
            self._flush()
            self._flush_list()
            self.blocks.extend(block("heading", label, TAB_LEVEL))
        if tag in _LISTS:
            start = element.get("start", "1")
            numbered = int(start) if start.isdecimal() and len(start) < 6 else 1
            self._lists.append(numbered if tag == "ol" else -1)
        elif tag == "li":
            number = self._lists[-1] if self._lists else -1
            self._mark = "- " if number < 0 else f"{number}. "
            if number >= 0:
                self._lists[-1] += 1
        elif tag == "img" and element.get("alt"):
            self._text.append(f" {element.get('alt')} ")
        elif tag == "button":
            self._text.append(" ")
        elif tag == "a":
            self._links.append(len(self._text))

    def _leave(self, element: Any) -> None:
        tag = element.tag
        if tag in _BREAKS:
            self._flush()
        if tag == "button":
            self._text.append(" ")
        elif tag == "a":
            said = "".join(self._text[self._links.pop() :])
            if said.strip() and (target := self.seen.target(element, said)):
                self._text.append(f" ({target})")
        if tag in _LISTS:
            self._lists.pop()
            if not self._lists:
                self._flush_list()

    def _flush(self) -> None:
        """Close the paragraph or list item that is being read."""
        text, self._text = "".join(self._text), []
        if not text or text.isspace() or not (text := prose(normalise(_NEWLINES.sub(" ", text)))):
            return
        if self._lists:
            self._items.append(self._mark + text)
            self._mark = ""
        else:
            self.blocks.extend(block("paragraph", text))

    def _flush_list(self) -> None:
        items, self._items = self._items, []
        self.blocks.extend(block("list", "\n".join(items)))


def said(element: Any) -> str:
    """Read an element as one line, with a space wherever a block begins or ends."""
    parts: list[str] = []
    for event, inner in etree.iterwalk(element, events=("start", "end")):
        if inner.tag in _BREAKS:
            parts.append(" ")
        if event == "start":
            parts.append(inner.text or "")
        elif inner is not element:
            parts.append(inner.tail or "")
    return flat("".join(parts))


class _TableRows:
    """Reads the rows in one walk, since those of a broken page stand in cells of one another.

    What stands beside the cells of a broken row is a cell of its own. Captions are read elsewhere.
    """

    def __init__(self) -> None:
        self._rows: list[list[str]] = []
        self._around: list[list[str]] = []
        """The rows that are being read."""
        self._began: list[int] = []
        """Where the cells that are being read begin among the parts."""
        self._parts: list[str] = []
        self._captions = 0
        """Captions that are being read."""

    def of(self, table: Any) -> Iterator[str]:
        """Return a line for each row that says something."""
        for event, element in etree.iterwalk(table, events=("start", "end")):
            if event == "start":
                self._start(element)
            else:
                self._end(element)
                self._say("" if element is table else element.tail)
        return (" | ".join(cells) for cells in self._rows if any(cells))

    def _start(self, element: Any) -> None:
        self._part(element.tag)
        self._captions += element.tag == "caption"
        if element.tag == "tr":
            self._rows.append([])
            self._around.append(self._rows[-1])
        elif _is_cell(element):
            self._began.append(len(self._parts))
        self._say(element.text)

    def _end(self, element: Any) -> None:
        if _is_cell(element):
            self._around[-1].append(flat("".join(self._parts[self._began.pop() :])))
        self._part(element.tag)
        self._captions -= element.tag == "caption"
        if element.tag == "tr":
            self._around.pop()

    def _part(self, tag: Any) -> None:
        """Part words where a block begins or ends; one space says as much as many."""
        if tag in _BREAKS and self._parts[-1:] != [" "]:
            self._parts.append(" ")

    def _say(self, text: str | None) -> None:
        if not text:
            return
        if self._began:
            self._parts.append(text)
        elif not self._captions and not text.isspace():
            if not self._around:
                self._rows.append([])
            (self._around or self._rows)[-1].append(flat(text))


def _is_cell(element: Any) -> bool:
    return element.tag in ("td", "th") and element.getparent().tag == "tr"


def _is_data(table: Any) -> bool:
    """Whether a table holds data, not the layout of a page."""
    if table.find(".//table") is not None or table.find(".//h1") is not None:
        return False
    widest = max(
        (sum(1 for _ in row.iterchildren("td", "th")) for row in table.iter("tr")), default=0
    )
    return widest > 1 and _longest_cell(table) <= CELL_CHARS_MAX


def _longest_cell(table: Any) -> int:
    """Measure the longest cell in one walk, since cells of a broken page stand in one another."""
    longest = read = 0
    began: list[int] = []
    for event, element in etree.iterwalk(table, events=("start", "end")):
        if event == "start":
            if element.tag == "td":
                began.append(read)
            read += len(element.text or "")
        else:
            if element.tag == "td":
                longest = max(longest, read - began.pop())
            read += len(element.tail or "")
    return longest
