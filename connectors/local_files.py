"""Local files that others must not read: SQLite stores, and secrets that are whole or not there.

Why it is so: one SQLite file serves the processes of one host without another service; see
docs/decisions/0012-sqlite.md.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Literal

BUSY_S = 10.0
"""How long to wait for another process's write."""
OPENING_S = 60.0
"""How long to wait for others that make the same store: SQLite waits for none of them while a file
becomes one with a write-ahead log, and says at once that it is locked."""
AGAIN_S = 0.05


def open_database(
    path: Path, schema: str, synchronous: Literal["FULL", "NORMAL"] = "FULL"
) -> sqlite3.Connection:
    """Open a store of mode 0600 that threads and processes share, making what is missing of it.

    `schema` may be run at every opening. Transactions are the caller's to begin. FULL survives a
    power cut with every commit, NORMAL may lose the last ones. What is deleted is overwritten.
    Raises sqlite3.Error for a file that can't be used, OSError for a folder that can't.
    """
    make_folder(path.parent)
    path.touch(mode=0o600)
    ends_s = time.monotonic() + OPENING_S
    while True:
        try:
            return _opened(path, schema, synchronous)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends_s:
                raise
            time.sleep(AGAIN_S)


def _opened(path: Path, schema: str, synchronous: str) -> sqlite3.Connection:
    store = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        store.execute("PRAGMA journal_mode = WAL").fetchall()
        store.execute(f"PRAGMA synchronous = {synchronous}")
        store.execute("PRAGMA secure_delete = ON").fetchall()
        store.executescript(schema)
    except BaseException:
        store.close()
        raise
    return store


def write_secret(path: Path, data: bytes, *, overwrite: bool = False) -> bool:
    """Write a file of mode 0600 durably, whole or not at all; tell whether this call wrote it.

    Without `overwrite` a file that is there stands, and of several processes that write at once
    the first one wins. Raises OSError where the disk refuses.
    """
    make_folder(path.parent)
    descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=".part-")  # of mode 0600
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        if overwrite:
            Path(part).replace(path)
        else:
            os.link(part, path)
    except FileExistsError:
        return False
    finally:
        Path(part).unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter; one that is there keeps its mode."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make durable that a file has its name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
