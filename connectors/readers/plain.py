"""Read plain text: paragraphs between blank lines, headings by their look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from connectors.readers.blocks import block, normalise
from connectors.readers.document_reader import READER_VERSION, DocumentReader, of_text
from schemas import Block

WRAPPED_CHARS_MIN = 50  # a line this long was broken to fit a page, not to say something

_UNDERLINE = re.compile(r"([=\-~^*#+])\1{2,}")
_UNDERLINE_LEVELS = {"=": 1, "-": 2, "~": 3}
_ITEM = re.compile(r"\s*(?:[-*+•‣o]|\d{1,3}[.)]|[a-zA-Z][.)])\s")


def read_plain(text: str) -> tuple[str, list[Block]]:
    """Read plain text, which has no title."""
    blocks: list[Block] = []
    for paragraph in re.split(r"\n(?:[^\S\n]*+\n)+", normalise(text).expandtabs(8)):
        lines = [line.rstrip() for line in paragraph.split("\n") if line.strip()]
        blocks.extend(_paragraph(lines))
    return "", blocks


def _paragraph(lines: list[str]) -> Iterator[Block]:
    """Read the lines between two blank ones, each of them once."""
    start = 0  # of what is not read yet
    for at, pair in enumerate(pairwise(lines)):
        if at < start or not _underlines(*pair):
            continue
        if start < at:
            yield from block("paragraph", _unwrapped(lines[start:at]))
        yield from block("heading", lines[at], _UNDERLINE_LEVELS.get(pair[1].strip()[0], 4))
        start = at + 2
    left = lines[start:]
    if len(left) == 1 and _shouts(left[0]):
        yield from block("heading", left[0], 2)
    elif left:
        yield from block("paragraph", _unwrapped(left))


def _underlines(line: str, mark: str) -> bool:
    length = len(line.strip())
    mark = mark.strip()
    return bool(
        _UNDERLINE.fullmatch(mark)
        and abs(len(mark) - length) <= 3
        and any(character.isalnum() for character in line)
    )


def _shouts(line: str) -> bool:
    """Whether a line by itself is a heading in capitals, as in manual pages."""
    return len(line) <= 60 and line.isupper() and not line.startswith((" ", "\t"))


def _unwrapped(lines: list[str]) -> str:
    """Join lines that were broken to fit a page."""
    parts = [lines[0]]
    for line, follows in pairwise(lines):
        wrapped = len(line) >= WRAPPED_CHARS_MIN and not _ITEM.match(follows)
        parts += (" " if wrapped else "\n", follows.strip())
    return "".join(parts)


READER = DocumentReader("plain", f"{READER_VERSION}", of_text(read_plain))
