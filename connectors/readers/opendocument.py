"""Read OpenDocument texts and presentations (ODT, ODP): what somebody sees who opens them.

Footnotes and comments stand behind the paragraph that they belong to, speaker notes behind their
slide, headers and footers at the end. Left out: what change tracking keeps of deleted text, hidden
slides, pictures and embedded files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from connectors.readers.archives import Archive, refuse_encrypted_entries
from connectors.readers.blocks import block
from connectors.readers.damage import damaged
from connectors.readers.document_reader import (
    READER_VERSION,
    DocumentBytes,
    DocumentReader,
    DocumentReading,
)
from connectors.readers.docx_numbering import whole
from connectors.readers.guards import UnreadableDocument
from connectors.readers.libraries import lxml_version
from connectors.readers.markup import attribute, events, local, xml_of
from connectors.readers.notes import counted_notes
from connectors.readers.table_blocks import CELL_CHARS_MAX, row_text, table
from schemas import Block

OPENDOCUMENT_VERSION = 1
"""Of the rules for these formats: raise it when the same bytes give other blocks."""
WHAT = "OpenDocument file"
REPEATED_MAX = 100  # of one cell or run of spaces: a file may say a billion
HEADING_LEVEL_MAX = 6
_LEFT_OUT = frozenset(
    ("tracked-changes", "ruby-text", "sequence-decls", "forms", "creator", "date")
)
_SAID = {
    "hidden": "{} hidden slides were left out",
    "noted": "the speaker notes of {} slides follow them, as such",
    "comments": "{} comments follow what they belong to, as such",
    "deleted": "deletions under track changes were left out",
    "nested": "{} tables stood in cells of others and are told in one line",
    "pictures": "{} pictures and embedded files were not read",
    "headers": "{} headers and footers stand at the end, each once",
}


def read_opendocument(document: DocumentBytes) -> DocumentReading:
    """Read a text or a presentation."""
    reading = DocumentReading()
    reading.blocks = _blocks(document.content, reading)
    return reading


def _blocks(content: bytes, reading: DocumentReading) -> Iterator[Block]:
    with damaged(WHAT):
        archive = Archive(content, WHAT)
        refuse_encrypted_entries(archive)
        if "content.xml" not in archive.names:
            raise UnreadableDocument(
                "this is no OpenDocument file: submit it with its own media type"
            )
        reading.title = _title(archive)
        outline = ContentWalk()
        first = ""
        for one in outline.read(xml_of(archive.read("content.xml"), WHAT)):
            first = first or (one.text if one.level == 1 else "")
            yield one
        reading.title = reading.title or first
        lines = _headers(archive)
        outline.counts["headers"] = len(lines)
        for line in lines:
            yield from block("paragraph", line)
        reading.notes += counted_notes(_SAID, outline.counts)


def _title(archive: Archive) -> str:
    if "meta.xml" not in archive.names:
        return ""
    root = xml_of(archive.read("meta.xml"), WHAT)
    return next((one.text or "" for one in root.iter("{*}title")), "")


def _headers(archive: Archive) -> list[str]:
    """Read the headers and footers of a text's pages, each once."""
    if "styles.xml" not in archive.names:
        return []
    root = xml_of(archive.read("styles.xml"), WHAT)
    texts = (
        " ".join(one.text for one in ContentWalk().read(element))
        for element in root.iter("{*}header", "{*}footer")
    )
    return list(dict.fromkeys(filter(None, texts)))


@dataclass
class _Grid:
    rows: list[list[str]] = field(default_factory=list)
    cell: list[str] = field(default_factory=list)


