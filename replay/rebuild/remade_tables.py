"""The steps' tables, made again from the log: the same code, over rows of a store.

A table here writes to no changelog, drops no row for want of room, and belongs to no app that runs.
What a step's run would have it keep comes from the run that was made again; what folds enter comes
from the log.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any, cast

from replay.rebuild.row_store import DeferredWrite, RowStore, StoredRows
from schemas import (
    DocumentState,
    Placeholders,
    Record,
    ReleaseState,
    TableEntry,
    TableRow,
    Turns,
    WriteDocument,
    WritePlaceholders,
    WriteRelease,
    Written,
)
from streams.delivery.faust_shell import App
from streams.delivery.rows import RowKey, whose_row
from streams.delivery.step_tables import TABLES
from streams.delivery.tables import Person, Table
from streams.log.codec import Codec, Undecodable
from streams.settings import Settings
from streams.topics import STEPS

VALUES: dict[str, type[Record]] = {
    "documents": DocumentState,
    "placeholders": Placeholders,
    "releases": ReleaseState,
    "sessions": Turns,
}
"""What the entries of a table's rows hold."""
WRITES = (WriteDocument, WritePlaceholders, WriteRelease)
STEP_OF = {table: step.name for step in STEPS for table in step.tables}
TURNLESS = "documents"
"""Its step reads two topics, and nothing says which of two inputs came first but their outcomes."""


class RemadeTable(Table):
    """A table without a changelog."""

    rows: StoredRows
    defer: Callable[[RowKey, str, Record, str, int], None] | None = None
    """Takes writes whose turn is not known yet."""

    async def _write(
        self, place: RowKey, event: str, value: Record, topic: str, offset: int
    ) -> Written:
        if self.defer is None:
            return await super()._write(place, event, value, topic, offset)
        self.defer(place, event, value, topic, offset)
        return Written()

    async def enter(self, write: DeferredWrite) -> None:
        """Write what was deferred, now that it is its turn."""
        place = RowKey.at(write.key)
        value = self._codec.decode(write.value, VALUES[self.NAME])
        await super()._write(place, write.event, value, write.topic, write.offset)

    async def _put(self, place: RowKey, value: bytes) -> None:
        self.rows[place.key] = value

    def _make_room(self, lane: int, rows_max: int) -> None:
        """Keep all: which ones a worker has dropped by now is for the comparison to say."""

    def is_of(self, key: bytes, row: bytes, people: AbstractSet[Person]) -> bool:
        """Say whether a row is of some people, or rests on what they said."""
        return whose_row(key) in people or bool(self._origins_in(row) & people)

    def row_of(self, data: bytes | None) -> TableRow | None:
        """Decode a row and all that it holds; None where there is none, or it can't be read."""
        try:
            row = self._codec.decode(data, TableRow)
            for entry in row.entries:
                self.said(entry)
        except Undecodable:
            return None
        return row

    def said(self, entry: TableEntry) -> Record:
        """Decode what an entry says; raises Undecodable."""
        return self._codec.decode(entry.value, VALUES[self.NAME])

    def spelt(self, row: TableRow) -> bytes:
        """Encode a row."""
        return self._codec.encode(row)


class _NoApp:
    """What a table asks of its app when it is made."""

    def __init__(self, rows: StoredRows) -> None:
        self.data = rows

    def Table(self, *_: object, **__: object) -> _NoApp:  # noqa: N802 - Faust's name
        return self

    def topic(self, *_: object, **__: object) -> None:
        """Make none."""


def remade(name: str, store: RowStore, side: str, codec: Codec, settings: Settings) -> RemadeTable:
    """Return a table of a step over the rows of one side of a store."""
    rows = store.rows(side, name)
    table = _kind(name)(cast(App, _NoApp(rows)), settings)
    table.rows = rows
    table.attach(codec)
    return table


@cache
def _kind(name: str) -> type[RemadeTable]:
    of_step: Any = TABLES[name]
    return type(f"Remade{of_step.__name__}", (RemadeTable, of_step), {})
