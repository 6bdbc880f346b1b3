"""The lines of a page of a PDF file, as PDFium finds them, with where they stand.

Lines come in the order of the page's content, which programs write in reading order. A line is
measured at its ends; between them only where it is so wide for its characters that it may be a row
of a table, since each measure is a call into the library, and a page has thousands of characters.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pypdfium2.raw as pdfium

CELL_GAP_EM = 0.85  # of the size of the characters: between words it is 0.2 to 0.6, even justified
WIDE_EM = 0.6  # a line of more for each character has gaps; Latin text has 0.4 to 0.55
WORDS_FEW = 8  # in a line that may be a row of a table, however narrow
CHARS_MAX = 1_000_000  # of a page: a newspaper's has 50,000
_WORD = re.compile(r"\S+")
DIVIDED = "\ufffe"
"""What PDFium puts in place of a hyphen, and of the line's end, where a word goes on."""
_LINE_END = re.compile(rf"\r\n|\r|\n|(?<={DIVIDED})")
_HALF = re.compile("[\ud800-\udfff]")
_ALEF_LAM = re.compile("[\u0622\u0623\u0625\u0627]\u0644")
_INVISIBLE_MODE = 3  # PDF 32000, table 106: neither filled nor stroked


@dataclass(frozen=True)
class PageLine:
    """A line of text, or a row's cell of one; lengths are points, from the lower left corner."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    size: float
    """Height of the characters, from the lowest to the highest that the font draws."""
    visible: bool = True
    upright: bool = True
    """Whether it runs from left to right or back, not up or down."""
    cells: tuple[PageLine, ...] = ()
    """What wide gaps part it into, where there are such."""

    @property
    def middle(self) -> float:
        """Height of the middle of the line."""
        return (self.bottom + self.top) / 2


def kept(lines: Iterable[PageLine], keep: Callable[[PageLine], bool]) -> list[PageLine]:
    """Keep some lines, and of a line in cells some of these."""
    some: list[PageLine] = []
    for line in lines:
        cells = tuple(filter(keep, line.cells))
        if len(cells) == len(line.cells):
            some += [line] if keep(line) else []
        elif cells:
            first, last = cells[0], cells[-1]
            text = " ".join(cell.text for cell in cells)
            some.append(
                replace(first, text=text, right=last.right, cells=cells if len(cells) > 1 else ())
            )
    return some


class TooManyCharacters(Exception):
    """A page holds more characters than any real one."""


def lines_of(text_page: Any) -> Iterator[PageLine]:
    """Yield the lines of a page that say something; raises TooManyCharacters."""
    text = _text(text_page)
    start = 0
    for end in (*(match.span() for match in _LINE_END.finditer(text)), (len(text), len(text))):
        line = _measured(text_page, text, start, end[0])
        if line is not None:
            yield line
        start = end[1]


def _text(text_page: Any) -> str:
    """Return the text of a page, with a unit of UTF-16 as one character: PDFium counts these."""
    count = pdfium.FPDFText_CountChars(text_page)
    if count > CHARS_MAX:
        raise TooManyCharacters
    if count <= 0:
        return ""
    buffer = (ctypes.c_ushort * (2 * count + 2))()
    written = pdfium.FPDFText_GetText(text_page, 0, count, buffer)
    return "".join(map(chr, buffer[: max(written - 1, 0)]))


def _measured(text_page: Any, text: str, start: int, stop: int) -> PageLine | None:
    """Measure a line, and its words where it is wide; None for one that says nothing."""
    while stop > start and text[stop - 1].isspace():
        stop -= 1
    while start < stop and text[start].isspace():
        start += 1
    if start == stop:
        return None
    line = _between(text_page, text, start, stop)
    wide = line.right - line.left > WIDE_EM * line.size * (stop - start)
    if not line.upright or not (wide or line.text.count(" ") < WORDS_FEW):
        return line
    cells = tuple(_cells(text_page, text, start, stop, line.size))
    if len(cells) < 2:
        return line
    return PageLine(
        line.text,
        line.left,
        line.bottom,
        line.right,
        line.top,
        line.size,
        line.visible,
        True,
        cells,
    )


def _cells(text_page: Any, text: str, start: int, stop: int, size: float) -> Iterator[PageLine]:
    """Part a line where the gap between two words is wide."""
    first, last = start, start
    right = None
    for word in _WORD.finditer(text, start, stop):
        box = _box(text_page, word.start())
        if right is not None and abs(box.left - right) > CELL_GAP_EM * size and box.left > right:
            yield _between(text_page, text, first, last)
            first = word.start()
        last = word.end()
        right = _box(text_page, last - 1).right
    yield _between(text_page, text, first, last)


def _between(text_page: Any, text: str, start: int, stop: int) -> PageLine:
    begin, end = _box(text_page, start), _box(text_page, stop - 1)
    size = max(begin.top - begin.bottom, end.top - end.bottom, 0.1)
    across, along = abs(end.bottom - begin.bottom), abs(end.right - begin.left)
    return PageLine(
        _joined(_mended(text_page, text, start, stop)),
        min(begin.left, end.left),
        min(begin.bottom, end.bottom),
        max(begin.right, end.right),
        max(begin.top, end.top),
        size,
        _is_visible(text_page, start),
        across <= max(along, size),
    )


def _mended(text_page: Any, text: str, start: int, stop: int) -> str:
    """Put ligatures of lam and alef right: one character on the page, which stands for two.

    PDFium reverses text from right to left, and these two as well, though they stood right. That it
    is one character shows in that both have one box.
    """
    units = list(text[start:stop])
    for pair in _ALEF_LAM.finditer(text, start, stop):
        one, other = _box(text_page, pair.start()), _box(text_page, pair.start() + 1)
        if (one.left, one.right) == (other.left, other.right):
            at = pair.start() - start
            units[at], units[at + 1] = units[at + 1], units[at]
    return "".join(units)


def _joined(units: str) -> str:
    """Put halves of surrogate pairs together."""
    if _HALF.search(units) is None:
        return units
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _box(text_page: Any, at: int) -> Any:
    box = pdfium.FS_RECTF()
    index = pdfium.FPDFText_GetCharIndexFromTextIndex(text_page, at)
    pdfium.FPDFText_GetLooseCharBox(text_page, index, box)
    return box


def _is_visible(text_page: Any, at: int) -> bool:
    index = pdfium.FPDFText_GetCharIndexFromTextIndex(text_page, at)
    drawn = pdfium.FPDFText_GetTextObject(text_page, index)
    return not drawn or pdfium.FPDFTextObj_GetTextRenderMode(drawn) != _INVISIBLE_MODE
