"""From the lines of a page to its blocks: paragraphs, headings, and tables by how they stand.

PDF says where characters stand, not what they are. So a table is what stands in columns, and a
heading what the bookmarks name or is set larger than the text around it. What is in doubt is a
paragraph: no text is lost by that, only its shape.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from connectors.readers.blocks import block
from connectors.readers.pdf_lines import DIVIDED, PageLine
from connectors.readers.table_blocks import table
from schemas import Block

LARGER = 1.18  # a line set so many times as large as the text is a heading
SIZES = ((1.7, 1), (1.35, 2))  # how many times as large -> level; smaller ones are of level 3
HEADING_CHARS_MAX = 160
ROWS_MIN = 3  # of a table of two columns; one of more columns shows itself by two
ROWS_MAX = 200  # that are looked at from each line; a page has a hundred lines
ROW_GAP = 2.6  # between rows, in heights of a line
PITCH = 1.35  # from line to line of a paragraph, in the page's usual pitch
PROSE_CHARS = 45  # what is longer in the middle cell is a column of text, not of a table
_ITEM = re.compile(r"(?:[•‣▪◦●○■–\-*]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])\s")
_DIVIDED = re.compile(rf"(?<=\w)[\xad{DIVIDED}]$")
_SENTENCE_END = re.compile(r"[.!?:;。！？؟…”\"')\]]$")
_FROM_RIGHT = re.compile("[\u0590-\u06ff]")
_SCRIPTS_MEET = re.compile(
    "(?<=[A-Za-z])(?=[\u0590-\u05ff\u0620-\u06ff])|(?<=[\u0590-\u05ff\u0620-\u06ff])(?=[A-Za-z])"
)


@dataclass
class Layout:
    """Puts pages into blocks, one after the other."""

    sizes: Counter[float] = field(default_factory=Counter)
    """Characters of each size so far: that of most is the text's."""

    def blocks(self, lines: Sequence[PageLine], headings: Mapping[str, int]) -> Iterator[Block]:
        """Read a page; `headings` are the titles of the bookmarks to it, and their levels."""
        for line in lines:
            self.sizes[round(line.size)] += len(line.text)
        body = max(self.sizes, key=lambda size: (self.sizes[size], -size), default=0)
        pitch = _pitch(lines)
        at = 0
        while at < len(lines):
            rows, end = _table(lines, at)
            if end > at:
                yield from table(rows)
            else:
                end = _paragraph_end(lines, at, pitch)
                yield from _paragraph(lines[at:end], body, headings)
            at = end


def _pitch(lines: Sequence[PageLine]) -> float:
    """Return the usual distance from line to line."""
    steps = [
        above.bottom - line.bottom
        for above, line in pairwise(lines)
        if 0.2 * line.size < above.bottom - line.bottom < 3 * line.size
    ]
    return median(steps) if steps else 0.0


# ---------------------------------------------------------------------- paragraphs


def _paragraph_end(lines: Sequence[PageLine], at: int, pitch: float) -> int:
    """Find where the paragraph ends that begins at a line."""
    right = lines[at].right
    left = lines[at].left
    for number in range(at + 1, len(lines)):
        above, line = lines[number - 1], lines[number]
        right, left = max(right, above.right), min(left, line.left)
        if _parts(above, line, pitch, right - left, right):
            return number
        if line.cells and _table(lines, number)[1] > number:
            return number
    return len(lines)


def _parts(above: PageLine, line: PageLine, pitch: float, width: float, right: float) -> bool:
    """Whether a paragraph ends between two lines."""
    if not (above.upright and line.upright):
        return above.upright != line.upright
    step = above.bottom - line.bottom
    if abs(above.size - line.size) > 0.12 * max(above.size, line.size) and step > 0:
        return True
    if step < -0.5 * line.size or step > PITCH * max(pitch, line.size):
        return True
    if _ITEM.match(line.text):
        return True
    short = above.right < right - 0.2 * width
    return short and bool(_SENTENCE_END.search(above.text))


