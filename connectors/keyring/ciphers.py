"""Keep the keys in use in memory, until another process destroys one.

The secrets are kept and no ciphers: one of those takes 4 KB in OpenSSL, and is made in 2 us.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from connectors.keyring.store import KeyStore

FRESH_S = 1.0
"""For how long a key destroyed by another process may still be in use here."""
CACHED_MAX = 65_536
"""Keys in memory: about 30 MB when full."""


class Ciphers:
    """The ciphers of a store's keys, by tenant and name; any thread may call."""

    def __init__(
        self, store: KeyStore, fresh_s: float = FRESH_S, cached_max: int = CACHED_MAX
    ) -> None:
        self._store = store
        self._fresh_s, self._cached_max = fresh_s, cached_max
        self._lock = threading.Lock()
        self._secrets: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._seen = store.last_destroyed()
        self._looked_s = time.monotonic()

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._secrets

    def get(self, tenant: str, name: str) -> AESSIV | None:
        """Return a key's cipher; None where there is no such key. Raises KeyDestroyed."""
        secret = self._secret(tenant, name)
        return None if secret is None else AESSIV(secret)

    def has(self, tenant: str, name: str) -> bool:
        """Tell whether there is a key, without making its cipher. Raises KeyDestroyed."""
        return self._secret(tenant, name) is not None

    def forget(self, tenant: str, name: str) -> None:
        """Drop a key from memory."""
        self._secrets.pop((tenant, name), None)

    def clear(self) -> None:
        """Drop all keys from memory."""
        self._secrets.clear()

    def _secret(self, tenant: str, name: str) -> bytes | None:
        self._forget_destroyed()
        return self._secrets.get((tenant, name)) or self._load(tenant, name)

    def _load(self, tenant: str, name: str) -> bytes | None:
        with self._lock:  # held throughout: a key destroyed in between is then forgotten again
            secret = self._store.read(tenant, name)
            if secret is None:
                return None
            self._secrets[(tenant, name)] = secret
            while len(self._secrets) > self._cached_max:
                self._secrets.popitem(last=False)
            return secret

    def _forget_destroyed(self) -> None:
        """Drop from memory what other processes destroyed; looks at most once in `fresh_s`."""
        now_s = time.monotonic()
        if now_s - self._looked_s < self._fresh_s:
            return
        with self._lock:
            for tenant, name, number in self._store.destroyed_since(self._seen):
                self._secrets.pop((tenant, name), None)
                self._seen = max(self._seen, number)
            self._looked_s = now_s
