"""Read Markdown: CommonMark and tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version

from markdown_it import MarkdownIt
from markdown_it.token import Token

from connectors.readers.blocks import block, flat, normalise
from connectors.readers.document_reader import DocumentReader, of_text
from connectors.readers.html import READER as HTML
from connectors.readers.html import read_html, unescape
from connectors.readers.plain import read_plain
from schemas import Block

NESTING_MAX = 90  # beyond it the library drops text, and no page means it
INLINE_CHARS_MAX = 20_000  # of one paragraph; beyond these two it is read as it stands,
INLINE_OPENINGS_MAX = 500  # because the library's time grows with their square
LINES_MAX = 250_000  # 20 s of work; a longer document is read as plain text
_MARKDOWN_BLOCKS = MarkdownIt("commonmark", {"maxNesting": NESTING_MAX + 10}).enable("table")
_MARKDOWN_BLOCKS.disable("inline")  # paragraphs come out as they stand
_MARKDOWN_INLINE = MarkdownIt("commonmark").enable("strikethrough")
_SOFT_BREAK = re.compile(r"(?<!  )\n")  # two spaces before it make it a hard one
_MARKS = re.compile(r"[\\`*_\[\]<>&~!]")
_FRONT_MATTER = re.compile(
    r"\A---[^\S\n]*\n(.{0,8000}?)\n(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)", re.DOTALL
)
_FRONT_TITLE = re.compile(r"(?m)^title:[^\S\n]*(.+)$")


def read_markdown(text: str) -> tuple[str, list[Block]]:
    """Read title and blocks; what is nested or long beyond reason is read as plain text."""
    text, title = normalise(text), ""
    if front := _FRONT_MATTER.match(text):
        line = _FRONT_TITLE.search(front.group(1))
        title = line.group(1).strip().strip("\"'") if line else ""
        text = text[front.end() :]
    if text.count("\n") > LINES_MAX:
        return title, read_plain(text)[1]
    tokens = _MARKDOWN_BLOCKS.parse(text)
    if any(token.level >= NESTING_MAX for token in tokens):
        return title, read_plain(text)[1]
    outline = _Outline()
    blocks = [one for token in tokens for one in outline.read(token)]
    if not title:
        title = next((one.text for one in blocks if one.kind == "heading" and one.level == 1), "")
    return title, blocks


@dataclass
class _Outline:
    """Reads the library's tokens, one after the other, into blocks."""

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
        content = _inline(token.content)
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
        yield from read_html(token.content)[1]

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


def _inline(content: str) -> str:
    """Take the marks out of a paragraph: link texts, alternative texts and code stay."""
    if not _MARKS.search(content):
        return _SOFT_BREAK.sub(" ", content)
    if len(content) > INLINE_CHARS_MAX or content.count("[") > INLINE_OPENINGS_MAX:
        return unescape(content)
    parts: list[str] = []
    for token in _MARKDOWN_INLINE.parseInline(content)[0].children or ():
        match token.type:
            case "text" | "code_inline" | "text_special":
                parts.append(token.content)
            case "softbreak":  # where the author's editor wrapped the line: no end of anything
                parts.append(" ")
            case "hardbreak":
                parts.append("\n")
            case "image":
                parts.append(token.content)
            case "html_inline" if token.content.lower().startswith("<br"):
                parts.append("\n")
    return "".join(parts)


READER = DocumentReader(
    "markdown-it-py",
    f"{version('markdown-it-py')}+{HTML.name}-{HTML.version}",
    of_text(read_markdown),
)
