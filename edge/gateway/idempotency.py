"""Idempotency keys: the same key and body are one request.

The same key with another body is a mistake, and the client is told so.

A request's id follows from its key, so a repeat gives the same id whichever process takes it. What
must be remembered is only which body the key came with, and whether the broker has it. What other
gateways took in under a key the log tells (`Gateway.ask_once`), at the same moment too.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from connectors.local_files import open_database
from edge.problems import Problem
from edge.requests import limits

KEPT_S = 7 * 86_400
"""How long a key is remembered: longer than any client retries."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS idempotency (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    taken INTEGER NOT NULL DEFAULT 0,
    at_s INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;
"""


class KeyReused(Problem):
    """A key came with another request before."""

    def __init__(self) -> None:
        super().__init__(
            422,
            "idempotency-key-reused",
            "this Idempotency-Key came with another request before: use a new key for a new "
            "request, or send the same request again",
        )


class Idempotency:
    """Which body each idempotency key came with: one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._database = open_database(path, SCHEMA, synchronous="NORMAL")
        self.forget_old()

    def forget_old(self) -> None:
        """Forget keys that no client retries any more."""
        with self._lock:
            self._database.execute(
                "DELETE FROM idempotency WHERE at_s < ?", (time.time() - KEPT_S,)
            )

    def begin(self, scope: str, key: str, body: str) -> bool:
        """Say that a request came; True where one with this key is on the log already.

        `scope` names who asks: nobody meets another's keys. `body` is a digest of the request.
        Raises Problem where the key came with another body before, or is malformed.
        """
        if not limits.IDEMPOTENCY_KEY.fullmatch(key):
            raise Problem(
                400,
                "bad-idempotency-key",
                f"an Idempotency-Key is 1 to {limits.IDEMPOTENCY_KEY_MAX} visible ASCII characters",
            )
        with self._lock:
            self._database.execute(
                "INSERT OR IGNORE INTO idempotency (scope, key, body, at_s) VALUES (?, ?, ?, ?)",
                (scope, key, body, int(time.time())),
            )
            body_before, is_on_log = self._database.execute(
                "SELECT body, taken FROM idempotency WHERE scope = ? AND key = ?", (scope, key)
            ).fetchone()
        if body_before != body:
            raise KeyReused
        return bool(is_on_log)

    def forget(self, scope: str, key: str) -> None:
        """Forget what a key came with that is not on the log: another gateway's request is."""
        with self._lock:
            self._database.execute(
                "DELETE FROM idempotency WHERE scope = ? AND key = ? AND NOT taken", (scope, key)
            )

    def confirm(self, scope: str, key: str) -> None:
        """Say that the request is on the log."""
        with self._lock:
            self._database.execute(
                "UPDATE idempotency SET taken = 1 WHERE scope = ? AND key = ?", (scope, key)
            )

    def close(self) -> None:
        """Close the store."""
        with self._lock:
            self._database.close()
