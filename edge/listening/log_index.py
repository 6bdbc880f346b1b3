"""The log index: what the edge knows from the log, in a file instead of in memory.

The log alone is true: the file may be deleted at any moment, and is then made again by reading all
history once. It spares that at every other start, and keeps what is known of millions of requests
out of memory. So it holds, beside that, up to where each lane was taken in, written in the same
transaction: what a crash takes back is read again, and taking it in twice changes nothing.

Why it is so:

* A lane's place names its log, as commits do (docs/decisions/0027). Places of another log are worth
  nothing, nor is what was known of it: the index begins anew.
* Each process has a file of its own, held by a lock for as long as it runs: two that fold the same
  log would take back each other's rows.
* A writing thread has one connection, the event loop another that only reads. SQLite's write-ahead
  log lets neither wait for the other, so a disk that is slow to write holds up no reader.
* What is not written yet is in memory, and whoever looks something up looks there as well. While
  the disk is full that grows, and all goes on.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

from connectors.local_files import make_folder, open_database
from streams.log.offsets import Partition
from streams.watching.logs import logger

log = logger("gateway")

LAYOUT = 3
"""Counted up whenever a row means something else than before: an older file begins anew."""
FILES_MAX = 64  # gateways with one run folder
CACHE_KIB = 4_096  # of each of the two connections
SCHEMA = """
CREATE TABLE IF NOT EXISTS lanes (
    topic TEXT NOT NULL,
    lane INTEGER NOT NULL,
    next INTEGER NOT NULL,
    topic_id TEXT NOT NULL,
    last_offset INTEGER NOT NULL,
    last_print TEXT NOT NULL,
    PRIMARY KEY (topic, lane)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (
    digest BLOB NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    request TEXT NOT NULL,
    subject TEXT NOT NULL,
    session TEXT NOT NULL,
    lane INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    deadline_us INTEGER NOT NULL,
    trace TEXT NOT NULL,
    offset INTEGER NOT NULL,
    mode TEXT NOT NULL,
    key TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS asked ON requests (tenant, subject, time_ms) WHERE mode = 'answer';
CREATE INDEX IF NOT EXISTS requests_of ON requests (tenant, subject, session, time_ms);
CREATE INDEX IF NOT EXISTS asked_when ON requests (tenant, time_ms, request) WHERE mode != '';
CREATE INDEX IF NOT EXISTS asked_where ON requests (tenant, session, time_ms, request)
    WHERE mode != '';
CREATE TABLE IF NOT EXISTS answers (
    tenant TEXT NOT NULL,
    digest BLOB NOT NULL,
    request TEXT NOT NULL,
    PRIMARY KEY (tenant, digest, request)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS citing (
    tenant TEXT NOT NULL,
    document TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    request TEXT NOT NULL,
    PRIMARY KEY (tenant, document, time_ms, request)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    described INTEGER NOT NULL,
    status TEXT NOT NULL,
    groups TEXT NOT NULL,
    since_us INTEGER,
    key TEXT NOT NULL,
    size INTEGER,
    known BLOB NOT NULL,
    UNIQUE (tenant, id)
);
CREATE INDEX IF NOT EXISTS under_way ON documents (since_us) WHERE since_us IS NOT NULL;
CREATE INDEX IF NOT EXISTS stored ON documents (tenant, key, size) WHERE size IS NOT NULL;
CREATE TABLE IF NOT EXISTS used (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    slots BLOB NOT NULL,
    UNIQUE (tenant, key)
);
CREATE TABLE IF NOT EXISTS marks (
    kind TEXT NOT NULL,
    lane INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, lane)
) WITHOUT ROWID;
"""
"""`requests_of` lists what was asked in a conversation, and the requests about a document.
`asked_when` and `asked_where` list what all readers of a tenant asked, for auditors.

`since_us` is when a document's newest request began, NULL once it is settled; `size` its bytes,
NULL unless it counts as stored, and `key` whose it is. `used` and `marks` are of `counted_use`."""


class LanePlace(NamedTuple):
    """Up to where a lane was taken in, and of which log."""

    next: int
    """The first offset that was not."""
    topic_id: str
    last: tuple[int, str]
    """Offset and fingerprint of the last record before it."""


class IndexedPart(Protocol):
    """Something known that the index keeps: see KnownRequests and KnownDocuments."""

    def to_write(self) -> list[tuple[str, list[tuple[Any, ...]]]]:
        """Return statements with their rows, for all that changed since the last call."""

    def written(self) -> None:
        """Let go of what the last call returned: it can be read from the file now."""

    def not_written(self) -> None:
        """Keep what the last call returned for the next one."""

    def forget(self) -> None:
        """Forget all that the log told: it is read again."""

    @property
    def unwritten(self) -> int:
        """How many rows wait to be written."""


class LogIndex:
    """One file, and the parts that are kept in it.

    `flush`, `places` and `begin_anew` are the reader's and writer's; all else is the event loop's.
    """

    def __init__(self, folder: Path) -> None:
        """Open the first file of a folder that no other process holds.

        Raises OSError where the folder or the disk can't be used.
        """
        self._lock_file, self._path = _held_file(folder)
        self._parts: list[IndexedPart] = []
        self._writing = threading.Lock()
        self._open()
        self.spoilt = False
        """Whether the file can't be read: its owner begins anew. Nothing is found meanwhile."""

    def _open(self) -> None:
        for _ in range(2):
            try:
                self._writer = _opened(self._path)
                self._reader = _opened(self._path)
            except sqlite3.DatabaseError as error:
                log.warning("the index of the log begins anew", reason=str(error))
                _delete(self._path)
            else:
                return
        raise OSError(f"{self._path} can't be used as the index of the log: free its disk")

    def keep(self, part: IndexedPart) -> None:
        """Write what changes of a part from now on."""
        self._parts.append(part)

    # ------------------------------------------------------------------ looking up

    def row(self, question: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Return the one row that a question finds, None where there is none."""
        for row in self.rows(question, values):
            return row
        return None

    def rows(self, question: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows that a question finds; a file that can't be read has none, and says so."""
        if self.spoilt:
            return
        try:
            yield from self._reader.execute(question, values)
        except sqlite3.DatabaseError as error:
            self.spoil(str(error))

    def count(self, table: str) -> int:
        """Count the rows of one of our tables."""
        found = self.row(f"SELECT count(*) FROM {table}", ())  # noqa: S608 - a name of our own
        return found[0] if found else 0

    def spoil(self, reason: str) -> None:
        """Say that the file holds what can't be: it is made anew."""
        log.warning("the index of the log can't be read: it is made anew", reason=reason)
        self.spoilt = True

    @property
    def unwritten(self) -> int:
        """How many rows wait to be written."""
        return sum(part.unwritten for part in self._parts)

    # ------------------------------------------------------------------ writing

    def places(self) -> dict[Partition, LanePlace]:
        """Return up to where each lane was taken in; empty where the file can't be read."""
        with self._writing:
            try:
                rows = self._writer.execute(
                    "SELECT topic, lane, next, topic_id, last_offset, last_print FROM lanes"
                ).fetchall()
            except sqlite3.DatabaseError as error:
                self.spoil(str(error))
                return {}
        return {
            (topic, lane): LanePlace(after, topic_id, (offset, print_))
            for topic, lane, after, topic_id, offset, print_ in rows
        }

    def flush(self, places: Mapping[Partition, LanePlace]) -> bool:
        """Write what changed, and up to where lanes were taken in; False where the disk refuses.

        All that lies before the places must have been taken in before.
        """
        with self._writing:
            if self.spoilt:
                return False
            changes = [change for part in self._parts for change in part.to_write()]
            try:
                self._write(changes, places)
            except sqlite3.Error as error:
                for part in self._parts:
                    part.not_written()
                log.warning("the index of the log is not written", reason=str(error))
                self.spoilt = self.spoilt or _is_spoilt(error)
                return False
            for part in self._parts:
                part.written()
        return True

    def _write(
        self,
        changes: Iterable[tuple[str, list[tuple[Any, ...]]]],
        places: Mapping[Partition, LanePlace],
    ) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            for statement, rows in changes:
                self._writer.executemany(statement, rows)
            self._writer.executemany(
                "INSERT OR REPLACE INTO lanes VALUES (?, ?, ?, ?, ?, ?)",
                [(*lane, at.next, at.topic_id, *at.last) for lane, at in places.items()],
            )
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def begin_anew(self) -> None:
        """Forget everything: all history is read again. For the event loop's thread alone."""
        with self._writing:
            self._reader.close()
            self._writer.close()
            _delete(self._path)
            self._open()
            for part in self._parts:
                part.forget()
            self.spoilt = False

    def close(self) -> None:
        """Close the file; what was not flushed is read from the log at the next start."""
        with self._writing:
            self._reader.close()
            self._writer.close()
            self._lock_file.close()


def _opened(path: Path) -> sqlite3.Connection:
    database = open_database(path, "", synchronous="NORMAL")
    try:
        [(layout,)] = database.execute("PRAGMA user_version").fetchall()
        if layout not in (0, LAYOUT):
            raise sqlite3.DatabaseError(f"it is of layout {layout}, and this is {LAYOUT}")
        database.executescript(f"{SCHEMA} PRAGMA user_version = {LAYOUT};")
        database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    except BaseException:
        database.close()
        raise
    return database


def _held_file(folder: Path) -> tuple[BinaryIO, Path]:
    """Lock the first file that nobody holds; the system lets go of it however the process ends."""
    make_folder(folder)
    for number in range(1, FILES_MAX + 1):
        path = folder / f"log-index-{number}.sqlite"
        lock = open(path.with_suffix(".lock"), "ab", opener=_for_its_owner)  # noqa: SIM115 - it is kept
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
        else:
            return lock, path
    raise OSError(f"{FILES_MAX} gateways run in {folder}: give this one a run folder of its own")


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _delete(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _is_spoilt(error: sqlite3.Error) -> bool:
    """Tell a file that is broken from a disk that is full or busy."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(
        error, sqlite3.OperationalError
    )
