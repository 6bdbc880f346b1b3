"""The store of keys: one SQLite file, in which each key lies wrapped by the master key.

A key is made by INSERT OR IGNORE and then read, so that all processes agree on whichever came
first. A destroyed key leaves its name behind, with a number by which other processes learn of it.
Commits are synchronous: a key that a power cut took back would take the text with it.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from agents.errors import KeyDestroyed, Permanent, Transient
from connectors.keyring.master_key import MASTER_KEY_VARIABLE, read_master_key
from connectors.local_files import open_database
from streams.settings import BadSetting

DIGEST_KEY = "digest"
"""Name of a tenant's digest key; never destroyed, since every keyed digest rests on it."""
KEY_BYTES = 64  # AES-256-SIV takes two keys of 32 bytes
ASKED_AT_ONCE = 500
"""Digests of one query; SQLite takes 999 values, those of old builds."""
NONCE_BYTES = 12  # AES-GCM's

SCHEMA = """
CREATE TABLE IF NOT EXISTS keyring (version INTEGER NOT NULL, proof BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS keys (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    wrapped BLOB,
    created_s INTEGER NOT NULL,
    destroyed INTEGER,
    PRIMARY KEY (tenant, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS known_values (
    tenant TEXT NOT NULL,
    digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (tenant, digest)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS known_words (
    tenant TEXT NOT NULL,
    digest TEXT NOT NULL,
    readable INTEGER NOT NULL,
    PRIMARY KEY (tenant, digest)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erased_keys (
    tenant TEXT NOT NULL,
    erasure TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (tenant, erasure, name)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS destroyed ON keys (destroyed) WHERE destroyed IS NOT NULL;
"""
PROOF = b"playhead keyring 1"


DESTROY = (
    "UPDATE keys SET wrapped = NULL, destroyed ="
    " (SELECT coalesce(max(destroyed), 0) + 1 FROM keys WHERE destroyed IS NOT NULL)"
    " WHERE tenant = ? AND name = ? AND destroyed IS NULL"
)


class KeyState(NamedTuple):
    """What is known of a key without opening it."""

    created_s: int
    destroyed: bool


