"""Read CSV and TSV: each row by itself, its cells behind the names of their columns.

The delimiter is the one that parts the first rows most evenly. Quotes that would swallow the rest
of the file are no quotes.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.readers.blocks import block, normalise
from connectors.readers.document_reader import DocumentBytes, DocumentReader, DocumentReading
from connectors.readers.named_rows import named_rows, refuse_too_many_cells, row_blocks
from schemas import Block

SAMPLE_CHARS = 65_536
SAMPLE_ROWS = 100
LINES_OF_ROW_MAX = 200
CELL_CHARS_MAX = 131_072  # what Python's reader takes, too
_DELIMITERS = (",", ";", "\t", "|")
_VALUE = re.compile(r"[-+(]?[$€£]?\d[\d.,:/%\s-]*\)?")
_DECLARED = re.compile(r"sep=(.)\n", re.IGNORECASE)
"""The first line by which spreadsheets say what parts cells."""


@dataclass(frozen=True)
class Dialect:
    """How rows are written."""

    delimiter: str
    columns: int
    """That most rows have."""
    quoted: bool = True


def read_delimited(text: str, delimiters: tuple[str, ...] = _DELIMITERS) -> Iterator[Block]:
    """Read rows; what stands above the names of columns is read as lines."""
    text = normalise(text)
    if declared := _DECLARED.match(text):
        delimiters, text = (declared[1],), text[declared.end() :]
    dialect = _dialect(text, delimiters)
    refuse_too_many_cells(text.count(dialect.delimiter) + text.count("\n"))
    rows = _rows(text, dialect)
    above: list[str] = []
    names: list[str] = []
    first: list[list[str]] = []
    for row in rows:
        if dialect.columns > 1 and len(row) < dialect.columns and len(above) < SAMPLE_ROWS:
            above.append(" ".join(row))
            continue
        if dialect.columns > 1 and _are_names(row):
            names = row
        else:
            first.append(row)
        break
    yield from block("paragraph", "\n".join(above))
    yield from block("paragraph", "; ".join(name for name in names if name.strip()))
    yield from row_blocks(named_rows(names, first))
    yield from row_blocks(named_rows(names, rows))


def _dialect(text: str, delimiters: tuple[str, ...]) -> Dialect:
    """Find what parts the first rows into more than one cell, most evenly."""
    sample = text[:SAMPLE_CHARS]
    sample = sample[: sample.rfind("\n") + 1] or sample
    best, score = Dialect(delimiters[0], 1), 0.0
    for quoted in (True, False):
        for delimiter in delimiters:
            counts = _counts(sample, Dialect(delimiter, 0, quoted))
            columns, rows = counts.most_common(1)[0] if counts else (1, 0)
            share = rows / max(1, counts.total())
            if columns > 1 and share > score + 0.05:
                best, score = Dialect(delimiter, columns, quoted), share
    return best


def _counts(sample: str, dialect: Dialect) -> Counter[int]:
    """Count the rows of a sample by their cells."""
    counts: Counter[int] = Counter()
    for row in _rows(sample, dialect):
        if any(row):
            counts[len(row)] += 1
        if counts.total() == SAMPLE_ROWS:
            break
    return counts


def _rows(text: str, dialect: Dialect) -> Iterator[list[str]]:
    """Read rows; from where quotes do not hold, read lines."""
    lines = text.splitlines(keepends=True)
    read = 0
    if dialect.quoted:
        for row, end in _quoted_rows(lines, dialect.delimiter):
            yield row
            read = end
    for line in lines[read:]:
        yield line.rstrip("\n").split(dialect.delimiter)


def _quoted_rows(lines: list[str], delimiter: str) -> Iterator[tuple[list[str], int]]:
    """Read rows, each with the number of lines up to its end, until quotes do not hold."""
    read = before = 0

    def counted() -> Iterator[str]:
        nonlocal read
        for line in lines:
            read += 1
            yield line

    reader = csv.reader(counted(), delimiter=delimiter, skipinitialspace=True)
    try:
        for row in reader:
            if max(map(len, row), default=0) > CELL_CHARS_MAX or read - before > LINES_OF_ROW_MAX:
                return
            if read == len(lines) and read - before > 1:  # the end may have closed the quote
                list(csv.reader(lines[before:], delimiter=delimiter, strict=True))
            yield row, read
            before = read
    except csv.Error:
        return


def _are_names(row: list[str]) -> bool:
    """Whether a row names columns: each cell another text, and none a number or a date."""
    cells = [cell.strip() for cell in row if cell.strip()]
    return (
        len(cells) * 2 > len(row)
        and len(set(cells)) == len(cells)
        and not any(_VALUE.fullmatch(cell[:200]) for cell in cells)
    )


def _read(document: DocumentBytes) -> DocumentReading:
    delimiters = ("\t",) if document.kind == "text/tab-separated-values" else _DELIMITERS
    return DocumentReading(read_delimited(document.text(), delimiters))


READER = DocumentReader("delimited", "1", _read)
