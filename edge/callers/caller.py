"""Who calls, as a key, a token or a sign-in says: tenant, user and scopes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from edge.callers.api_keys import ApiKey, ApiKeys
from edge.callers.scopes import granted
from edge.problems import forbidden, unauthorized


@dataclass(frozen=True)
class Caller:
    """Who calls."""

    key: str
    """By which shares are counted: the key, or who signed in, however many tokens they have."""
    tenant: str
    user: str
    subject: str
    """Keyed digest of the user."""
    scopes: frozenset[str]
    """All that is allowed, each by every name that it has."""
    groups: tuple[str, ...]
    credential: str | None = None
    """Id of what is looked up again while it is in use: the key where it is None, nothing where it
    is empty."""
    ends_s: float | None = None
    """When that ends, in seconds since 1970; None where the store of keys knows it."""
    came_by: str = "key"
    """How it is known who calls: key, token or sign-in."""

    @property
    def looked_up(self) -> str:
        """Id of what is looked up again and again; empty for a token, which nobody can revoke."""
        return self.key if self.credential is None else self.credential

    def need(self, scope: str) -> None:
        """Raise Problem unless the caller has a scope."""
        if scope in self.scopes:
            return
        if self.came_by == "key":
            raise forbidden(
                f"this key lacks the scope {scope}: create one with `playhead keys create "
                f"--tenant {self.tenant} --scopes {scope}`"
            )
        raise forbidden(
            f"this {self.came_by} lacks the scope {scope}: whoever runs the gateway says in the "
            "file of PLAYHEAD_OIDC which scopes people have"
        )

    def belongs_to(self, *tenants: str | None) -> None:
        """Raise Problem where a request names another tenant than the key's, once or among more."""
        if any(tenant is not None and tenant != self.tenant for tenant in tenants):
            other = (
                "a key that `playhead keys create --tenant T` made for that one"
                if self.came_by == "key"
                else "a token or a key of that one"
            )
            raise forbidden(
                f"this {self.came_by} belongs to another tenant than the one named: name none, or "
                f"send {other}"
            )

    def may_see(self, kind: str) -> bool:
        """Tell whether values of a type are restored: not unless a scope says so."""
        return "restore" in self.scopes or f"restore:{kind}" in self.scopes


def bearer_of(authorization: str) -> str:
    """Return the key or token in an Authorization header, or an empty string."""
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
        scopes=granted(key.scopes),
        groups=key.groups,
    )


def _found(
    secret: str, keys: ApiKeys, subject_of: Callable[[str, str], str]
) -> tuple[ApiKey, str] | None:
    """Look up a key and its user's digest."""
    key = keys.find(secret)
    return None if key is None else (key, subject_of(key.tenant, key.user))
