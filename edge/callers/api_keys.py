"""API keys: who calls, for which tenant, and what they may do.

A key is 256 random bits, so its SHA-256 is enough to store: there is nothing to guess. Every use
reads the store, and keys of open connections are looked up again and again (`standing`), so a
revocation holds within a second in every process.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.local_files import open_database
from edge.requests import limits
from edge.requests.validity import Refused, check_groups
from streams.settings import Settings

PREFIX = "ph_"
SCOPES = {
    "read": "ask and search, see documents and one's own answers",
    "write": "hand documents in and withdraw them",
    "review": "judge answers that others got",
    "metrics": "see in /metrics what the gateway holds and what waits: for operators",
    "restore": "see personal data in answers; restore:PERSON and the like for one type only",
    "erase": "erase people, and see how that stands; erase:self for the key's own user only",
}
NARROWER = re.compile(r"restore:[A-Z]+(_[A-Z]+)*|erase:self")
"""Scopes that give a part of another one."""
DEFAULT_SCOPES = ("read", "write", "restore")
UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
TTL_MAX_S = 36_525 * UNITS_S["d"]  # a century; beyond the year 9999 no instant can be spelt

SCHEMA = """
CREATE TABLE IF NOT EXISTS api_keys (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    user TEXT NOT NULL,
    scopes TEXT NOT NULL,
    groups TEXT NOT NULL,
    created_s INTEGER NOT NULL,
    expires_s INTEGER,
    revoked_s INTEGER
);
"""


class BadKey(ValueError):
    """A key can't be made or found as asked; the message says why."""


@dataclass(frozen=True)
class ApiKey:
    """A key as stored: all but the key itself."""

    id: str
    tenant: str
    user: str
    """The data subject whose words the key's messages are."""
    scopes: tuple[str, ...]
    groups: tuple[str, ...]
    """Groups whose documents the user may read, besides those for everyone."""
    created_s: int
    expires_s: int | None
    revoked_s: int | None

    def valid(self, now_s: float) -> bool:
        """Tell whether it may be used."""
        return self.revoked_s is None and (self.expires_s is None or now_s < self.expires_s)

    def as_json(self) -> dict[str, Any]:
        """Return what lists show."""
        return {
            "id": self.id,
            "tenant": self.tenant,
            "user": self.user,
            "scopes": list(self.scopes),
            "groups": list(self.groups),
            "created_at": instant(self.created_s),
            "expires_at": instant(self.expires_s),
            "revoked_at": instant(self.revoked_s),
        }


