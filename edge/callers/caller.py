"""Who calls, as the key says: tenant, user and scopes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from edge.callers.api_keys import ApiKey, ApiKeys
from edge.problems import forbidden, unauthorized


@dataclass(frozen=True)
class Caller:
    """Who calls."""

    key: str
    tenant: str
    user: str
    subject: str
    """Keyed digest of the user."""
    scopes: frozenset[str]
    groups: tuple[str, ...]

    def need(self, scope: str) -> None:
        """Raise Problem unless the key has a scope."""
        if scope not in self.scopes:
            raise forbidden(
                f"this key lacks the scope {scope}: create one with `playhead keys create "
                f"--tenant {self.tenant} --scopes {scope}`"
            )

    def belongs_to(self, *tenants: str | None) -> None:
        """Raise Problem where a request names another tenant than the key's, once or among more."""
        if any(tenant is not None and tenant != self.tenant for tenant in tenants):
            raise forbidden(
                "this key belongs to another tenant than the one named: name none, or send a key "
                "that `playhead keys create --tenant T` made for that one"
            )

    def may_see(self, kind: str) -> bool:
        """Tell whether values of a type are restored: not unless a scope says so."""
        return "restore" in self.scopes or f"restore:{kind}" in self.scopes


def bearer_of(authorization: str) -> str:
    """Return the key in an Authorization header, or an empty string."""
    scheme, _, secret = authorization.partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


async def caller_of(secret: str, keys: ApiKeys, subject_of: Callable[[str, str], str]) -> Caller:
    """Return who a key belongs to; raises Problem."""
    return await asyncio.to_thread(known_caller, secret, keys, subject_of)


def known_caller(secret: str, keys: ApiKeys, subject_of: Callable[[str, str], str]) -> Caller:
    """Return who a key belongs to, for which there may be files to read; raises Problem."""
    found = _found(secret, keys, subject_of) if secret else None
    if found is None:
        raise unauthorized(
            (
                "the key is unknown, revoked or expired: `playhead keys list` shows which are in "
                "force, `playhead keys create --tenant T` makes a new one"
            )
            if secret
            else (
                "no key: send `Authorization: Bearer KEY`; `playhead keys create --tenant T` "
                "makes one"
            )
        )
    key, subject = found
    return Caller(
        key=key.id,
        tenant=key.tenant,
        user=key.user,
        subject=subject,
        scopes=frozenset(key.scopes),
        groups=key.groups,
    )


def _found(
    secret: str, keys: ApiKeys, subject_of: Callable[[str, str], str]
) -> tuple[ApiKey, str] | None:
    """Look up a key and its user's digest."""
    key = keys.find(secret)
    return None if key is None else (key, subject_of(key.tenant, key.user))
