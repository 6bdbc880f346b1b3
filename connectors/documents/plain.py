"""Read plain text: paragraphs between blank lines, headings by their look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from connectors.documents.blocks import block, normalise
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
        while lines:
            read, lines = _first_block(lines)
            blocks.extend(read)
    return "", blocks


def _first_block(lines: list[str]) -> tuple[Iterator[Block], list[str]]:
    """Read what a paragraph's lines begin with; return it and the lines that are left."""
    if len(lines) > 1 and _underlines(lines[0], lines[1]):
        level = _UNDERLINE_LEVELS.get(lines[1].strip()[0], 4)
        return block("heading", lines[0], level), lines[2:]
    if len(lines) == 1 and _shouts(lines[0]):
        return block("heading", lines[0], 2), []
    end = next(
        (at for at, pair in enumerate(pairwise(lines)) if at and _underlines(*pair)), len(lines)
    )
    return block("paragraph", _unwrapped(lines[:end])), lines[end:]


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
    text = lines[0]
    for line, follows in pairwise(lines):
        wrapped = len(line) >= WRAPPED_CHARS_MIN and not _ITEM.match(follows)
        text += (" " if wrapped else "\n") + follows.strip()
    return text