@dataclass
class ContentWalk:
    """Puts blocks together while the content is walked through."""

    counts: Counter[str] = field(default_factory=Counter)
    _texts: list[list[str]] = field(default_factory=list)
    """Of paragraphs that are open: those of a note stand within another."""
    _grids: list[_Grid] = field(default_factory=list)
    _items: list[str] = field(default_factory=list)
    _lists: int = 0
    _due: list[Block] = field(default_factory=list)
    """Notes and comments: they follow the block that they belong to."""
    _beside: list[tuple[str, list[str]]] = field(default_factory=list)
    """Notes, comments and speaker notes that are open: what they are, and their paragraphs."""

    def read(self, root: Any) -> Iterator[Block]:
        """Read what an element holds."""
        self.counts["deleted"] += any(True for _ in root.iter("{*}deletion"))
        hidden = _hidden_styles(root)
        for begins, name, one in events(root, _LEFT_OUT):
            if begins and name == "page" and attribute(one, "style-name") in hidden:
                self.counts["hidden"] += 1
                for child in list(one):
                    one.remove(child)
                continue
            yield from self._begin(name, one) if begins else self._end(name, one)
            text = (one.text if name not in _LEFT_OUT else "") if begins else one.tail
            if text and self._texts and (begins or name not in ("p", "h")):
                self._texts[-1].append(" ".join(text.split("\n")))
        yield from self._end_items()

    # ------------------------------------------------------------------ beginnings

    def _begin(self, name: str, one: Any) -> Iterator[Block]:
        if name in ("p", "h"):
            self._texts.append([])
        elif name in ("note", "annotation", "notes"):
            self._beside.append((name, []))
        elif name == "list":
            self._lists += 1
        elif name == "table":
            self._grids.append(_Grid())
        elif name == "table-row" and self._grids:
            self._grids[-1].rows.append([])
        elif name == "page":
            yield from self._end_items()
            yield from block("heading", _slide_title(one) or attribute(one, "name"), 1)
        elif name in ("image", "object"):
            self.counts["pictures"] += name == "image"
        elif self._texts:
            self._texts[-1].append(_space(name, one))

    # ------------------------------------------------------------------ ends

    def _end(self, name: str, one: Any) -> Iterator[Block]:
        if name in ("p", "h") and self._texts:
            yield from self._said(name, one, "".join(self._texts.pop()).strip())
        elif name in ("note", "annotation", "notes") and self._beside:
            yield from self._end_beside()
        elif name == "list":
            self._lists -= 1
            if not self._lists:
                yield from self._end_items()
        elif name in ("table-cell", "covered-table-cell") and self._grids and self._grids[-1].rows:
            self._end_cell(one)
        elif name == "table" and self._grids:
            yield from self._end_table()

    def _said(self, name: str, one: Any, text: str) -> Iterator[Block]:
        """Put a paragraph where it belongs."""
        if not text:
            return
        if self._beside:
            self._beside[-1][1].append(text)
        elif self._grids:
            self._grids[-1].cell.append(text)
        elif name == "h":
            yield from self._end_items()
            level = min(max(whole(attribute(one, "outline-level", "1"), 1), 1), HEADING_LEVEL_MAX)
            yield from block("heading", text, level)
            yield from self._followers()
        elif self._lists:
            self._items.append(f"- {text}")
        elif not _is_slide_title(one):
            yield from block("paragraph", text)
            yield from self._followers()

    def _end_beside(self) -> Iterator[Block]:
        what, lines = self._beside.pop()
        text = "\n".join(lines)
        if not text:
            return
        if what == "notes":
            self.counts["noted"] += 1
            yield from self._end_items()
            yield from block("paragraph", f"Speaker notes: {text}")
            return
        self.counts["comments"] += what == "annotation"
        said = f"Comment: {text}" if what == "annotation" else f"Note: {text}"
        self._due.extend(block("paragraph", said))

    def _end_cell(self, one: Any) -> None:
        here = self._grids[-1]
        text, here.cell = " ".join(here.cell), []
        times = min(whole(attribute(one, "number-columns-repeated", "1"), 1), REPEATED_MAX)
        here.rows[-1].extend([text] * max(times, 1))

    def _end_table(self) -> Iterator[Block]:
        rows = self._grids.pop().rows
        if self._grids:
            self.counts["nested"] += 1
            self._grids[-1].cell.extend(filter(None, map(row_text, rows)))
            return
        yield from self._end_items()
        if all(len(cell) <= CELL_CHARS_MAX for row in rows for cell in row):
            yield from table(rows)
        else:  # it lays out a page
            for cell in (cell for row in rows for cell in row):
                yield from block("paragraph", cell)
        yield from self._followers()

    def _end_items(self) -> Iterator[Block]:
        items, self._items = self._items, []
        yield from block("list", "\n".join(items))
        yield from self._followers()

    def _followers(self) -> Iterator[Block]:
        due, self._due = self._due, []
        yield from due


def _space(name: str, one: Any) -> str:
    match name:
        case "s":
            return " " * min(max(whole(attribute(one, "c", "1"), 1), 1), REPEATED_MAX)
        case "tab":
            return "\t"
        case "line-break":
            return "\n"
    return ""


def _hidden_styles(root: Any) -> set[str]:
    return {
        attribute(style, "name")
        for style in root.iter("{*}style")
        for one in style
        if attribute(one, "visibility") == "hidden"
    }


def _slide_title(page: Any) -> str:
    for frame in page:
        if local(frame) == "frame" and attribute(frame, "class") == "title":
            return " ".join(" ".join(frame.itertext()).split())
    return ""


def _is_slide_title(paragraph: Any) -> bool:
    """Whether a paragraph stands in the title of a slide, which is told as its heading."""
    box = paragraph.getparent()
    frame = None if box is None else box.getparent()
    return frame is not None and local(frame) == "frame" and attribute(frame, "class") == "title"


READER = DocumentReader(
    "opendocument",
    f"lxml-{lxml_version()}.{READER_VERSION}.{OPENDOCUMENT_VERSION}",
    read_opendocument,
)
