"""Files of this machine's own: databases and secrets, for their owner's eyes alone."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path


def open_database(path: Path, schema: str) -> sqlite3.Connection:
    """Open an SQLite file of mode 0600, made with its tables where they are missing.

    Each statement is its own transaction. The connection may be used from any thread, by one at a
    time. Raises sqlite3.Error.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
    database.execute("PRAGMA journal_mode=WAL")
    database.executescript(schema)
    return database


def write_secret(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 whole or not at all."""
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    partial.replace(path)
