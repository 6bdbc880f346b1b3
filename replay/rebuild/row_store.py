"""Rows of the tables of one lane, on the disk: as made again, and as a changelog has them.

A lane may have more rows than fit memory beside whatever else runs here. What is kept of them is in
a file without a name, which goes with this process: it holds what the log holds, and no more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, MutableMapping
from typing import Any, NamedTuple

CACHE_KIB = 16_384
"""Of pages in memory; what is beyond is on the disk."""
SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE rows (
    side TEXT, name TEXT, key BLOB, value BLOB, turn INTEGER, PRIMARY KEY (side, name, key)
) WITHOUT ROWID;
CREATE INDEX turns ON rows (side, name, turn);
CREATE TABLE fences (name TEXT, key BLOB, fence BLOB, PRIMARY KEY (name, key)) WITHOUT ROWID;
CREATE TABLE doubts (
    name TEXT, key BLOB, event TEXT, why TEXT, PRIMARY KEY (name, key, event)
) WITHOUT ROWID;
CREATE TABLE later (place INTEGER, key BLOB, event TEXT, value BLOB, topic TEXT, at INTEGER);
"""
MADE, LIVE, KEPT = "made", "live", "kept"
"""Sides: as made again, as the changelog has it, as repairs found it."""


class DeferredWrite(NamedTuple):
    """A write whose turn is known only when the lane is through."""

    key: bytes
    event: str
    value: bytes
    topic: str
    offset: int


class RowStore:
    """All that is known of the rows of a lane."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._db.executescript(SCHEMA)
        self._db.execute("BEGIN")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def rows(self, side: str, name: str) -> StoredRows:
        """Return the rows of one side of a table."""
        return StoredRows(self._db, side, name)

    def fences(self, name: str) -> StoredFences:
        """Return which fence each row of a changelog names."""
        return StoredFences(self._db, name)

    def keys(self, name: str, *sides: str) -> Iterator[bytes]:
        """Yield the keys of the rows of a table that any of some sides has, in their order."""
        marks = ", ".join("?" * len(sides))
        found = self._db.execute(
            f"SELECT DISTINCT key FROM rows WHERE name = ? AND side IN ({marks}) ORDER BY key",  # noqa: S608 - marks alone
            (name, *sides),
        )
        for (key,) in found:
            yield key

    def clear(self, side: str, name: str) -> None:
        """Forget the rows of one side of a table."""
        self._db.execute("DELETE FROM rows WHERE side = ? AND name = ?", (side, name))
        if side == LIVE:
            self._db.execute("DELETE FROM fences WHERE name = ?", (name,))

    def doubt(self, name: str, key: bytes, event: str, why: str) -> None:
        """Note that it can't be told what an event wrote to a row, and why."""
        self._db.execute(
            "INSERT OR REPLACE INTO doubts VALUES (?, ?, ?, ?)", (name, key, event, why)
        )

    def doubts(self, name: str, key: bytes) -> dict[str, str]:
        """Return the events of which that is so, and why."""
        found = self._db.execute(
            "SELECT event, why FROM doubts WHERE name = ? AND key = ?", (name, key)
        )
        return dict(found.fetchall())

    def defer(self, place: int, write: DeferredWrite) -> None:
        """Keep a write for its turn."""
        self._db.execute("INSERT INTO later VALUES (?, ?, ?, ?, ?, ?)", (place, *write))

    def deferred(self) -> Iterator[DeferredWrite]:
        """Yield the writes that were kept, in their turn."""
        for row in self._db.execute(
            "SELECT key, event, value, topic, at FROM later ORDER BY place, rowid"
        ):
            yield DeferredWrite(*row)


class StoredRows(MutableMapping[bytes, bytes]):
    """The rows of one side of a table, as a mapping; each write is a turn."""

    def __init__(self, db: sqlite3.Connection, side: str, name: str) -> None:
        self._db = db
        self._whose = side, name
        self._turn = 0

    def __getitem__(self, key: bytes) -> bytes:
        """Return a row."""
        found = self._one("SELECT value FROM rows WHERE side = ? AND name = ? AND key = ?", key)
        if found is None:
            raise KeyError(key)
        return bytes(found[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        """Write a row, in the next turn."""
        self.put(key, value, self._turn + 1)

    def put(self, key: bytes, value: bytes, turn: int) -> None:
        """Write a row, in a turn: an offset, say."""
        self._turn = turn
        self._db.execute(
            "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?)", (*self._whose, key, value, turn)
        )

    def __delitem__(self, key: bytes) -> None:
        """Drop a row; raises KeyError where there is none."""
        gone = self._db.execute(
            "DELETE FROM rows WHERE side = ? AND name = ? AND key = ?", (*self._whose, key)
        )
        if not gone.rowcount:
            raise KeyError(key)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the keys, in their order."""
        found = self._db.execute(
            "SELECT key FROM rows WHERE side = ? AND name = ? ORDER BY key", self._whose
        )
        for (key,) in found:
            yield key

    def __len__(self) -> int:
        """Count them."""
        found = self._one("SELECT COUNT(*) FROM rows WHERE side = ? AND name = ?")
        return int(found[0]) if found else 0

    def turn_of(self, key: bytes) -> int:
        """Return the turn in which a row was written; -1 for none."""
        found = self._one("SELECT turn FROM rows WHERE side = ? AND name = ? AND key = ?", key)
        return -1 if found is None else int(found[0])

    def turn_of_newest(self, count: int) -> int:
        """Return the turn of the last of the newest rows, so many of them; -1 where all are."""
        found = self._one(
            "SELECT turn FROM rows WHERE side = ? AND name = ? ORDER BY turn DESC LIMIT 1 OFFSET ?",
            count - 1,
        )
        return -1 if found is None else int(found[0])

    def _one(self, query: str, *arguments: Any) -> Any:
        return self._db.execute(query, (*self._whose, *arguments)).fetchone()


class StoredFences(MutableMapping[bytes, bytes]):
    """The fence that each row of a changelog names."""

    def __init__(self, db: sqlite3.Connection, name: str) -> None:
        self._db = db
        self._name = name

    def __getitem__(self, key: bytes) -> bytes:
        """Return the fence that a row names."""
        query = "SELECT fence FROM fences WHERE name = ? AND key = ?"
        found = self._db.execute(query, (self._name, key)).fetchone()
        if found is None:
            raise KeyError(key)
        return bytes(found[0])

    def __setitem__(self, key: bytes, fence: bytes) -> None:
        """Note it."""
        self._db.execute("INSERT OR REPLACE INTO fences VALUES (?, ?, ?)", (self._name, key, fence))

    def __delitem__(self, key: bytes) -> None:
        """Forget it."""
        self._db.execute("DELETE FROM fences WHERE name = ? AND key = ?", (self._name, key))

    def __iter__(self) -> Iterator[bytes]:
        """Yield the keys."""
        for (key,) in self._db.execute("SELECT key FROM fences WHERE name = ?", (self._name,)):
            yield key

    def __len__(self) -> int:
        """Count them."""
        query = "SELECT COUNT(*) FROM fences WHERE name = ?"
        return int(self._db.execute(query, (self._name,)).fetchone()[0])
