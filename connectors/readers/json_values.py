"""Read JSON and JSON Lines: one line or block for each record, each value behind its path.

Numbers stay as they are spelt. What is no JSON, or nests deeper than Python's reader goes, is read
as lines of text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from connectors.readers.blocks import block, normalise
from connectors.readers.document_reader import DocumentBytes, DocumentReader, DocumentReading
from connectors.readers.guards import UnreadableDocument
from connectors.readers.lines import read_lines
from connectors.readers.named_rows import refuse_too_many_cells, row_blocks
from connectors.readers.value_paths import NamedValues, is_nested, path_lines
from schemas import Block

LINE_CHARS_MAX = 600  # of a record on one line; a longer one is a block of its own
NO_JSON = "the document is no valid JSON: it was read as lines of text"
SOME_LINES = "some lines are no valid JSON: they were read as text"
_decode = json.JSONDecoder(
    object_pairs_hook=NamedValues, parse_int=str, parse_float=str, parse_constant=str, strict=False
).decode


def read_json(text: str, notes: list[str]) -> Iterator[Block]:
    """Read one value: a list of records, or an object whose lists may be such."""
    value = _value(text)
    if value is None:
        notes.append(NO_JSON)
        yield from read_lines(text)
        return
    yield from _blocks(value, ())


def read_json_lines(text: str, notes: list[str]) -> Iterator[Block]:
    """Read a value from each line."""
    lines = text.split("\n")
    values = ((line, _value(line)) for line in lines if line.strip())
    yield from _records(_told(values, notes), ())


def _told(values: Iterable[tuple[str, Any]], notes: list[str]) -> Iterator[Any]:
    for line, value in values:
        if value is None:
            notes[:] = [SOME_LINES]
        yield line.strip() if value is None else value


def _value(text: str) -> Any:
    """Read a value; None for what is none."""
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        return None


def _blocks(value: Any, path: tuple[str, ...]) -> Iterator[Block]:
    """Read a value; lists of records within an object are read as such, one level down."""
    if isinstance(value, NamedValues):
        rest = NamedValues()
        for name, one in value:
            if _is_records(one):
                yield from row_blocks(path_lines(rest, path))
                rest = NamedValues()
                yield from block("heading", name, 2)
                yield from _records(one, ())
            else:
                rest.append((name, one))
        yield from row_blocks(path_lines(rest, path))
    elif _is_records(value):
        yield from _records(value, path)
    else:
        yield from row_blocks(path_lines(value, path))


def _is_records(value: Any) -> bool:
    return (
        isinstance(value, list)
        and not isinstance(value, NamedValues)
        and len(value) > 1
        and all(map(is_nested, value))
    )


def _records(values: Iterable[Any], path: tuple[str, ...]) -> Iterator[Block]:
    """Spell short records as lines, and long ones as blocks."""
    short: list[str] = []
    for value in values:
        lines = list(path_lines(value, path))
        line = "; ".join(" ".join(one.split()) for one in lines)
        if len(line) <= LINE_CHARS_MAX:
            short.append(line)
            if len(short) < 200:
                continue
        yield from row_blocks(short)
        short = []
        if len(line) > LINE_CHARS_MAX:
            yield from block("paragraph", "\n".join(lines))
    yield from row_blocks(short)


def _read(document: DocumentBytes) -> DocumentReading:
    text = normalise(document.text()).removeprefix("\ufeff")
    refuse_too_many_cells(text.count(",") + text.count("[") + text.count("{"))
    notes: list[str] = []
    if not text.strip():
        raise UnreadableDocument("the document holds no text: submit one that does")
    read = read_json_lines if document.kind == "application/jsonl" else read_json
    return DocumentReading(read(text, notes), notes=notes)


READER = DocumentReader("json", "1", _read)
