"""Visibility: which chunks a reader may see, now or as of a position of the log.

Why it is so: a new version must replace the old one at once, whatever its size, while an index has
no transactions. So chunks are written before anyone can see them, and one write of the `Document`
object makes the switch. A chunk is visible if and only if `version_from <= current < version_to`
(0: open) and its document lets the reader in. Since a document keeps the history of its versions,
the same rule answers for any position in the past.

Who may read it, and by what it is filtered, is kept for each position, too. As of a position the
filters are those of then. A reader must have been let in then, and must be let in now: whom a
document was taken from does not get it back by asking for the past. Only an auditor's search goes
by then alone. Documents that an earlier release indexed tell only of now until they change again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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


def shown_at(version_from: int, version_to: int, current: int) -> bool:
    """Tell whether a chunk of these versions is one of a document's current version."""
    return version_from <= current and (version_to == 0 or current < version_to)


class Readers(NamedTuple):
    """Who may read a document, and by what it is filtered, as the index holds both."""

    groups: frozenset[str]
    metadata: frozenset[str]


@dataclass(frozen=True)
class DocumentHistory:
    """Which version of a document was current when, and who may read it."""

    versions: tuple[int, ...]
    positions: tuple[int, ...]
    """Position from which each version is current, growing; version 0 stands for none."""
    groups: frozenset[str]
    metadata: frozenset[str]
    readers: tuple[Readers | None, ...] = ()
    """Those of each position; None, or nothing, where an earlier release did not keep them."""

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
        return shown_at(version_from, version_to, self.current(as_of))

    def readers_at(self, as_of: int) -> Readers:
        """Who may read it now (-1) or could at a position, as far as that is known."""
        known: Readers | None = None
        if as_of >= 0:
            for readers, position in zip(self.readers, self.positions, strict=False):
                if position <= as_of:
                    known = readers
        return known or Readers(self.groups, self.metadata)

    def admits(
        self,
        groups: Iterable[str],
        wanted: Iterable[str],
        as_of: int = -1,
        *,
        then_alone: bool = False,
    ) -> bool:
        """Whether a reader of these groups may see it and its metadata is as wanted.

        As of a position both were so then, and the reader may see it now, too, unless `then_alone`.
        """
        names = (EVERYONE, *map(group_value, groups))
        then = self.readers_at(as_of)
        readable = not then.groups.isdisjoint(names)
        if not then_alone:
            readable = readable and not self.groups.isdisjoint(names)
        return readable and then.metadata.issuperset(wanted)


async def read_histories(
    documents: TenantObjects, tenant: str, names: Iterable[str], lane: int
) -> tuple[dict[str, DocumentHistory], int]:
    """Read documents' histories, and how far a lane has come (0: nowhere yet).

    `documents` is the tenant's collection of them. Unknown documents are left out.
    """
    head = head_uuid(tenant, lane)
    ids = [head, *(document_uuid(tenant, name) for name in sorted(set(names)))]
    properties = ("document", "versions", "positions", "groups", "metadata", "readers")
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
            readers=readers_of(values.get("readers")),
        )
    return histories, position


def readers_of(text: str | None) -> tuple[Readers | None, ...]:
    """Read who could read a document at each of its positions, from its property."""
    told = json.loads(text) if text else []
    return tuple([None if one is None else Readers(*map(frozenset, one)) for one in told])


def readers_text(readers: Sequence[Readers | None]) -> str:
    """Spell that property."""
    told = [None if one is None else [sorted(one.groups), sorted(one.metadata)] for one in readers]
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


class ReaderSight:
    """Tells of chunks whether whoever searches may see them; each document is looked at once."""

    def __init__(
        self,
        histories: Mapping[str, DocumentHistory],
        request: Search,
        *,
        then_alone: bool = False,
    ) -> None:
        """Take the documents' histories; `then_alone` is an auditor's search."""
        self._histories = histories
        self._request = request
        self._then_alone = then_alone
        self._wanted = metadata_values(request.filters)
        self._current: dict[str, int | None] = {}
        """Documents -> the version that counts; None where nothing of it may be seen."""

    def shows(self, item: ReadObject) -> bool:
        """Tell whether a chunk may be seen."""
        values = item.properties
        document = values["document"]
        if document not in self._current:
            self._current[document] = self._current_of(document)
        current = self._current[document]
        return current is not None and shown_at(
            values["version_from"], values["version_to"], current
        )

    def _current_of(self, document: str) -> int | None:
        history, request = self._histories.get(document), self._request
        if history is None or not history.admits(
            request.groups, self._wanted, request.as_of, then_alone=self._then_alone
        ):
            return None
        return history.current(request.as_of)
