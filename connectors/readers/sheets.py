"""Read spreadsheets (XLSX, XLS, ODS): sheet by sheet, each under its name.

Rows that follow each other are a table, whose first row is its header; a row of one cell before
them is a caption. A cell says its value, not how it is shown: 0.25 for 25 %, and of a formula the
last result. Comments, charts and text boxes of XLSX follow their sheet. Hidden sheets are left out.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from itertools import chain, groupby
from typing import Any

from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from connectors.readers.archives import (
    OLE,
    Archive,
    refuse_encrypted_entries,
    refuse_encrypted_package,
)
from connectors.readers.blocks import block, under
from connectors.readers.damage import damaged
from connectors.readers.document_reader import (
    READER_VERSION,
    DocumentBytes,
    DocumentReader,
    DocumentReading,
)
from connectors.readers.guards import UnreadableDocument
from connectors.readers.libraries import lxml_version
from connectors.readers.notes import counted_notes
from connectors.readers.sheet_extras import SheetExtras
from connectors.readers.table_blocks import row_text, table
from schemas import Block

SHEETS_VERSION = 1
"""Of the rules for these formats: raise it when the same bytes give other blocks."""
WHAT = "spreadsheet"
COLUMNS_MAX = 1_000
"""Of a row: one cell far to the right makes all rows as wide."""
CELLS_MAX = 10_000_000
"""Of a sheet's area, empty ones too: a cell at each corner of a sheet spans 17 thousand million."""
REPEATED_CELLS_MAX = 2_000_000  # of text, each of which the library copies: 200 MB
_REPEATED = re.compile(rb"-repeated=[\"'][0-9]{3}")
_ROW_OR_CELL = re.compile(rb"<[a-z]{0,20}:?(?:covered-)?table-(row|cell)\b([^>]*?)(/?)>")
_TIMES = re.compile(rb"-repeated=[\"']([0-9]+)")
CAPTIONS_MAX = 3  # rows of one cell before a table; more are a list
_ODS = "application/vnd.oasis.opendocument.spreadsheet"
_SAID = {
    "hidden": "{} hidden sheets were left out",
    "wide": f"{{}} rows were cut after {COLUMNS_MAX} columns",
    "comments": "{} comments follow their sheets",
    "charts": "{} charts are told by their numbers",
    "pictures": "{} pictures were not read",
    "embedded": "{} embedded files were not read",
}
SheetRow = list[Any]


def read_sheets(document: DocumentBytes) -> DocumentReading:
    """Read a spreadsheet."""
    reading = DocumentReading()
    reading.blocks = _blocks(document, reading)
    return reading


def _blocks(document: DocumentBytes, reading: DocumentReading) -> Iterator[Block]:
    counts: Counter[str] = Counter()
    with damaged(WHAT):
        refuse_encrypted_package(document.content, WHAT)
        extras = _extras(document)
        if extras is not None:
            reading.title = extras.title()
        workbook = CalamineWorkbook.from_object(io.BytesIO(document.content))
        for about in workbook.sheets_metadata:
            if about.visible != SheetVisibleEnum.Visible:
                counts["hidden"] += 1
                continue
            rows: Iterable[SheetRow] = ()
            if about.typ == SheetTypeEnum.WorkSheet:
                rows = workbook.get_sheet_by_name(about.name).iter_rows()
            beside = extras.of_sheet(about.name, counts) if extras is not None else ()
            yield from under(about.name, chain(_tables(_texts(rows, counts)), beside))
        reading.notes += counted_notes(_SAID, counts)


def _extras(document: DocumentBytes) -> SheetExtras | None:
    """Check what is unpacked; return what stands beside the cells, where the format has such."""
    if document.content.startswith(OLE):
        return None
    if document.kind == _ODS or b"META-INF/manifest.xml" in document.content[-65_536:]:
        archive = Archive(document.content, WHAT)
        refuse_encrypted_entries(archive)
        archive.check_inflated()
        _check_repeated(archive.read("content.xml") if "content.xml" in archive.names else b"")
        return None
    extras = SheetExtras(document.content, WHAT)
    extras.check_area(CELLS_MAX)
    return extras


def _check_repeated(content: bytes) -> None:
    """Raise UnreadableDocument for cells that are repeated more often than fits.

    OpenDocument writes equal rows and cells once, with their number; the library copies each.
    """
    if not _REPEATED.search(content):
        return
    cells = rows = 0
    for tag in _ROW_OR_CELL.finditer(content):
        name, attributes, is_empty = tag.groups()
        repeated = _TIMES.search(attributes)
        times = int(repeated.group(1)[:9]) if repeated else 1
        if name == b"row":
            rows = times
        elif not is_empty or b"value" in attributes:
            cells += rows * times
    if cells > REPEATED_CELLS_MAX:
        raise UnreadableDocument(
            f"this {WHAT} has {cells} cells, most of them repeated, of {REPEATED_CELLS_MAX} at "
            "most: delete what is repeated, or split it, and submit that"
        )


def _texts(rows: Iterable[SheetRow], counts: Counter[str]) -> Iterator[list[str]]:
    for row in rows:
        counts["wide"] += len(row) > COLUMNS_MAX and any(one != "" for one in row[COLUMNS_MAX:])
        yield [_text(cell) for cell in row[:COLUMNS_MAX]]


def _text(cell: Any) -> str:
    """Spell the value of a cell."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        day = not (cell.hour or cell.minute or cell.second or cell.microsecond)
        return cell.date().isoformat() if day else cell.isoformat(" ")
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    return str(cell)


def _tables(rows: Iterable[list[str]]) -> Iterator[Block]:
    """Read what stands between empty rows as a table, with captions before it."""
    for says, region in groupby(rows, key=any):
        if says:
            yield from _region(region)


def _region(rows: Iterator[list[str]]) -> Iterator[Block]:
    head: list[list[str]] = []
    for row in rows:
        if _is_single(row) and len(head) < CAPTIONS_MAX:
            head.append(row)
            continue
        if _is_single(row):  # so many of them are a list, not captions
            yield from table(chain(head, (row,), rows), headed=False)
        else:
            for caption in head:
                yield from block("paragraph", row_text(caption).strip("| "))
            yield from table(chain((row,), rows))
        return
    yield from table(head, headed=False)


def _is_single(row: list[str]) -> bool:
    return sum(map(bool, row)) == 1


READER = DocumentReader(
    "python-calamine",
    f"{version('python-calamine')}+lxml-{lxml_version()}.{READER_VERSION}.{SHEETS_VERSION}",
    read_sheets,
)
