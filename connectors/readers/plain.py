"""Read plain text: paragraphs between blank lines, headings by their look.

Why it is so: a line that was broken to fit a page goes on in the next, one that holds a record does
not, and length tells neither. So a paragraph's lines are joined where most of them visibly go on:
in the middle of a sentence, with a small letter or in a script that has no capitals. Its manifest
says that they were.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from connectors.readers.blocks import block, normalise
from connectors.readers.document_reader import (
    READER_VERSION,
    DocumentBytes,
    DocumentReader,
    DocumentReading,
)
from schemas import Block

WRAPPED_CHARS_MIN = 50  # a line this long may have been broken to fit a page
JOINED = "lines were joined where a sentence runs over their end"

_UNDERLINE = re.compile(r"([=\-~^*#+])\1{2,}")
_UNDERLINE_LEVELS = {"=": 1, "-": 2, "~": 3}
_ITEM = re.compile(r"\s*(?:[-*+•‣o]|\d{1,3}[.)]|[a-zA-Z][.)])\s")
_SENTENCE_END = re.compile(r"[.!?:;…。！？：；؟۔।][»”’\"')\]」』）】]*\Z")
_COLUMNS = re.compile(r"\S {3,}\S")
_WIDE = re.compile("[\u2e80-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60]")
_UNSPACED = re.compile("[\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60]")
"""Of scripts that put no space between words: joined lines get none. Hangul does."""


def read_plain(text: str, notes: list[str] | None = None) -> tuple[str, list[Block]]:
    """Read plain text, which has no title; `notes` gains a sentence where lines were joined."""
    blocks: list[Block] = []
    joined: list[str] = []
    for paragraph in re.split(r"\n(?:[^\S\n]*+\n)+", normalise(text).expandtabs(8)):
        lines = [line.rstrip() for line in paragraph.split("\n") if line.strip()]
        blocks.extend(_paragraph(lines, joined))
    if joined and notes is not None:
        notes.append(JOINED)
    return "", blocks


def _paragraph(lines: list[str], joined: list[str]) -> Iterator[Block]:
    """Read the lines between two blank ones, each of them once; `joined` gains joined lines."""
    start = 0  # of what is not read yet
    for at, pair in enumerate(pairwise(lines)):
        if at < start or not _underlines(*pair):
            continue
        if start < at:
            yield from block("paragraph", _unwrapped(lines[start:at], joined))
        yield from block("heading", lines[at], _UNDERLINE_LEVELS.get(pair[1].strip()[0], 4))
        start = at + 2
    left = lines[start:]
    if len(left) == 1 and _shouts(left[0]):
        yield from block("heading", left[0], 2)
    elif left:
        yield from block("paragraph", _unwrapped(left, joined))


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


def _unwrapped(lines: list[str], joined: list[str]) -> str:
    """Join lines that were broken to fit a page, where most of them show that they were."""
    if not _is_wrapped(lines):
        return "\n".join(line.strip() for line in lines)
    joined.append(lines[0])
    parts = [lines[0].strip()]
    for line, follows in pairwise(lines):
        wrapped = _width(line) >= WRAPPED_CHARS_MIN and not _ITEM.match(follows)
        goes_on = follows.strip()
        unspaced = _UNSPACED.match(line[-1]) and _UNSPACED.match(goes_on[0])
        parts += ("\n" if not wrapped else "" if unspaced else " ", goes_on)
    return "".join(parts)


def _is_wrapped(lines: list[str]) -> bool:
    """Say whether no fewer of the long lines go on in the next than end, or may do either."""
    going_on = ending = unclear = 0
    for line, follows in pairwise(lines):
        if _width(line) < WRAPPED_CHARS_MIN or _ITEM.match(follows):
            continue
        first = follows.lstrip()[0]
        if _SENTENCE_END.search(line, max(0, len(line) - 6)) or _COLUMNS.search(line):
            ending += 1
        elif first.isalpha() and not first.isupper() and not first.istitle():
            going_on += 1
        else:
            unclear += 1  # a name, a noun of German, a number
    return going_on > 0 and going_on >= ending + unclear // 2 and not _begin_alike(lines)


def _begin_alike(lines: list[str]) -> bool:
    """Whether three lines or more all begin with the same word, as records do."""
    first = lines[0].split(maxsplit=1)[0]
    return len(lines) > 2 and all(line.split(maxsplit=1)[0] == first for line in lines)


def _width(line: str) -> int:
    """Measure a line as it is seen: characters of wide scripts take two columns."""
    return len(line) if line.isascii() else len(line) + len(_WIDE.findall(line))


def _read(document: DocumentBytes) -> DocumentReading:
    reading = DocumentReading()
    reading.title, reading.blocks = read_plain(document.text(), reading.notes)
    return reading


READER = DocumentReader("plain", f"{READER_VERSION}", _read)
