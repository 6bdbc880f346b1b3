"""Read PDF files page by page, so that one of thousands of pages takes no more memory than one.

Text that nobody sees is left out: outside of the page, or invisible with no picture over it. Under
a picture it is what a scanner recognised, and is read as such. Pages without text are recognised
by Tesseract where that is installed (`recognition.py`); the notes say which pages held none.
"""

from __future__ import annotations

import ctypes
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import chain, islice
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from connectors.readers.archives import protected
from connectors.readers.damage import damaged
from connectors.readers.document_reader import (
    READER_VERSION,
    DocumentBytes,
    DocumentReader,
    DocumentReading,
)
from connectors.readers.guards import UnreadableDocument
from connectors.readers.notes import counted_notes, ranges
from connectors.readers.pdf_layout import Layout, heading_key
from connectors.readers.pdf_lines import PageLine, TooManyCharacters, kept, lines_of
from connectors.readers.plain import read_plain
from connectors.readers.recognition import Recognition
from schemas import Block

PDF_VERSION = 1
"""Of the rules for this format: raise it when the same bytes give other blocks."""
WHAT = "PDF file"
BOOKMARKS_MAX = 10_000
BOOKMARK_LEVELS_MAX = 6
ANNOTATIONS_MAX = 10_000  # of a page, that are looked at
OBJECTS_MAX = 1_000  # of a page, among which a picture is looked for
GIBBERISH = 0.3  # of a page's characters that stand for none: its fonts do not say which they are
EMPTY_BYTES = 2  # of a string that says nothing, in UTF-16 with its end
DPI = 200  # of a page that is recognised: Tesseract asks for 300, and 200 takes half the time
PIXELS_MAX = 20_000_000  # of it: a page of A3 at 200 dots per inch has 7.7 million
_NO_TITLES = ("(anonymous)", "(unspecified)", "untitled")  # what programs put where none is
_SAID = {
    "outside": "{} lines outside of their pages were left out",
    "hidden": "{} lines of invisible text were left out",
    "attached": "{} attached files were not read",
    "beside": "{} filled fields of forms and comments were not read",
}


def read_pdf(document: DocumentBytes) -> DocumentReading:
    """Read a PDF file."""
    reading = DocumentReading()
    reading.blocks = _blocks(document.content, reading)
    return reading


def _blocks(content: bytes, reading: DocumentReading) -> Iterator[Block]:
    with damaged(WHAT):
        document = _opened(content)
        try:
            pages = _Pages(document, reading)
            yield from pages.blocks()
            pages.tell()
        finally:
            document.close()


def _opened(content: bytes) -> Any:
    try:
        return pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pdfium.FPDF_ERR_PASSWORD:
            raise UnreadableDocument(protected(WHAT)) from None
        raise


