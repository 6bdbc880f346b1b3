"""From what somebody is called to the keyed digests that they go under."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

DIGEST = re.compile(r"[0-9a-f]{64}")


class KnowsSubjects(Protocol):
    """What is needed of the keyring."""

    def digest(self, tenant: str, value: bytes) -> str:
        """Hex digest under the tenant's key."""

    def subjects(self, tenant: str, subject: str) -> tuple[str, ...]:
        """All digests that a person went under from one on; the last may be in use."""

    def states(self, tenant: str, names: Sequence[str]) -> Mapping[str, tuple[int, bool]]:
        """Of keys that are or were there, since when in seconds and whether they are destroyed."""


def subjects_of_user(keyring: KnowsSubjects, tenant: str, user: str) -> tuple[str, ...]:
    """Return the digests of a user, the present one last."""
    return keyring.subjects(tenant, keyring.digest(tenant, user.encode("utf-8", "replace")))


def subjects_named(keyring: KnowsSubjects, tenant: str, name: str) -> tuple[str, ...]:
    """Return the digests of whoever is called so, or goes under this digest.

    A digest that is somebody's is no name: else a user who calls themselves by it would be taken
    for its owner, and the owner for them.
    """
    if DIGEST.fullmatch(name) and keyring.states(tenant, [f"user/{name}"]):
        return keyring.subjects(tenant, name)
    return subjects_of_user(keyring, tenant, name)
