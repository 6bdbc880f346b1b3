"""Known histories: which session a conversation belongs to that a client sends whole each time.

Clients of OpenAI's interface name no session: with each question they send all that was said. What
was said, and to whom, is remembered as a keyed digest, for as long as anybody goes on talking; the
words themselves are on the log alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

from connectors.local_files import open_database

KEPT_S = 30 * 86_400
"""How long a conversation can be gone on with by its words."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS histories (
    digest TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    is_whole INTEGER NOT NULL,
    at_s INTEGER NOT NULL
) WITHOUT ROWID;
"""

SaidBefore = Sequence[tuple[str, str]]
"""Who said what, from the beginning: (user or assistant, text)."""


class KnownHistory(NamedTuple):
    """The session that a history was held in."""

    session: str
    is_whole: bool
    """Whether the session holds all of it."""


def content_of(subject: str, history: SaidBefore) -> bytes:
    """Return what is digested of a history: whose it is is part of it."""
    return orjson.dumps([subject, history])


class KnownHistories:
    """Sessions by the digest of what was said in them: one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._database = open_database(path, SCHEMA, synchronous="NORMAL")
        self.forget_old()

    def forget_old(self) -> None:
        """Forget conversations that nobody goes on with."""
        with self._lock:
            self._database.execute("DELETE FROM histories WHERE at_s < ?", (time.time() - KEPT_S,))

    def find(self, digest: str) -> KnownHistory | None:
        """Return the session of a history."""
        with self._lock:
            row = self._database.execute(
                "SELECT session, is_whole FROM histories WHERE digest = ?", (digest,)
            ).fetchone()
        return KnownHistory(row[0], bool(row[1])) if row else None

    def remember(self, digest: str, known: KnownHistory) -> None:
        """Remember a history; of two sessions with the same words the newer one goes on."""
        with self._lock:
            self._database.execute(
                "INSERT OR REPLACE INTO histories VALUES (?, ?, ?, ?)",
                (digest, known.session, known.is_whole, int(time.time())),
            )

    def close(self) -> None:
        """Close the store."""
        with self._lock:
            self._database.close()
