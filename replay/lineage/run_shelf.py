"""Runs that are waited for, beyond those that fit memory: on the disk.

A log that is read anew after a week without workers has a week of questions that wait for their
ends. They are in a file without a name, which goes with this process.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from replay.lineage.lineage_events import RunState
from schemas.prepared_types import prepared

CACHE_KIB = 8_192
"""Of pages in memory; what is beyond is on the disk."""
SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE runs (
    tenant TEXT, request TEXT, run BLOB, PRIMARY KEY (tenant, request)
) WITHOUT ROWID;
"""
RunKey: TypeAlias = tuple[str, str]
"""Tenant and request."""


@dataclass
class LineageRun:
    """What is known of one request."""

    tenant: str
    request: str
    job: str = ""
    """Empty until its beginning is known."""
    began_us: int = 0
    code: str = ""
    ended_us: int | None = None
    state: RunState = "COMPLETE"
    error: str = ""
    documents: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Read or written: version and address by id."""
    metadata: tuple[str, ...] = ()
    """Names of the document's properties."""
    change: str = ""
    """What became of the document in the index: CREATE, OVERWRITE, DROP; empty for nothing."""
    written: dict[int, int] = field(default_factory=dict)
    """Passages written, by batch: one that was done again is the same."""
    told: bool = False
    """Whether its beginning was told."""

    def end(self, at_us: int, state: RunState = "COMPLETE", error: str = "") -> None:
        """Note an end; of several the latest counts, for what failed may have been tried again."""
        before = (-1, False) if self.ended_us is None else (self.ended_us, self.state == "FAIL")
        if (at_us, state == "FAIL") > before:
            self.ended_us, self.state, self.error = at_us, state, error


prepared(LineageRun)


class RunShelf:
    """Runs by tenant and request, each of them once."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._db.executescript(SCHEMA)
        self._db.execute("BEGIN")
        self._count = 0

    def __len__(self) -> int:
        """Count them."""
        return self._count

    def put(self, run: LineageRun) -> None:
        """Put away a run that is not there."""
        content = msgspec.msgpack.encode(run)
        self._db.execute("INSERT INTO runs VALUES (?, ?, ?)", (run.tenant, run.request, content))
        self._count += 1

    def take(self, key: RunKey) -> LineageRun | None:
        """Take a run away again; None where it is not there."""
        if not self._count:
            return None
        row = self._db.execute(
            "DELETE FROM runs WHERE tenant = ? AND request = ? RETURNING run", key
        ).fetchone()
        if row is None:
            return None
        self._count -= 1
        return msgspec.msgpack.decode(row[0], type=LineageRun)
