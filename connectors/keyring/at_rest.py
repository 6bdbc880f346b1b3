"""The keyring as a replay uses it: nothing is made and no file is written, on a read-only disk too.

What is missing here says nothing of the log: it is BeyondMeans, and what changed is not.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from agents.errors import BeyondMeans, KeyDestroyed, Permanent, Transient
from connectors.bucket_objects import objects_at
from connectors.claims import Claims
from connectors.keyring.connector import Keyring
from connectors.keyring.master_key import read_master_key
from connectors.keyring.store import DIGEST_KEY, KeyStore
from schemas import Digest, Request, Seal, Unseal
from streams.running.world import Call, Handler
from streams.settings import BadSetting, Settings


class KeyStoreAtRest(KeyStore):
    """A store of keys that is only read.

    Raises BadSetting where there is none, or where it does not fit the master key.
    """

    def __init__(self, path: Path, master_key_path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise BadSetting(
                f"no key store at {path}: name the one that goes with this log (PLAYHEAD_RUN, or "
                "PLAYHEAD_KEYRING and PLAYHEAD_MASTER_KEY_FILE)"
            )
        self._master = AESGCM(read_master_key(master_key_path, may_create=False))
        self._writing, self._reading = threading.Lock(), threading.Lock()
        try:
            self._reader = self._writer = _opened(path)
            row = self._reader.execute("SELECT proof FROM keyring").fetchone()
        except sqlite3.Error as error:
            raise BadSetting(f"{path} can't be read as the key store: {error}") from None
        if row is None:
            raise BadSetting(f"{path} holds no keys: name the key store that goes with this log")
        self._check_proof(row[0], master_key_path)

    def create(self, tenant: str, names: Iterable[str]) -> None:
        """Make nothing: a key that is made now opens nothing that is on a log."""


class ClaimsAtRest(Claims):
    """A claim store that is only read."""

    def put(self, content: bytes) -> str:
        """Return the name under which content lies there, or would."""
        return hashlib.sha256(content).hexdigest()

    def get(self, name: str) -> bytes:
        """Read content; raises BeyondMeans where it can't be had, Permanent where it was changed.

        Of what was deleted on time KeyDestroyed, as wherever it is read.
        """
        try:
            return super().get(name)
        except KeyDestroyed:
            raise
        except Permanent as error:
            if self._objects.size(name) is not None:
                raise
            raise BeyondMeans(str(error)) from None
        except Transient as error:
            raise BeyondMeans(str(error)) from None


class KeyringAtRest(Keyring):
    """A keyring that is only read: raises BeyondMeans for a key that is not there."""

    def __init__(self, settings: Settings) -> None:
        """Open the store; raises BadSetting where there is none, or another one."""
        super().__init__(
            settings,
            store=KeyStoreAtRest(settings.keyring_path, settings.master_key_path),
            claims=ClaimsAtRest(objects_at(settings, settings.claims_place), settings.claims_place),
        )

    def digest_key(self, tenant: str) -> bytes:
        """Return the tenant's digest key."""
        known = self._digest_keys.get(tenant) or self._store.read(tenant, DIGEST_KEY)
        if known is None:
            raise BeyondMeans(self._no_key(DIGEST_KEY, tenant))
        self._digest_keys[tenant] = known
        return known

    def _cipher_of(self, tenant: str, name: str) -> AESSIV:
        cipher = super()._cipher_of(tenant, name)
        if cipher is None:
            raise BeyondMeans(self._no_key(name, tenant))
        return cipher


class NoKeyring:
    """Stands where there is no key store: what needs a key is beyond the means of this process."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer nothing of what a keyring answers."""
        return {Seal: self._refuse, Unseal: self._refuse, Digest: self._refuse}

    def digest_key(self, _tenant: str) -> NoReturn:
        """Return no key."""
        raise BeyondMeans(self._reason)

    async def _refuse(self, _request: Request[Any], _call: Call) -> NoReturn:
        raise BeyondMeans(self._reason)


def keyring_at_rest(settings: Settings) -> KeyringAtRest | NoKeyring:
    """Open the keyring of a log for reading, or return what says why there is none."""
    try:
        return KeyringAtRest(settings)
    except BadSetting as error:
        return NoKeyring(str(error))


def _opened(path: Path) -> sqlite3.Connection:
    """Open a store for reading.

    One that nobody writes to is opened as a file that never changes, which needs no file beside it;
    else SQLite reads the log of writes that lies there as well.
    """
    log = path.with_name(f"{path.name}-wal")
    still = not (log.exists() and log.stat().st_size)
    options = "mode=ro&immutable=1" if still else "mode=ro"
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{options}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
