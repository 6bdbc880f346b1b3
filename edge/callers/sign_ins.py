"""Sign-ins: people who came to the pages by an issuer, for some hours.

What a browser holds is 256 random bits in a cookie that no script can read, and that stands for an
entry here; the issuer's tokens are read once and kept nowhere. As with keys, the hash is enough to
store, every use reads the store, and signing out holds in every process at once.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from connectors.local_files import open_database
from edge.callers.access_tokens import PersonKnown
from streams.settings import Settings

EACH_MAX = 32
"""Sign-ins of one person at once; the oldest go first."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS sign_ins (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    issuer TEXT NOT NULL,
    tenant TEXT NOT NULL,
    user TEXT NOT NULL,
    scopes TEXT NOT NULL,
    groups TEXT NOT NULL,
    ends_s INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS sign_ins_of ON sign_ins (tenant, user, ends_s);
"""


class SignIns:
    """The store of sign-ins, one SQLite file that the gateways of a host share."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._database = open_database(path, SCHEMA)
        self.forget_old()

    def create(self, who: PersonKnown, lasts_s: int) -> str:
        """Remember who signed in; returns what the browser holds, which is nowhere else."""
        secret, identity = secrets.token_urlsafe(32), f"login-{secrets.token_hex(6)}"
        with self._lock:
            self._database.execute(
                "INSERT INTO sign_ins VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    identity,
                    _hash(secret),
                    who.issuer,
                    who.tenant,
                    who.user,
                    json.dumps(who.scopes),
                    json.dumps(who.groups),
                    int(time.time()) + lasts_s,
                ),
            )
            self._database.execute(
                "DELETE FROM sign_ins WHERE id IN (SELECT id FROM sign_ins WHERE tenant = ? AND "
                "user = ? ORDER BY ends_s DESC, rowid DESC LIMIT -1 OFFSET ?)",
                (who.tenant, who.user, EACH_MAX),
            )
        return secret

    def find(self, secret: str) -> tuple[str, PersonKnown, int] | None:
        """Return the id, who signed in and when that ends; None where it does not stand."""
        row = self._row(
            "SELECT id, issuer, tenant, user, scopes, groups, ends_s FROM sign_ins "
            "WHERE hash = ? AND ends_s > ?",
            (_hash(secret), time.time()),
        )
        if row is None:
            return None
        scopes, groups = tuple(json.loads(row[4])), tuple(json.loads(row[5]))
        return row[0], PersonKnown(row[1], row[2], row[3], scopes, groups), row[6]

    def ended(self, identities: Sequence[str]) -> dict[str, str]:
        """Return which of some sign-ins stand no longer, by id, and why."""
        with self._lock:
            rows = self._database.execute(
                "SELECT id, ends_s FROM sign_ins WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(identities)),),
            ).fetchall()
        known, now_s = dict(rows), time.time()
        why = {one: "ended" for one in identities if one not in known}
        return why | {one: "expired" for one, ends_s in known.items() if ends_s <= now_s}

    def end(self, secret: str) -> str:
        """Sign out; returns the name of the issuer, empty where nobody was signed in."""
        row = self._row("DELETE FROM sign_ins WHERE hash = ? RETURNING issuer", (_hash(secret),))
        return str(row[0]) if row else ""

    def forget_old(self) -> None:
        """Forget those whose time is over."""
        with self._lock:
            self._database.execute("DELETE FROM sign_ins WHERE ends_s <= ?", (time.time(),))

    def close(self) -> None:
        """Close the store."""
        with self._lock:
            self._database.close()

    def _row(self, statement: str, values: tuple[object, ...]) -> sqlite3.Row | None:
        with self._lock:
            rows = self._database.execute(statement, values).fetchall()
        return rows[0] if rows else None


def sign_ins_path(settings: Settings) -> Path:
    """Return the file of the sign-ins."""
    return settings.run / "sign-ins.sqlite"


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
