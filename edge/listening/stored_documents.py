"""What is stored, by tenant and key: how many documents, and how many bytes they had.

A document counts with its newest version, from when it was handed in until its withdrawal is done;
one whose only version failed does not. It counts for the key that handed in that version.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from edge.requests.limits import ID_MAX
from schemas import DocumentSubmitted

SEAL_BYTES = 16
"""Of a ciphertext: the synthetic initialisation vector before it."""


class StoredAs(NamedTuple):
    """What one document counts as."""

    key: str = ""
    size: int | None = None
    """Bytes; None for one that is not stored."""


class StoredTotal(NamedTuple):
    """How much is stored."""

    documents: int = 0
    bytes: int = 0


def size_of(event: DocumentSubmitted) -> int:
    """Return the bytes of a document; of releases before, as many as its ciphertext tells."""
    return max(0, event.size or len(event.content.ciphertext) - SEAL_BYTES)


class StoredByTenant:
    """Counts what is stored; lives on the event loop alone."""

    def __init__(self, rows: Iterable[tuple[str, str, int, int]] = ()) -> None:
        """`rows` tell tenant, key, documents and bytes."""
        self._documents: Counter[tuple[str, str]] = Counter()
        """By tenant and key, and by tenant alone under the empty key."""
        self._bytes: Counter[tuple[str, str]] = Counter()
        for tenant, key, documents, size in rows:
            self._add(tenant, key, documents, size)

    def of(self, tenant: str, key: str = "") -> StoredTotal:
        """Tell how much a tenant has stored, or one of its keys."""
        return StoredTotal(self._documents[tenant, key], self._bytes[tenant, key])

    def change(self, tenant: str, before: StoredAs | None, now: StoredAs | None) -> None:
        """Learn that a document counts as something else from now on; None: not any more."""
        if before == now:
            return
        if before is not None:
            self._add(tenant, before.key, -1, -(before.size or 0))
        if now is not None:
            self._add(tenant, now.key, 1, now.size or 0)

    def _add(self, tenant: str, key: str, documents: int, size: int) -> None:
        for name in {"", key} if len(key) <= ID_MAX else {""}:
            whose = tenant, name
            self._documents[whose] += documents
            self._bytes[whose] += size
            if not self._documents[whose]:
                del self._documents[whose], self._bytes[whose]
