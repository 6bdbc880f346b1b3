"""The keyring: keys of people, documents and values, and the sealing of text with them.

Each (tenant, name) has a random key of its own: `user/<keyed digest of the user>` for messages,
`document/<document id>` for text before redaction, `value/<keyed digest of the value>` for the
entries of redaction maps. A key is stored wrapped (AES-256-GCM) by the master key, which stands in
PLAYHEAD_MASTER_KEY (base64 of 32 bytes) or in a file of mode 0600. Sealing is AES-256-SIV (RFC
5297) with tenant, key name, event id and field as associated data: deterministic, so a replay gives
the same bytes, and a sealed value can't be moved to another field, event or tenant.

A destroyed key leaves its name behind: what was sealed with it is known to be erased, and no key of
that name is ever made again. Other processes learn of it within FRESH_S.

Why it is so: SQLite, because worker, gateway and command line share the store without another
service; a key is made by INSERT OR IGNORE and then read, so that all agree on whichever came first.
Commits are synchronous: a key that a power cut took back would take the text with it.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import os
import secrets
import sqlite3
import stat
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from agents.errors import KeyDestroyed, Permanent, Transient
from connectors.claims import Claims
from schemas import (
    Digest,
    Digested,
    Request,
    Seal,
    Sealed,
    SealedValues,
    SealItem,
    StreamRequest,
    Unseal,
    Unsealed,
)
from streams.running.world import Call, Handler, StreamHandler
from streams.settings import BadSetting, Settings

MASTER_KEY_VARIABLE = "PLAYHEAD_MASTER_KEY"
KINDS = ("user/", "document/", "value/")
DIGEST_KEY = "digest"
"""Name of a tenant's digest key; never destroyed, since every keyed digest rests on it."""
KEY_BYTES = 64  # AES-256-SIV takes two keys of 32 bytes
NONCE_BYTES = 12  # AES-GCM's
FRESH_S = 1.0
"""For how long a key destroyed by another process may still be in use here."""
CACHED_MAX = 65_536
"""Keys in memory: about 30 MB when full."""
LOOP_BYTES_MAX = 262_144
"""Work above this leaves the event loop: AES-SIV takes about 3 ms a MiB."""
BUSY_S = 10.0
"""How long to wait for another process's write."""

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
CREATE UNIQUE INDEX IF NOT EXISTS destroyed ON keys (destroyed) WHERE destroyed IS NOT NULL;
"""
PROOF = b"playhead keyring 1"


class Keyring:
    """Seals, unseals and digests; a connector, and what the edge seals with."""

    service = "key store"

    def __init__(self, settings: Settings) -> None:
        self._path = settings.keyring_path
        self._claim_bytes = settings.claim_bytes
        self._claims = Claims(settings.claims_path)
        existed = self._path.exists()
        self._master = AESGCM(_master_key(settings.master_key_path, may_create=not existed))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        self._writing, self._reading = threading.Lock(), threading.RLock()
        try:
            self._writer = self._connect()
            self._reader = self._connect()
            self._prove(settings.master_key_path)
        except sqlite3.Error as error:
            raise BadSetting(
                f"{self._path} can't be used as the key store: {error}; give a writable SQLite "
                "file (PLAYHEAD_KEYRING)"
            ) from None
        self._ciphers: OrderedDict[tuple[str, str], AESSIV] = OrderedDict()
        self._digest_keys: dict[str, bytes] = {}
        self._seen = self._last_destroyed()
        self._looked_s = time.monotonic()

    # ------------------------------------------------------------------ for the edge and the tools

    def seal(self, tenant: str, key: str, event: str, field: str, value: bytes) -> Sealed:
        """Encrypt, creating the key where needed; large ciphertexts go to the claim store.

        Raises KeyDestroyed where the key was destroyed: it is never made again.
        """
        cipher = self._cipher(tenant, key, create=True)
        ciphertext = cipher.encrypt(value, _bound_to(tenant, key, event, field))
        if len(ciphertext) > self._claim_bytes:
            claim = self._claims.put(ciphertext)
            return Sealed(key=key, event=event, field=field, ciphertext=b"", claim=claim)
        return Sealed(key=key, event=event, field=field, ciphertext=ciphertext)

    def unseal(self, tenant: str, sealed: Sealed) -> bytes:
        """Decrypt.

        Raises KeyDestroyed where the key was destroyed, Permanent where it was never known here or
        the sealed value is not as it was sealed.
        """
        cipher = self._cipher(tenant, sealed.key, create=False)
        ciphertext = self._claims.get(sealed.claim) if sealed.claim else sealed.ciphertext
        try:
            return cipher.decrypt(
                ciphertext, _bound_to(tenant, sealed.key, sealed.event, sealed.field)
            )
        except InvalidTag:
            raise Permanent(
                f"{sealed.field} of event {sealed.event} does not open with {sealed.key} of tenant "
                f"{tenant}: it was changed, or sealed for another event, field or tenant; send the "
                "request again from its source"
            ) from None

    def digest(self, tenant: str, value: bytes) -> str:
        """Hex HMAC-SHA-256 under the tenant's digest key."""
        return hmac.digest(self.digest_key(tenant), value, "sha256").hex()

    def digest_key(self, tenant: str) -> bytes:
        """Return the tenant's digest key, made at its first use."""
        known = self._digest_keys.get(tenant)
        if known is None:
            self._create(tenant, [DIGEST_KEY])
            wrapped = self._wrapped(tenant, DIGEST_KEY)
            assert wrapped is not None
            known = self._digest_keys[tenant] = self._unwrap(tenant, DIGEST_KEY, wrapped)
        return known

    def destroy(self, tenant: str, key: str) -> bool:
        """Destroy a key for good; False where there was none or it is destroyed already."""
        _check_name(key)
        with self._write() as store:
            cursor = store.execute(
                "UPDATE keys SET wrapped = NULL, destroyed ="
                " (SELECT coalesce(max(destroyed), 0) + 1 FROM keys WHERE destroyed IS NOT NULL)"
                " WHERE tenant = ? AND name = ? AND destroyed IS NULL",
                (tenant, key),
            )
            destroyed = cursor.rowcount > 0
        self._ciphers.pop((tenant, key), None)
        if destroyed:
            # the wrapped key must leave the write-ahead log too; readers may delay that, no more
            with self._writing, _store_errors(self._path):
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return destroyed

    def keys(self, tenant: str) -> tuple[str, ...]:
        """Names of the tenant's keys that are in use, sorted; the digest key is not among them."""
        with self._reading, _store_errors(self._path):
            rows = self._reader.execute(
                "SELECT name FROM keys WHERE tenant = ? AND destroyed IS NULL AND name != ?"
                " ORDER BY name",
                (tenant, DIGEST_KEY),
            ).fetchall()
        return tuple(name for (name,) in rows)

    # ------------------------------------------------------------------ as a connector

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer Seal, Unseal and Digest."""
        return {Seal: self._seal_all, Unseal: self._unseal_all, Digest: self._digest_all}

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer no streamed request."""
        return {}

    async def close(self) -> None:
        """Close the store."""
        with self._writing, self._reading:
            self._writer.close()
            self._reader.close()
        self._ciphers.clear()

    async def _seal_all(self, request: Seal, call: Call) -> SealedValues:
        def seal_all() -> SealedValues:
            self._prepare(call.tenant, request.values)
            return SealedValues(
                values=tuple(
                    self.seal(call.tenant, item.key, item.event, item.field, item.value)
                    for item in request.values
                )
            )

        known = all((call.tenant, item.key) in self._ciphers for item in request.values)
        if known and sum(len(item.value) for item in request.values) <= LOOP_BYTES_MAX:
            return seal_all()
        return await asyncio.to_thread(seal_all)

    async def _unseal_all(self, request: Unseal, call: Call) -> Unsealed:
        def unseal_all() -> Unsealed:
            return Unsealed(values=tuple(self.unseal(call.tenant, one) for one in request.values))

        small = sum(len(one.ciphertext) for one in request.values) <= LOOP_BYTES_MAX
        if small and not any(one.claim for one in request.values):
            return unseal_all()
        return await asyncio.to_thread(unseal_all)

    async def _digest_all(self, request: Digest, call: Call) -> Digested:
        if call.tenant not in self._digest_keys:
            await asyncio.to_thread(self.digest_key, call.tenant)
        return Digested(digests=tuple(self.digest(call.tenant, value) for value in request.values))

    # ------------------------------------------------------------------ keys

    def _prepare(self, tenant: str, items: Iterable[SealItem]) -> None:
        """Make the keys that are missing in one transaction."""
        names = dict.fromkeys(item.key for item in items)
        for name in names:
            _check_name(name)
        missing = [name for name in names if (tenant, name) not in self._ciphers]
        if len(missing) > 1:
            self._create(tenant, missing)

    def _cipher(self, tenant: str, name: str, *, create: bool) -> AESSIV:
        _check_name(name)
        self._forget_destroyed()
        found = self._ciphers.get((tenant, name)) or self._load(tenant, name)
        if found is None and create:
            self._create(tenant, [name])
            found = self._load(tenant, name)
        if found is None:
            raise Permanent(
                f"no key {name} of tenant {tenant} in {self._path}: bring the key store that goes "
                "with this log (PLAYHEAD_KEYRING)"
            )
        return found

    def _load(self, tenant: str, name: str) -> AESSIV | None:
        """Read a key into memory; None where there is none."""
        with self._reading:  # held throughout: a key destroyed in between is then forgotten again
            wrapped = self._wrapped(tenant, name)
            if wrapped is None:
                return None
            cipher = AESSIV(self._unwrap(tenant, name, wrapped))
            self._ciphers[(tenant, name)] = cipher
            while len(self._ciphers) > CACHED_MAX:
                self._ciphers.popitem(last=False)
            return cipher

    def _wrapped(self, tenant: str, name: str) -> bytes | None:
        """Read a key; None where there is none, KeyDestroyed where it was destroyed."""
        with self._reading, _store_errors(self._path):
            row = self._reader.execute(
                "SELECT wrapped, destroyed FROM keys WHERE tenant = ? AND name = ?", (tenant, name)
            ).fetchone()
        if row is None:
            return None
        wrapped, destroyed = row
        if destroyed is not None:
            raise KeyDestroyed(f"{name} of tenant {tenant} was destroyed: what it sealed is erased")
        return bytes(wrapped)

    def _create(self, tenant: str, names: Iterable[str]) -> None:
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

    def _unwrap(self, tenant: str, name: str, wrapped: bytes) -> bytes:
        try:
            return self._master.decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _whose(tenant, name)
            )
        except InvalidTag:
            raise Permanent(
                f"the key {name} of tenant {tenant} in {self._path} was changed: restore the key "
                "store from a copy"
            ) from None

    def _forget_destroyed(self) -> None:
        """Drop from memory what other processes destroyed; looks at most once in FRESH_S."""
        now_s = time.monotonic()
        if now_s - self._looked_s < FRESH_S:
            return
        with self._reading, _store_errors(self._path):
            rows = self._reader.execute(
                "SELECT tenant, name, destroyed FROM keys WHERE destroyed > ? ORDER BY destroyed",
                (self._seen,),
            ).fetchall()
            for tenant, name, destroyed in rows:
                self._ciphers.pop((tenant, name), None)
                self._seen = max(self._seen, destroyed)
            self._looked_s = now_s

    def _last_destroyed(self) -> int:
        with self._reading, _store_errors(self._path):
            [(last,)] = self._reader.execute(
                "SELECT coalesce(max(destroyed), 0) FROM keys WHERE destroyed IS NOT NULL"
            ).fetchall()
        return int(last)

    # ------------------------------------------------------------------ the store

    def _connect(self) -> sqlite3.Connection:
        store = sqlite3.connect(
            self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        store.execute("PRAGMA journal_mode = WAL").fetchall()
        store.execute("PRAGMA synchronous = FULL")
        store.execute("PRAGMA secure_delete = ON").fetchall()
        return store

    def _prove(self, master_path: Path) -> None:
        """Make sure that the master key is the one that this store was made with."""
        with self._write() as store:
            for statement in SCHEMA.strip().split(";"):
                store.execute(statement)
            row = store.execute("SELECT proof FROM keyring").fetchone()
            if row is None:
                nonce = secrets.token_bytes(NONCE_BYTES)
                proof = nonce + self._master.encrypt(nonce, PROOF, None)
                store.execute("INSERT INTO keyring (version, proof) VALUES (1, ?)", (proof,))
                return
        try:
            self._master.decrypt(row[0][:NONCE_BYTES], row[0][NONCE_BYTES:], None)
        except InvalidTag:
            raise BadSetting(
                f"the master key is not the one that {self._path} was made with: give that one in "
                f"{MASTER_KEY_VARIABLE} or {master_path}, or another key store (PLAYHEAD_KEYRING)"
            ) from None

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._writing, _store_errors(self._path):
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


def _bound_to(tenant: str, key: str, event: str, field: str) -> list[bytes]:
    return [tenant.encode(), key.encode(), event.encode(), field.encode()]


def _whose(tenant: str, name: str) -> bytes:
    return f"{len(tenant)}:{tenant}{name}".encode()


def _check_name(name: str) -> None:
    if not name.startswith(KINDS):
        raise Permanent(f"{name!r} is no key name: it begins with {', '.join(KINDS)}")


def _master_key(path: Path, *, may_create: bool) -> bytes:
    """Read the master key from the environment or the file, which is made if there is none yet."""
    text = os.environ.get(MASTER_KEY_VARIABLE)
    where = MASTER_KEY_VARIABLE
    if not text:
        where = str(path)
        if not path.exists():
            if not may_create:
                raise BadSetting(
                    f"the master key is missing: put the one that the key store was made with into "
                    f"{path} (mode 0600) or {MASTER_KEY_VARIABLE}"
                )
            _create_master_key(path)
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise BadSetting(f"{path} can be read by others: chmod 600 {path}")
        text = path.read_text(encoding="ascii", errors="replace").strip()
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise BadSetting(
            f"{where} holds no master key: it must be the base64 of 32 random bytes, such as from "
            "`openssl rand -base64 32`"
        )
    return key


def _create_master_key(path: Path) -> None:
    """Write a new master key, whole or not at all; another process's stands if it came first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=".master-")  # of mode 0600
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(base64.b64encode(secrets.token_bytes(32)) + b"\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(part, path)
        except FileExistsError:
            return
    finally:
        Path(part).unlink()
