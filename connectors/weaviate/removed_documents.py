"""Which documents were erased: what is still to be deleted, and of which no chunk is written.

One is forgotten when REMEMBERED others were erased since and nothing of it is left to delete: by
then a chunk of it that was on its way has come, and the next start of a worker deletes all again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

REMOVALS = 2  # of a document: at once, and at the next look, when what was on its way has come
REMEMBERED = 50_000
"""Documents, with their tenants: some 10 MB."""
DocumentOfTenant = tuple[str, str]
"""Tenant and document."""


class RemovedDocuments:
    """Remembers erased documents: the newest, and those that are still to be deleted."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._known: OrderedDict[DocumentOfTenant, None] = OrderedDict()
        """The one that was erased last stands last."""
        self._due: dict[DocumentOfTenant, int] = {}
        """How often each is still to be deleted."""

    def add(self, tenant: str, documents: Sequence[str], removals: int = 0) -> None:
        """Remember documents, to be deleted so often at least."""
        for document in documents:
            name = tenant, document
            self._known[name] = None
            self._known.move_to_end(name)
            if removals > self._due.get(name, 0):
                self._due[name] = removals
        while len(self._known) > self._most:
            self._known.popitem(last=False)

    def __contains__(self, name: DocumentOfTenant) -> bool:
        return name in self._known or name in self._due

    def __len__(self) -> int:
        return len(self._known.keys() | self._due.keys())

    def due(self) -> list[DocumentOfTenant]:
        """List what is still to be deleted, in the order in which it was told."""
        return list(self._due)

    def deleted(self, name: DocumentOfTenant) -> None:
        """Note that a document was deleted once more."""
        self._due[name] -= 1
        if not self._due[name]:
            del self._due[name]
