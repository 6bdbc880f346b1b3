"""One story of a Word file, its body or a note or a header, as blocks in reading order.

What a reader of the document sees is read: text boxes and content controls where they stand,
insertions, but not deletions, nor what is hidden, nor the instructions of fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.readers.blocks import block
from connectors.readers.docx_numbering import ListNumbers, whole
from connectors.readers.docx_styles import ParagraphStyle, Styles
from connectors.readers.markup import attribute, events, local
from connectors.readers.table_blocks import CELL_CHARS_MAX, row_text, table
from schemas import Block

LIST_CHARS = 65_536  # of items in a block: what passes to the worker at once
COLUMNS_MAX = 100  # that a merged cell may span: a file may say a billion
_LEFT_OUT = frozenset(
    ("del", "moveFrom", "Fallback", "rt", "pPr", "rPr", "tblPr", "tblGrid", "trPr", "tcPr",
     "sectPr", "sdtPr", "instrText", "delText", "numbering", "object")
)  # fmt: skip


@dataclass
class _Paragraph:
    style: ParagraphStyle
    parts: list[str] = field(default_factory=list)


@dataclass
class _Table:
    rows: list[list[str]] = field(default_factory=list)
    cell: list[str] = field(default_factory=list)


@dataclass
class Story:
    """Reads one story; what it meets beside the text is counted and kept for who asked."""

    styles: Styles
    numbering: ListNumbers
    drawn: Callable[[Any], Iterable[Block]]
    """Reads the charts and diagrams of a drawing."""
    footnotes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Text of the notes that the story refers to, by kind of reference and id."""
    titles: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    """Of deletions, hidden runs, nested tables."""
    _paragraphs: list[_Paragraph] = field(default_factory=list)
    _tables: list[_Table] = field(default_factory=list)
    _items: list[str] = field(default_factory=list)
    _items_chars: int = 0
    _due: list[Block] = field(default_factory=list)
    """Of notes and drawings: they follow what refers to them."""
    _notes: int = 0

    def read(self, root: Any) -> Iterator[Block]:
        """Read the element that holds the story."""
        for begins, name, one in events(root, _LEFT_OUT):
            if begins:
                self._begin(name, one)
            elif name == "p" and self._paragraphs:
                yield from self._end_paragraph()
            elif name in ("tc", "tr", "tbl") and self._tables:
                yield from self._end_of_table_part(name, one)
        yield from self._end_list()
        yield from self._followers()

    # ------------------------------------------------------------------ beginnings

    def _begin(self, name: str, one: Any) -> None:
        if name == "p":
            self._paragraphs.append(_Paragraph(self.styles.of(_child(one, "pPr"))))
        elif name == "tbl":
            self._tables.append(_Table())
        elif name == "tr" and self._tables:
            self._tables[-1].rows.append([])
        elif name == "r" and (properties := _child(one, "rPr")) is not None:
            self._note_hidden(one, properties)
        elif name in ("del", "moveFrom"):
            self.counts["deleted"] += 1
        elif name == "drawing":
            self._due.extend(self.drawn(one))
        elif self._paragraphs:
            self._paragraphs[-1].parts.append(self._said(name, one))

    def _said(self, name: str, one: Any) -> str:
        match name:
            case "t":
                return one.text or ""
            case "tab" | "ptab":
                return "\t"
            case "br" | "cr":
                return "\n"
            case "noBreakHyphen":
                return "-"
            case "sym":
                return _symbol(attribute(one, "char"))
            case "footnoteReference" | "endnoteReference":
                return self._noted(name, attribute(one, "id"))
        return ""

    def _noted(self, name: str, number: str) -> str:
        text = self.footnotes.get((name, number))
        if not text:
            return ""
        self._notes += 1
        self._due.extend(block("paragraph", f"[{self._notes}] {text}"))
        return f"[{self._notes}]"

    def _note_hidden(self, run: Any, properties: Any) -> None:
        hidden = _child(properties, "vanish")
        if hidden is None or attribute(hidden, "val") in ("0", "false", "off"):
            return
        self.counts["hidden"] += 1
        for one in list(run):
            run.remove(one)

    # ------------------------------------------------------------------ ends

    def _end_paragraph(self) -> Iterator[Block]:
        paragraph = self._paragraphs.pop()
        style = paragraph.style
        text = "".join(paragraph.parts).strip()
        in_list = style.number not in ("", "0")
        mark = self.numbering.mark(style.number, style.depth) if in_list else ""
        if not text:
            return
        if self._tables:
            self._tables[-1].cell.append(mark + text)
            return
        if in_list and not style.level:
            self._items.append(mark + text)
            self._items_chars += len(text)
            if self._items_chars > LIST_CHARS:
                yield from self._end_list()
            return
        yield from self._end_list()
        if style.level:
            self.titles += [text] if style.is_title else []
            yield from block("heading", ("" if mark == "- " else mark) + text, style.level)
        else:
            yield from block("paragraph", text)
        yield from self._followers()

    def _end_of_table_part(self, name: str, one: Any) -> Iterator[Block]:
        here = self._tables[-1]
        if name == "tc" and here.rows:
            here.rows[-1].append(" ".join(here.cell))
            here.rows[-1].extend([""] * (_span(one) - 1))
            here.cell = []
        elif name == "tbl":
            self._tables.pop()
            if self._tables:  # of a table in a cell, the rows are that cell's text
                self.counts["nested"] += 1
                self._tables[-1].cell.extend(filter(None, map(row_text, here.rows)))
                return
            yield from self._end_list()
            yield from _table(here.rows)
            yield from self._followers()

    def _end_list(self) -> Iterator[Block]:
        items, self._items, self._items_chars = self._items, [], 0
        yield from block("list", "\n".join(items))
        if items:
            yield from self._followers()

    def _followers(self) -> Iterator[Block]:
        if not self._items and not self._tables:
            due, self._due = self._due, []
            yield from due


def _table(rows: list[list[str]]) -> Iterator[Block]:
    """Read a table of data, or the cells of one that only lays out a page."""
    if max((len(row) for row in rows), default=0) > 1 and all(
        len(cell) <= CELL_CHARS_MAX for row in rows for cell in row
    ):
        yield from table(rows)
        return
    for row in rows:
        for cell in row:
            yield from block("paragraph", cell)


def _child(element: Any, name: str) -> Any | None:
    return next((one for one in element if local(one) == name), None)


def _span(cell: Any) -> int:
    properties = _child(cell, "tcPr")
    span = None if properties is None else _child(properties, "gridSpan")
    return 1 if span is None else min(whole(attribute(span, "val"), 1), COLUMNS_MAX)


def _symbol(code: str) -> str:
    """Spell a character that is told by its number; those of symbol fonts are bullets and ticks."""
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    return chr(number) if 32 <= number < 0xD800 else ""
