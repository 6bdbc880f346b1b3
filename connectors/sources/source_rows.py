"""Rows of a table as documents: one row each, or all rows of one key.

A document's text is one column, or several below each other; without such, every column with its
name. Rows of one key make a table in Markdown. A value larger than a document may be is refused by
its column, and so is a row without a key.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from connectors.sources.findings import FoundDocument, LeftOut, ReadVersion, SourceFinding

Row = Mapping[str, Any]
KEY_SHOWN = 100  # characters


class BadRows(Exception):
    """Rows that don't fit what was said of them; the message says what to change."""


@dataclass(frozen=True)
class RowShape:
    """How rows become documents."""

    base: str
    """What uris begin with; the key follows."""
    key: str
    text: tuple[str, ...] = ()
    title: str = ""
    metadata: tuple[str, ...] = ()
    media_type: str = "text/markdown"
    grouped: bool = False
    """Rows of one key, which follow each other, are one document."""
    bytes_max: int = 2**24


def documents_of(rows: Iterable[Row], shape: RowShape) -> Iterator[SourceFinding]:
    """Turn rows into documents, one after the other; raises BadRows for columns that are not there.

    Of rows that are grouped, those of one document are held at a time, up to `bytes_max`.
    """
    checked = False
    group: list[Row] = []
    size = 0
    for row in rows:
        if not checked:
            _check_columns(row, shape)
            checked = True
        if (refusal := _refusal(row, shape)) is not None:
            yield refusal
            continue
        if not shape.grouped:
            yield _document([row], shape)
            continue
        if group and group[0][shape.key] != row[shape.key]:
            yield _group(group, size, shape)
            group, size = [], 0
        size += sum(_size(value) for value in row.values())
        if not group or size <= shape.bytes_max:
            group.append(row)
    if group:
        yield _group(group, size, shape)


def _check_columns(row: Row, shape: RowShape) -> None:
    wanted = {shape.key, *shape.text, *shape.metadata, *filter(None, [shape.title])}
    if missing := sorted(wanted - set(row)):
        raise BadRows(f"there is no column {', '.join(missing)}: the columns are {', '.join(row)}")


def _refusal(row: Row, shape: RowShape) -> LeftOut | None:
    key = row[shape.key]
    if key is None or key == "":
        return LeftOut(f"a row without {shape.key}", f"{shape.key} is empty", "failed")
    for column, value in row.items():
        if (size := _size(value)) > shape.bytes_max:
            return LeftOut(
                f"{shape.key} {str(key)[:KEY_SHOWN]}",
                f"column {column} has {size} bytes, the limit of a document is "
                f"{shape.bytes_max}: leave the column out of the query, or raise "
                "PLAYHEAD_DOCUMENT_BYTES_MAX",
                "failed",
                _uri(shape, key),
            )
    return None


def _group(rows: Sequence[Row], size: int, shape: RowShape) -> SourceFinding:
    if size <= shape.bytes_max:
        return _document(rows, shape)
    key = rows[0][shape.key]
    return LeftOut(
        f"{shape.key} {str(key)[:KEY_SHOWN]}",
        f"its rows have more than {shape.bytes_max} bytes, the limit of a document: group by a "
        "finer key",
        "failed",
        _uri(shape, key),
    )


def _document(rows: Sequence[Row], shape: RowShape) -> FoundDocument:
    first = rows[0]
    uri = _uri(shape, first[shape.key])
    [value] = [first[name] for name in shape.text] if len(shape.text) == 1 else [None]
    if isinstance(value, bytes | bytearray | memoryview):
        content = bytes(value)  # a document of some kind, kept in a column
    else:
        content = _text(rows, shape).encode("utf-8", "replace")
    version = ReadVersion(
        content,
        shape.media_type,
        title=spelled(first[shape.title]) if shape.title else "",
        metadata={name: spelled(first[name]) for name in shape.metadata},
    )
    return FoundDocument(uri, lambda: version)


def _uri(shape: RowShape, key: Any) -> str:
    return shape.base + quote(spelled(key), safe="")


def _text(rows: Sequence[Row], shape: RowShape) -> str:
    columns = shape.text or tuple(rows[0])
    if len(rows) > 1 or shape.grouped:
        lines = [list(columns), ["---"] * len(columns)]
        lines += [[spelled(row.get(name)) for name in columns] for row in rows]
        return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)
    if shape.text:
        return "\n\n".join(filter(None, (spelled(rows[0][name]) for name in columns)))
    return "".join(f"**{name}**: {spelled(rows[0][name])}\n\n" for name in columns)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def spelled(value: Any) -> str:
    """Spell a value as text: the same value the same text, on every machine."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case bytes() | bytearray() | memoryview():
            return f"({len(value)} bytes)"
        case dict() | list() | tuple():
            return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
        case _:
            return str(value)


def _size(value: Any) -> int:
    """Tell how large a value is, a text by its characters; others have no size to speak of."""
    return len(value) if isinstance(value, str | bytes | bytearray | memoryview) else 0


# ---------------------------------------------------------------------- cursors

_READ: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "decimal": Decimal,
    "datetime": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
}


def cursor_text(value: Any) -> str:
    """Spell a value of a cursor column with its type; raises BadRows for another type."""
    kind = "decimal" if isinstance(value, Decimal) else type(value).__name__
    if kind not in _READ:
        raise BadRows(
            f"a cursor column of type {kind} has no order that can be kept: choose one of numbers, "
            "texts or times"
        )
    return json.dumps({"type": kind, "value": spelled(value)}, ensure_ascii=False)


def cursor_value(text: str) -> Any:
    """Read what `cursor_text` spelled; None for an empty text."""
    if not text:
        return None
    told = json.loads(text)
    return _READ[told["type"]](told["value"])


class CursorWatch:
    """Passes rows on and keeps the highest value of a column."""

    def __init__(self, column: str, since: str) -> None:
        self._column = column
        self._highest = cursor_value(since)

    def over(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Pass on the rows that are not before the cursor; raises BadRows without the column.

        Those of the cursor's own value come again: others may have been written beside them.
        """
        since = self._highest
        for row in rows:
            if self._column not in row:
                raise BadRows(
                    f"there is no column {self._column}: the columns are {', '.join(row)}"
                )
            value = row[self._column]
            if value is None:
                yield row  # it was never given a place: read each time
                continue
            try:
                if since is not None and value < since:
                    continue
                if self._highest is None or value > self._highest:
                    self._highest = value
            except TypeError:
                raise BadRows(
                    f"column {self._column} holds values of several types: it is no cursor"
                ) from None
            yield row

    @property
    def text(self) -> str:
        """The highest value so far, as it is kept."""
        return "" if self._highest is None else cursor_text(self._highest)
