"""Read Markdown: CommonMark and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from connectors.readers.blocks import block, flat, normalise
from connectors.readers.document_reader import DocumentBytes, DocumentReader, DocumentReading
from connectors.readers.front_matter import FrontMatter, front_matter_of
from connectors.readers.html import READER as HTML
from connectors.readers.html import read_html
from connectors.readers.markdown_inline import InlineReader, with_literal_tags
from connectors.readers.plain import read_plain
from schemas import Block

NESTING_MAX = 90  # beyond it the library drops text, and no page means it
LINES_MAX = 250_000  # 20 s of work; a longer document is read as plain text
_MARKDOWN_BLOCKS = MarkdownIt("commonmark", {"maxNesting": NESTING_MAX + 10}).enable("table")
_MARKDOWN_BLOCKS.disable("inline")  # paragraphs come out as they stand
_UNUSED_LABELS = ("//", "COMMENT")
"""Of reference definitions that stand for comments, since nothing refers to them."""


def read_markdown(text: str, notes: list[str] | None = None) -> tuple[str, list[Block]]:
    """Read title and blocks; what is nested or long beyond reason is read as plain text.

    `notes` gains what was left out.
    """
    text = normalise(text)
    notes = [] if notes is None else notes
    front, text = front_matter_of(text) or (FrontMatter(), text)
    blocks = list(block("table", "\n".join(front.rows)))
    environment: dict[str, Any] = {}
    tokens: list[Token] = []
    if text.count("\n") <= LINES_MAX:
        tokens = _MARKDOWN_BLOCKS.parse(text, environment)
    if any(token.level >= NESTING_MAX for token in tokens) or text.count("\n") > LINES_MAX:
        notes.append("the document is too long or nests too deep: it was read as plain text")
        return front.title, [*blocks, *read_plain(text, notes)[1]]
    inline = InlineReader(environment, targets_left=len(text))
    outline = _Outline(inline, notes)
    body = [one for token in tokens for one in outline.read(token)]
    body += block("list", "\n".join(_unused_references(inline)))
    notes += [f"{what} left out: {count}" for what, count in sorted(inline.left_out.items())]
    title = front.title or next(
        (one.text for one in body if one.kind == "heading" and one.level == 1), ""
    )
    return title, blocks + body


def _unused_references(inline: InlineReader) -> Iterator[str]:
    """Spell definitions that no paragraph refers to, such as notes at the end of a page."""
    for label, reference in inline.environment.get("references", {}).items():
        target = str(reference.get("href", ""))
        if label not in _UNUSED_LABELS and target not in inline.used and target not in ("", "#"):
            yield f"[{label.casefold()}] {target} {reference.get('title') or ''}"


@dataclass
class _Outline:
    """Reads the library's tokens, one after the other, into blocks."""

    inline: InlineReader
    notes: list[str]
    _lists: list[tuple[str, int]] = field(default_factory=list)
    """Mark and next number of the lists around."""
    _items: list[str] = field(default_factory=list)
    _mark: str = ""
    """What the item that was opened begins with; empty once it has text."""
    _heading: int = 0
    """Level of the heading that is open; 0 outside of one."""
    _in_table: bool = False
    _row: list[str] = field(default_factory=list)
    _rows: list[str] = field(default_factory=list)

    def read(self, token: Token) -> Iterator[Block]:
        """Take the next token in; yield the blocks that it ends."""
        reader = _READERS.get(token.type)
        if reader is not None:
            yield from reader(self, token)

    def open_bullets(self, _token: Token) -> Iterable[Block]:
        self._lists.append(("-", 0))
        return ()

    def open_numbers(self, token: Token) -> Iterable[Block]:
        self._lists.append(("1", int(token.attrs.get("start", 1) or 0)))
        return ()

    def open_item(self, _token: Token) -> Iterable[Block]:
        kind, number = self._lists[-1]
        self._mark = "- " if kind == "-" else f"{number}. "
        self._lists[-1] = (kind, number + 1)
        return ()

    def close_list(self, _token: Token) -> Iterable[Block]:
        self._lists.pop()
        return () if self._lists else self._end_items()

    def open_heading(self, token: Token) -> Iterable[Block]:
        self._heading = int(token.tag[1])
        return ()

    def close_heading(self, _token: Token) -> Iterable[Block]:
        self._heading = 0
        return ()

    def open_table(self, _token: Token) -> Iterable[Block]:
        self._in_table, self._rows = True, []
        return ()

    def close_row(self, _token: Token) -> Iterable[Block]:
        self._rows.append(" | ".join(self._row))
        self._row = []
        return ()

    def close_table(self, _token: Token) -> Iterable[Block]:
        self._in_table = False
        return block("table", "\n".join(self._rows))

    def text(self, token: Token) -> Iterable[Block]:
        content = self.inline.read(token.content)
        if self._in_table:
            self._row.append(flat(content))
        elif self._heading:
            return block("heading", content, self._heading)
        elif self._lists:
            self._items.append(self._mark + content)
            self._mark = ""
        else:
            return block("paragraph", content)
        return ()

    def code(self, token: Token) -> Iterator[Block]:
        yield from self._end_items()  # code stands in its place among the items
        yield from block("code", token.content)

    def html(self, token: Token) -> Iterator[Block]:
        yield from self._end_items()
        yield from read_html(with_literal_tags(token.content), self.notes)[1]

    def _end_items(self) -> Iterable[Block]:
        items, self._items = self._items, []
        return block("list", "\n".join(items))


_READERS: dict[str, Callable[[_Outline, Token], Iterable[Block]]] = {
    "bullet_list_open": _Outline.open_bullets,
    "ordered_list_open": _Outline.open_numbers,
    "list_item_open": _Outline.open_item,
    "bullet_list_close": _Outline.close_list,
    "ordered_list_close": _Outline.close_list,
    "heading_open": _Outline.open_heading,
    "heading_close": _Outline.close_heading,
    "table_open": _Outline.open_table,
    "tr_close": _Outline.close_row,
    "table_close": _Outline.close_table,
    "inline": _Outline.text,
    "fence": _Outline.code,
    "code_block": _Outline.code,
    "html_block": _Outline.html,
}
"""What each of the library's tokens means; others say nothing that its neighbours do not."""


def _read(document: DocumentBytes) -> DocumentReading:
    reading = DocumentReading()
    reading.title, reading.blocks = read_markdown(document.text(), reading.notes)
    return reading


READER = DocumentReader(
    "markdown-it-py",
    f"{version('markdown-it-py')}+{HTML.name}-{HTML.version}, PyYAML {version('PyYAML')}",
    _read,
)