@dataclass
class _Pages:
    """The pages of a document, read one after the other."""

    document: Any
    reading: DocumentReading
    layout: Layout = field(default_factory=Layout)
    recognition: Recognition = field(default_factory=Recognition)
    counts: Counter[str] = field(default_factory=Counter)
    silent: list[int] = field(default_factory=list)
    """Pages of pictures or drawings that hold no text."""
    gibberish: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    layered: list[int] = field(default_factory=list)
    """Pages whose text lies invisible under a picture."""
    recognised: list[int] = field(default_factory=list)

    def blocks(self) -> Iterator[Block]:
        """Read all pages."""
        title = self.document.get_metadata_value("Title")
        self.reading.title = "" if title.strip().lower() in _NO_TITLES else title
        self.counts["attached"] = pdfium.FPDFDoc_GetAttachmentCount(self.document)
        headings = self._headings()
        for number in range(len(self.document)):
            try:
                page = self.document[number]
            except pypdfium2.PdfiumError:
                self.broken.append(number + 1)
                continue
            try:
                for one in self._page(page, number, headings.get(number, {})):
                    if not self.reading.title and one.level == 1:
                        self.reading.title = one.text
                    yield one
            finally:
                page.close()

    def _headings(self) -> dict[int, dict[str, int]]:
        """Return the bookmarks' titles and levels by the page that each leads to, from 0."""
        headings: dict[int, dict[str, int]] = {}
        for mark in islice(self.document.get_toc(BOOKMARK_LEVELS_MAX), BOOKMARKS_MAX):
            there = mark.get_dest()
            index = None if there is None else there.get_index()
            if index is not None and (key := heading_key(mark.get_title())):
                headings.setdefault(index, {})[key] = min(mark.level + 1, BOOKMARK_LEVELS_MAX)
        return headings

    def _page(self, page: Any, number: int, headings: dict[str, int]) -> Iterator[Block]:
        count = min(pdfium.FPDFPage_GetAnnotCount(page), ANNOTATIONS_MAX)
        self.counts["beside"] += sum(_says_something(page, at) for at in range(count))
        text_page = page.get_textpage()
        try:
            lines = list(lines_of(text_page))
        except TooManyCharacters:
            self.broken.append(number + 1)
            return
        finally:
            text_page.close()
        lines = self._seen(page, lines, number)
        if lines and not _is_gibberish(lines):
            yield from self.layout.blocks(lines, headings)
        elif lines or _has_objects(page):
            yield from self._recognised(page, number, gibberish=bool(lines))

    def _seen(self, page: Any, lines: list[PageLine], number: int) -> list[PageLine]:
        """Leave out what nobody sees who opens the page."""
        left, bottom, right, top = page.get_bbox()

        def is_within(line: PageLine) -> bool:
            beside = line.left >= right or line.right <= left
            return not (beside or line.bottom >= top or line.top <= bottom)

        within = kept(lines, is_within)
        self.counts["outside"] += _parts(lines) - _parts(within)
        seen = kept(within, lambda line: line.visible)
        if _parts(seen) == _parts(within):
            return within
        if _has_picture(page):
            self.layered.append(number + 1)
            return within
        self.counts["hidden"] += _parts(within) - _parts(seen)
        return seen

    def _recognised(self, page: Any, number: int, *, gibberish: bool) -> Iterator[Block]:
        if not self.recognition.is_installed:
            (self.gibberish if gibberish else self.silent).append(number + 1)
            return
        text = self.recognition.read(_drawn(page))
        (self.recognised if text.strip() else self.silent).append(number + 1)
        yield from read_plain(text)[1]

    def tell(self) -> None:
        """Say what was left out; raises UnreadableDocument where that is all."""
        notes, reading = self.reading.notes, self.reading
        if self.silent or self.gibberish or self.recognised:
            reading.helpers = self.recognition.version
        advice = "" if self.recognition.is_installed else f" ({self.recognition.advice})"
        for pages, words in (
            (self.silent, f"held no text{advice}"),
            (self.gibberish, f"hold text whose fonts do not say what it is{advice}"),
            (self.broken, "are damaged and were not read"),
            (self.layered, "hold what a scanner recognised, which may err"),
            (self.recognised, f"were recognised by {self.recognition.version}, which may err"),
        ):
            if pages:
                notes.append(f"pages {ranges(pages)} of {len(self.document)} {words}")
        notes += counted_notes(_SAID, self.counts)


def _parts(lines: list[PageLine]) -> int:
    return sum(max(len(line.cells), 1) for line in lines)


def _is_gibberish(lines: list[PageLine]) -> bool:
    """Whether too many characters stand for none: private, unassigned, replaced, or controls."""
    times = Counter(chain.from_iterable(line.text for line in lines))
    odd = sum(
        number
        for character, number in times.items()
        if character == "\ufffd" or unicodedata.category(character) in ("Co", "Cn", "Cc")
    )
    return odd > GIBBERISH * times.total()


def _has_picture(page: Any) -> bool:
    objects = islice(page.get_objects(max_depth=2), OBJECTS_MAX)
    return any(one.type == pdfium.FPDF_PAGEOBJ_IMAGE for one in objects)


def _says_something(page: Any, at: int) -> bool:
    """Whether an annotation holds text, as a filled field or a comment does."""
    one = pdfium.FPDFPage_GetAnnot(page, at)
    if not one:
        return False
    kind = pdfium.FPDFAnnot_GetSubtype(one)
    key = b"V" if kind == pdfium.FPDF_ANNOT_WIDGET else b"Contents"
    says = (
        kind not in (pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP)
        and pdfium.FPDFAnnot_GetValueType(one, key) == pdfium.FPDF_OBJECT_STRING
        and pdfium.FPDFAnnot_GetStringValue(one, key, None, 0) > EMPTY_BYTES
    )
    pdfium.FPDFPage_CloseAnnot(one)
    return says


def _has_objects(page: Any) -> bool:
    return bool(pdfium.FPDFPage_CountObjects(page))


def _drawn(page: Any) -> bytes:
    """Draw a page in grey, as a portable graymap (PGM)."""
    width, height = page.get_size()
    scale = min(DPI / 72, (PIXELS_MAX / max(width * height, 1)) ** 0.5)
    bitmap = page.render(scale=scale, grayscale=True, rev_byteorder=False)
    head = f"P5\n{bitmap.width} {bitmap.height}\n255\n".encode()
    rows = ctypes.string_at(bitmap.buffer, bitmap.stride * bitmap.height)
    pixels = b"".join(rows[at : at + bitmap.width] for at in range(0, len(rows), bitmap.stride))
    bitmap.close()
    return head + pixels


READER = DocumentReader(
    "pdfium", f"{version('pypdfium2')}.{READER_VERSION}.{PDF_VERSION}", read_pdf
)