class KeyStore:
    """Keys by tenant and name; any thread may call. Raises Transient where SQLite is busy."""

    def __init__(self, path: Path, master_key_path: Path) -> None:
        """Open the store, or make it. Raises BadSetting where it does not fit the master key."""
        self.path = path
        self._master = AESGCM(read_master_key(master_key_path, may_create=not path.exists()))
        self._writing, self._reading = threading.Lock(), threading.Lock()
        try:
            self._writer = open_database(path, SCHEMA)
            self._reader = open_database(path, "")
            self._prove(master_key_path)
        except sqlite3.Error as error:
            raise BadSetting(
                f"{path} can't be used as the key store: {error}; give a writable SQLite "
                "file (PLAYHEAD_KEYRING)"
            ) from None

    def create(self, tenant: str, names: Iterable[str]) -> None:
        """Make the keys that do not exist; another process's key wins if it came first."""
        rows = []
        for name in names:
            nonce, secret = secrets.token_bytes(NONCE_BYTES), secrets.token_bytes(KEY_BYTES)
            wrapped = nonce + self._master.encrypt(nonce, secret, _whose(tenant, name))
            rows.append((tenant, name, wrapped, int(time.time())))
        with self._write() as store:
            store.executemany(
                "INSERT OR IGNORE INTO keys (tenant, name, wrapped, created_s) VALUES (?, ?, ?, ?)",
                rows,
            )

    def read(self, tenant: str, name: str) -> bytes | None:
        """Read a key; None where there is none.

        Raises KeyDestroyed where it was destroyed, Permanent where its bytes were changed.
        """
        rows = self._select(
            "SELECT wrapped, destroyed FROM keys WHERE tenant = ? AND name = ?", tenant, name
        )
        if not rows:
            return None
        [(wrapped, destroyed)] = rows
        if destroyed is not None:
            raise KeyDestroyed(f"{name} of tenant {tenant} was destroyed: what it sealed is erased")
        try:
            return self._master.decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _whose(tenant, name)
            )
        except InvalidTag:
            raise Permanent(
                f"the key {name} of tenant {tenant} in {self.path} was changed: restore the key "
                "store from a copy"
            ) from None

    def names(self, tenant: str) -> tuple[str, ...]:
        """Names of the tenant's keys that are in use, sorted; the digest key is not among them."""
        rows = self._select(
            "SELECT name FROM keys WHERE tenant = ? AND destroyed IS NULL AND name != ?"
            " ORDER BY name",
            tenant,
            DIGEST_KEY,
        )
        return tuple(name for (name,) in rows)

    def destroy(self, tenant: str, name: str) -> bool:
        """Destroy a key for good; False where there was none or it is destroyed already."""
        with self._write() as store:
            destroyed = store.execute(DESTROY, (tenant, name)).rowcount > 0
        if destroyed:
            self._leave_no_trace()
        return destroyed

    def erase(
        self, tenant: str, erasure: str, names: Iterable[str], *, absent: bool = False
    ) -> tuple[str, ...]:
        """Destroy keys for an erasure, all or none; return all that it has destroyed, sorted.

        Run again, it returns the same, so that what a crash cut off can be told afterwards. Keys
        that another erasure destroyed are not among them, nor those that never were; with `absent`
        these are destroyed too, as a store that was restored from an older copy needs it.
        """
        with self._write() as store:
            for name in names:
                if absent:
                    store.execute(
                        "INSERT OR IGNORE INTO keys (tenant, name, created_s) VALUES (?, ?, ?)",
                        (tenant, name, int(time.time())),
                    )
                if store.execute(DESTROY, (tenant, name)).rowcount > 0:
                    store.execute(
                        "INSERT OR IGNORE INTO erased_keys VALUES (?, ?, ?)",
                        (tenant, erasure, name),
                    )
        self._leave_no_trace()  # the process that committed may have ended before it came to this
        rows = self._select(
            "SELECT name FROM erased_keys WHERE tenant = ? AND erasure = ? ORDER BY name",
            tenant,
            erasure,
        )
        return tuple(name for (name,) in rows)

    def states(self, tenant: str, names: Sequence[str]) -> dict[str, KeyState]:
        """Tell of those keys that are there, or were and are destroyed; opens none."""
        known: dict[str, KeyState] = {}
        for at in range(0, len(names), ASKED_AT_ONCE):
            some = names[at : at + ASKED_AT_ONCE]
            marks = ",".join("?" * len(some))
            known |= {
                name: KeyState(created_s, destroyed is not None)
                for name, created_s, destroyed in self._select(
                    "SELECT name, created_s, destroyed FROM keys"  # noqa: S608 - question marks alone
                    f" WHERE tenant = ? AND name IN ({marks})",
                    tenant,
                    *some,
                )
            }
        return known

    def _leave_no_trace(self) -> None:
        """Have wrapped keys leave the write-ahead log too; readers may delay that, no more."""
        with self._writing, _store_errors(self.path):
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def destroyed_since(self, number: int) -> list[tuple[str, str, int]]:
        """List tenant, name and number of the keys destroyed after a number, in that order."""
        return self._select(
            "SELECT tenant, name, destroyed FROM keys WHERE destroyed > ? ORDER BY destroyed",
            number,
        )

    def remember(self, tenant: str, values: Iterable[tuple[str, str]]) -> None:
        """Remember digests of values that documents mention, with their kinds; the first counts."""
        rows = [(tenant, digest, kind) for digest, kind in values]
        with self._write() as store:
            store.executemany(
                "INSERT OR IGNORE INTO known_values (tenant, digest, kind) VALUES (?, ?, ?)", rows
            )

    def remember_words(self, tenant: str, readable: Iterable[str], named: Iterable[str]) -> None:
        """Remember digests of words that documents leave as they are, or have in persons' names.

        What was a name's once is readable nowhere from then on.
        """
        rows = [(tenant, digest, 1) for digest in readable]
        rows += [(tenant, digest, 0) for digest in named]
        with self._write() as store:
            store.executemany(
                "INSERT INTO known_words (tenant, digest, readable) VALUES (?, ?, ?)"
                " ON CONFLICT (tenant, digest) DO UPDATE SET readable = 0"
                " WHERE readable > excluded.readable",
                rows,
            )

    def readable(self, tenant: str, digests: Sequence[str]) -> set[str]:
        """Return those words that some document leaves as they are, and none replaces."""
        known: set[str] = set()
        for at in range(0, len(digests), ASKED_AT_ONCE):
            some = digests[at : at + ASKED_AT_ONCE]
            marks = ",".join("?" * len(some))
            rows = self._select(
                f"SELECT digest FROM known_words WHERE tenant = ? AND readable = 1 AND digest IN ({marks})",  # noqa: E501, S608 - question marks alone
                tenant,
                *some,
            )
            known |= {digest for (digest,) in rows}
        return known - {*self.recall(tenant, [*known])}

    def recall(self, tenant: str, digests: Sequence[str]) -> dict[str, str]:
        """Return the kinds of those digests that the tenant's documents mention."""
        known: dict[str, str] = {}
        for at in range(0, len(digests), ASKED_AT_ONCE):
            some = digests[at : at + ASKED_AT_ONCE]
            marks = ",".join("?" * len(some))
            known |= self._select(
                f"SELECT digest, kind FROM known_values WHERE tenant = ? AND digest IN ({marks})",  # noqa: S608 - question marks alone
                tenant,
                *some,
            )
        return known

    def last_destroyed(self) -> int:
        """Return the number of the key destroyed last; 0 where none was."""
        [(last,)] = self._select(
            "SELECT coalesce(max(destroyed), 0) FROM keys WHERE destroyed IS NOT NULL"
        )
        return int(last)

    def close(self) -> None:
        """Close the file."""
        with self._writing, self._reading:
            self._writer.close()
            self._reader.close()

    def _prove(self, master_key_path: Path) -> None:
        """Make sure that the master key is the one that this store was made with."""
        with self._write() as store:
            row = store.execute("SELECT proof FROM keyring").fetchone()
            if row is None:
                nonce = secrets.token_bytes(NONCE_BYTES)
                proof = nonce + self._master.encrypt(nonce, PROOF, None)
                store.execute("INSERT INTO keyring (version, proof) VALUES (1, ?)", (proof,))
                return
        self._check_proof(row[0], master_key_path)

    def _check_proof(self, proof: bytes, master_key_path: Path) -> None:
        """Raise BadSetting unless a proof was made with this master key."""
        try:
            self._master.decrypt(proof[:NONCE_BYTES], proof[NONCE_BYTES:], None)
        except InvalidTag:
            raise BadSetting(
                f"the master key is not the one that {self.path} was made with: give that one in "
                f"{MASTER_KEY_VARIABLE} or {master_key_path}, or another key store "
                "(PLAYHEAD_KEYRING)"
            ) from None

    def _select(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        with self._reading, _store_errors(self.path):
            return self._reader.execute(query, values).fetchall()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._writing, _store_errors(self.path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")


@contextmanager
def _store_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite raises into Transient: a busy store is worth another try."""
    try:
        yield
    except sqlite3.Error as error:
        raise Transient(f"the key store {path} does not answer: {error}") from None


def _whose(tenant: str, name: str) -> bytes:
    return f"{len(tenant)}:{tenant}{name}".encode()
