"""Spell the rows of a table so that each stands for itself: `Locker: 103; Code: 4711`.

Why it is so: a question names one row, and what is found is a row or a few. Behind its column's
name a cell says what it is without the table around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from connectors.readers.blocks import block
from connectors.readers.guards import UnreadableDocument
from schemas import Block

NAME_CHARS_MAX = 60  # of a column's name, which stands with every row
CELLS_MAX = 1_500_000
ROWS_OF_BLOCK = 200
ROWS_OF_BLOCK_CHARS = 32_768


def named_rows(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Spell each row as a line; a cell without a name stands by itself, an empty one not at all."""
    short = [" ".join(name.split())[:NAME_CHARS_MAX] for name in names]
    for row in rows:
        cells = (
            f"{short[at]}: {text}" if at < len(short) and short[at] else text
            for at, cell in enumerate(row)
            if (text := " ".join(cell.split()))
        )
        if line := "; ".join(cells):
            yield line


def row_blocks(lines: Iterable[str]) -> Iterator[Block]:
    """Put lines into blocks of some dozens."""
    held: list[str] = []
    chars = 0
    for line in lines:
        held.append(line)
        chars += len(line)
        if len(held) == ROWS_OF_BLOCK or chars >= ROWS_OF_BLOCK_CHARS:
            yield from block("list", "\n".join(held))
            held, chars = [], 0
    yield from block("list", "\n".join(held))


def refuse_too_many_cells(cells: int) -> None:
    """Raise UnreadableDocument for more cells than a table may have."""
    if cells > CELLS_MAX:
        raise UnreadableDocument(
            f"the document has more than {CELLS_MAX} values: split it and submit its parts"
        )
