"""Tables: rows of cells into blocks, in none of which a row stands without the header.

A table is parted where it is longer than a chunk, and each part begins with the header again: what
is cut later, or found alone, still says what its numbers are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from connectors.readers.blocks import block, flat, normalise
from schemas import Block

TABLE_CHARS = 1_600
"""Of a block, before a row is put into the next one: 400 tokens or so, the least a chunk of the
first policy holds."""
HEADER_CHARS_MAX = 400  # what is longer stands once: else most of each block would be the header
CELL_CHARS_MAX = 2_000  # of a table of data; what is longer is a part of a page


def table(rows: Iterable[Sequence[str]], *, headed: bool = True) -> Iterator[Block]:
    """Yield a table; where it is `headed`, its first row that says anything is the header."""
    header = ""
    lines: list[str] = []
    chars = 0
    for row in rows:
        line = row_text(row)
        if not line:
            continue
        if lines and chars + len(line) > TABLE_CHARS:
            yield from block("table", "\n".join(lines))
            lines, chars = [], 0
            if header:
                lines, chars = [header], len(header)
        elif headed and not lines and len(line) <= HEADER_CHARS_MAX:
            header = line
        lines.append(line)
        chars += len(line) + 1
    if lines:
        yield from block("table", "\n".join(lines))


def row_text(row: Sequence[str]) -> str:
    """Spell a row on one line; empty where it says nothing."""
    cells = [flat(normalise(cell)) for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return " | ".join(cells)
