"""Seal, unseal and digest with a tenant's keys.

Sealing is AES-256-SIV (RFC 5297) with tenant, key name, event id and field as associated data:
deterministic, so a replay gives the same bytes, and a sealed value can't be moved to another field,
event or tenant.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from agents.errors import KeyDestroyed, Permanent
from connectors.claims import Claims, claims_at
from connectors.keyring.ciphers import FRESH_S, Ciphers
from connectors.keyring.store import DIGEST_KEY, KeyState, KeyStore
from schemas import Sealed
from streams.settings import Settings

KINDS = ("user/", "document/", "value/")
AFTER = b"\xffsubject after "
"""Begins what is digested for the next name of a person; no user is called so: it is no UTF-8."""


class KeyringSealer:
    """Seals, unseals and digests; any thread may call."""

    def __init__(
        self,
        settings: Settings,
        fresh_s: float = FRESH_S,
        *,
        store: KeyStore | None = None,
        claims: Claims | None = None,
    ) -> None:
        self._store = store or KeyStore(settings.keyring_path, settings.master_key_path)
        self._ciphers = Ciphers(self._store, fresh_s)
        self._claims = claims or claims_at(settings)
        self._claim_bytes = settings.claim_bytes
        self._digest_keys: dict[str, bytes] = {}

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
            self._store.create(tenant, [DIGEST_KEY])
            known = self._store.read(tenant, DIGEST_KEY)
            assert known is not None
            self._digest_keys[tenant] = known
        return known

    def destroy(self, tenant: str, key: str) -> bool:
        """Destroy a key for good; False where there was none or it is destroyed already."""
        _check_name(key)
        destroyed = self._store.destroy(tenant, key)
        self._ciphers.forget(tenant, key)
        return destroyed

    def erase(
        self, tenant: str, erasure: str, names: Iterable[str], *, absent: bool = False
    ) -> tuple[str, ...]:
        """Destroy keys for an erasure, all or none; return all that it has destroyed, sorted.

        Harmless when it is done again; see `KeyStore.erase`.
        """
        names = tuple(names)
        for name in names:
            _check_name(name)
        erased = self._store.erase(tenant, erasure, names, absent=absent)
        for name in names:
            self._ciphers.forget(tenant, name)
        return erased

    def states(self, tenant: str, names: Sequence[str]) -> dict[str, KeyState]:
        """Tell of those keys that are there, or were and are destroyed; opens none."""
        return self._store.states(tenant, names)

    def destroyed_since(self, number: int) -> tuple[int, frozenset[str]]:
        """Return the number of the key destroyed last, and whose any were that came after one."""
        found = self._store.destroyed_since(number)
        return max([number, *(last for *_, last in found)]), frozenset(one for one, *_ in found)

    def last_destroyed(self) -> int:
        """Return the number of the key destroyed last; 0 where none was."""
        return self._store.last_destroyed()

    def subjects(self, tenant: str, subject: str) -> tuple[str, ...]:
        """Return all digests that a person went under from one on; only the last can be in use.

        Whoever was erased and comes back is somebody new: with a key of their own, and nothing that
        was held of them before. What is on the log names its key, so old and new are told apart.
        """
        known = [subject]
        while self._is_destroyed(tenant, f"user/{known[-1]}"):
            known.append(self.digest(tenant, AFTER + known[-1].encode()))
        return tuple(known)

    def _is_destroyed(self, tenant: str, name: str) -> bool:
        _check_name(name)
        try:
            self._ciphers.has(tenant, name)
        except KeyDestroyed:
            return True
        return False

    def keys(self, tenant: str) -> tuple[str, ...]:
        """Names of the tenant's keys that are in use, sorted; the digest key is not among them."""
        return self._store.names(tenant)

    def prepare(self, tenant: str, names: Iterable[str]) -> None:
        """Make the keys that are missing in one transaction."""
        names = dict.fromkeys(names)
        for name in names:
            _check_name(name)
        missing = [name for name in names if (tenant, name) not in self._ciphers]
        if len(missing) > 1:
            self._store.create(tenant, missing)

    def _cipher(self, tenant: str, name: str, *, create: bool) -> AESSIV:
        cipher = self._cipher_of(tenant, name)
        if cipher is None and create:
            self._store.create(tenant, [name])
            cipher = self._cipher_of(tenant, name)
        if cipher is None:
            raise Permanent(self._no_key(name, tenant))
        return cipher

    def _cipher_of(self, tenant: str, name: str) -> AESSIV | None:
        _check_name(name)
        return self._ciphers.get(tenant, name)

    def _no_key(self, name: str, tenant: str) -> str:
        return (
            f"no key {name} of tenant {tenant} in {self._store.path}: bring the key store that "
            "goes with this log (PLAYHEAD_KEYRING)"
        )


def _bound_to(tenant: str, key: str, event: str, field: str) -> list[bytes]:
    return [tenant.encode(), key.encode(), event.encode(), field.encode()]


def _check_name(name: str) -> None:
    if not name.startswith(KINDS):
        raise Permanent(f"{name!r} is no key name: it begins with {', '.join(KINDS)}")