def _paragraph(
    lines: Sequence[PageLine], body: float, headings: Mapping[str, int]
) -> Iterator[Block]:
    text = lines[0].text
    for line in lines[1:]:
        divided = _DIVIDED.search(text)
        text = text[: divided.start()] + line.text if divided else f"{text} {line.text}"
    text = mended(text)
    level = headings.get(heading_key(text), 0)
    larger = lines[0].size / body if body else 1.0
    if (
        not level
        and larger >= LARGER
        and len(text) <= HEADING_CHARS_MAX
        and any(character.isalpha() for character in text)
    ):
        level = next((level for times, level in SIZES if larger >= times), 3)
    if level:
        yield from block("heading", text, level)
    else:
        yield from block("paragraph", text)


def heading_key(text: str) -> str:
    """Spell a heading as bookmarks and pages have it in common: letters and digits alone."""
    return "".join(filter(str.isalnum, text.lower()))


def mended(text: str) -> str:
    """Part scripts of two directions: PDFium loses the spaces where the direction turns."""
    if _FROM_RIGHT.search(text) is None:
        return text
    return _SCRIPTS_MEET.sub(" ", text)


# ---------------------------------------------------------------------- tables


def _table(lines: Sequence[PageLine], at: int) -> tuple[list[list[str]], int]:
    """Return the rows of the table that begins at a line, and where it ends; there, if none."""
    rows: list[list[PageLine]] = []
    end, number = at, at
    while number < len(lines) and len(rows) < ROWS_MAX:
        row, after = _row(lines, number)
        near = not rows or abs(rows[-1][0].bottom - row[0].bottom) < ROW_GAP * row[0].size
        if not row[0].upright or not near or (len(row) < 2 and not rows):
            break
        if len(row) < 2 and not _goes_on(lines, after, row[0]):
            break
        rows.append(row)
        end = number = after
    return (_in_columns(rows), end) if _is_table(rows) else ([], at)


def _row(lines: Sequence[PageLine], at: int) -> tuple[list[PageLine], int]:
    """Collect what stands beside each other from a line on, from left to right."""
    cells = list(lines[at].cells or (lines[at],))
    number = at + 1
    while number < len(lines):
        line = lines[number]
        beside = abs(line.middle - cells[0].middle) < 0.4 * min(line.size, cells[0].size)
        if not beside or not line.upright or line.left < cells[-1].right:
            break
        cells += line.cells or (line,)
        number += 1
    return cells, number


def _goes_on(lines: Sequence[PageLine], at: int, row: PageLine) -> bool:
    """Whether a table goes on behind a row of one cell: then that is a row of it, too."""
    if at >= len(lines):
        return False
    follows, _ = _row(lines, at)
    return len(follows) > 1 and abs(row.bottom - follows[0].bottom) < ROW_GAP * row.size


def _is_table(rows: Sequence[Sequence[PageLine]]) -> bool:
    if not rows:
        return False
    columns = _columns(rows)
    full = [row for row in rows if len(row) > 1]
    if len(columns) < 2 or len(full) < (ROWS_MIN if len(columns) == 2 else 2):
        return False
    lengths = sorted(len(cell.text) for row in full for cell in row)
    return lengths[len(lengths) // 2] <= PROSE_CHARS


def _columns(rows: Sequence[Sequence[PageLine]]) -> list[tuple[float, float]]:
    """Return from where to where each column goes: what overlaps is in one."""
    columns: list[tuple[float, float]] = []
    spans = sorted((cell.left, cell.right) for row in rows if len(row) > 1 for cell in row)
    for left, right in spans:
        if columns and left < columns[-1][1]:
            columns[-1] = (columns[-1][0], max(columns[-1][1], right))
        else:
            columns.append((left, right))
    return columns


def _in_columns(rows: Sequence[Sequence[PageLine]]) -> list[list[str]]:
    columns = _columns(rows)
    texts = []
    for row in rows:
        cells = [""] * len(columns)
        for cell in row:
            at = sum(left <= cell.left for left, _ in columns) - 1
            cells[max(at, 0)] = f"{cells[max(at, 0)]} {mended(cell.text)}".strip()
        texts.append(cells)
    return texts
