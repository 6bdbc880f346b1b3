"""Visibility: which chunks a reader may see, now or as of a position of the log.

Why it is so: a new version must replace the old one at once, whatever its size, while an index has
no transactions. So chunks are written before anyone can see them, and one write of the `Document`
object makes the switch. A chunk is visible if and only if `version_from <= current < version_to`
(0: open) and its document lets the reader in. Since a document keeps the history of its versions,
the same rule answers for any position in the past.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connectors.weaviate.batches import by_uuid
from connectors.weaviate.objects import (
    EVERYONE,
    document_uuid,
    group_value,
    head_uuid,
    metadata_values,
)
from connectors.weaviate.tenant_objects import ReadObject, TenantObjects
from schemas import Search


@dataclass(frozen=True)
class DocumentHistory:
    """Which version of a document was current when, and who may read it."""

    versions: tuple[int, ...]
    positions: tuple[int, ...]
    """Position from which each version is current, growing; version 0 stands for none."""
    groups: frozenset[str]
    metadata: frozenset[str]

    def current(self, as_of: int) -> int:
        """Version that is current now (-1) or was at a position; 0 if none."""
        if as_of < 0:
            return self.versions[-1] if self.versions else 0
        version = 0
        for candidate, position in zip(self.versions, self.positions, strict=True):
            if position <= as_of:
                version = candidate
        return version

    def latest(self, position: int) -> int:
        """Highest version published up to a position, withdrawn or not."""
        pairs = zip(self.versions, self.positions, strict=True)
        return max((version for version, reached in pairs if reached <= position), default=0)

    def shows(self, version_from: int, version_to: int, as_of: int) -> bool:
        """Whether a chunk of these versions is visible."""
        current = self.current(as_of)
        return version_from <= current and (version_to == 0 or current < version_to)

    def admits(self, groups: Iterable[str], wanted: Iterable[str]) -> bool:
        """Whether a reader of these groups may see it and its metadata is as wanted."""
        readable = not self.groups.isdisjoint((EVERYONE, *map(group_value, groups)))
        return readable and self.metadata.issuperset(wanted)


async def read_histories(
    documents: TenantObjects, tenant: str, names: Iterable[str], lane: int
) -> tuple[dict[str, DocumentHistory], int]:
    """Read documents' histories, and how far a lane has come (0: nowhere yet).

    `documents` is the tenant's collection of them. Unknown documents are left out.
    """
    head = head_uuid(tenant, lane)
    ids = [head, *(document_uuid(tenant, name) for name in sorted(set(names)))]
    properties = ("document", "versions", "positions", "groups", "metadata")
    position, histories = 0, {}
    for item in await by_uuid(documents, ids, properties):
        values = item.properties
        if item.uuid == head:
            position = max(values["positions"])
            continue
        histories[values["document"]] = DocumentHistory(
            versions=tuple(values["versions"]),
            positions=tuple(values["positions"]),
            groups=frozenset(values["groups"] or ()),
            metadata=frozenset(values["metadata"] or ()),
        )
    return histories, position


def is_visible(item: ReadObject, histories: Mapping[str, DocumentHistory], request: Search) -> bool:
    """Tell whether whoever searches may see a chunk."""
    values = item.properties
    history = histories.get(values["document"])
    return (
        history is not None
        and history.shows(values["version_from"], values["version_to"], request.as_of)
        and history.admits(request.groups, metadata_values(request.filters))
    )