class ApiKeys:
    """The store of keys, one SQLite file that gateway and command line share."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._database = open_database(path, SCHEMA)
        except sqlite3.Error as error:
            raise BadKey(f"{path} can't be used as the key store: {error}") from None

    def create(
        self,
        tenant: str,
        *,
        user: str = "",
        scopes: Sequence[str] = DEFAULT_SCOPES,
        groups: Sequence[str] = (),
        ttl_s: int | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key; returns its entry and the key, which is nowhere else. Raises BadKey."""
        if not limits.TENANT.fullmatch(tenant):
            raise BadKey(
                f"tenant {tenant!r}: use 1 to {limits.TENANT_MAX} letters, digits, _ or -, "
                "beginning with a letter or digit"
            )
        if not scopes:
            raise BadKey(f"a key without a scope may do nothing: choose from {', '.join(SCOPES)}")
        _check_names(user, groups)
        for scope in scopes:
            if scope not in SCOPES and not NARROWER.fullmatch(scope):
                known = ", ".join(SCOPES)
                raise BadKey(f"no scope {scope}: choose from {known}, restore:TYPE, erase:self")
        secret = PREFIX + secrets.token_urlsafe(32)
        now_s = int(time.time())
        identity = f"key-{secrets.token_hex(6)}"
        entry = ApiKey(
            id=identity,
            tenant=tenant,
            user=user or identity,
            scopes=tuple(dict.fromkeys(scopes)),
            groups=tuple(dict.fromkeys(groups)),
            created_s=now_s,
            expires_s=None if ttl_s is None else now_s + ttl_s,
            revoked_s=None,
        )
        with self._lock:
            self._database.execute(
                "INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
                (
                    entry.id,
                    _hash(secret),
                    entry.tenant,
                    entry.user,
                    json.dumps(entry.scopes),
                    json.dumps(entry.groups),
                    entry.created_s,
                    entry.expires_s,
                ),
            )
        return entry, secret

    def find(self, secret: str) -> ApiKey | None:
        """Return the valid key that this is, or None."""
        keys = self._select("WHERE hash = ?", (_hash(secret),))
        return keys[0] if keys and keys[0].valid(time.time()) else None

    def ended(self, identities: Sequence[str]) -> dict[str, str]:
        """Return which of some keys may be used no longer, by id, and why."""
        wanted = "WHERE id IN (SELECT value FROM json_each(?))"
        known = {key.id: key for key in self._select(wanted, (json.dumps(list(identities)),))}
        now_s = time.time()
        why = {identity: _end_of(known.get(identity), now_s) for identity in identities}
        return {identity: reason for identity, reason in why.items() if reason}

    def revoke(self, identity: str) -> ApiKey:
        """End a key for good; a repeat changes nothing. Raises BadKey for an unknown id."""
        with self._lock:
            self._database.execute(
                "UPDATE api_keys SET revoked_s = ? WHERE id = ? AND revoked_s IS NULL",
                (int(time.time()), identity),
            )
        keys = self._select("WHERE id = ?", (identity,))
        if not keys:
            raise BadKey(f"no key {identity}: `playhead keys list` shows them")
        return keys[0]

    def all(self, tenant: str = "") -> list[ApiKey]:
        """List keys, the oldest first."""
        where, values = ("WHERE tenant = ?", (tenant,)) if tenant else ("", ())
        return self._select(f"{where} ORDER BY created_s, id", values)

    def close(self) -> None:
        """Close the store."""
        with self._lock:
            self._database.close()

    def _select(self, rest: str, values: tuple[Any, ...]) -> list[ApiKey]:
        with self._lock:
            rows = self._database.execute(
                "SELECT id, tenant, user, scopes, groups, created_s, expires_s, revoked_s"  # noqa: S608
                f" FROM api_keys {rest}",
                values,
            ).fetchall()
        return [
            ApiKey(
                id=row[0],
                tenant=row[1],
                user=row[2],
                scopes=tuple(json.loads(row[3])),
                groups=tuple(json.loads(row[4])),
                created_s=row[5],
                expires_s=row[6],
                revoked_s=row[7],
            )
            for row in rows
        ]


def _check_names(user: str, groups: Sequence[str]) -> None:
    """Check what goes with each question of a key; raises BadKey."""
    if len(user) > limits.USER_MAX:
        raise BadKey(f"the user has {len(user)} characters: name it in at most {limits.USER_MAX}")
    try:
        check_groups(groups, limits.KEY_GROUPS_MAX)
        "".join((user, *groups)).encode()
    except Refused as error:
        raise BadKey(str(error)) from None
    except UnicodeEncodeError:
        raise BadKey("the user or a group is not text in UTF-8: name it in letters") from None


def _end_of(key: ApiKey | None, now_s: float) -> str:
    """Say why a key may be used no longer; empty where it may."""
    if key is None:
        return "deleted"
    if key.revoked_s is not None:
        return "revoked"
    return "" if key.valid(now_s) else "expired"


def keys_path(settings: Settings) -> Path:
    """Return the file of the API keys."""
    return settings.run / "keys.sqlite"


def seconds(text: str) -> int:
    """Read a time to live such as 90m, 12h or 30d; raises BadKey."""
    parts = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", text.strip())
    if not parts:
        raise BadKey(f"{text!r} is no time to live: give a number and s, m, h or d, such as 30d")
    ttl_s = int(parts[1]) * UNITS_S[parts[2]]
    if ttl_s > TTL_MAX_S:
        raise BadKey(f"{text!r} is more than a century: shorten it, or leave it out for no end")
    return ttl_s


def instant(time_s: int | None) -> str | None:
    """Spell a time as RFC 3339, UTC."""
    return None if time_s is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_s))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
