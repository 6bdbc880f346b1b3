"""Compare two generations of the index: a digest for each tenant, and the first difference named.

Both are read in the order of their objects' ids, side by side, so that any size takes the same
memory. An object that differs while documents come in is looked at once more, later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import grpc  # type: ignore[import-untyped]  # it ships no types

from connectors.weaviate.failures import no_such_tenant, translated
from connectors.weaviate.generations import Index
from connectors.weaviate.tenant_objects import FIRST, ReadObject, TenantObjects

PROPERTIES = {
    "chunks": (
        "chunk", "document", "number", "title", "uri", "text", "terms", "tokens", "entries",
        "entities", "groups", "metadata", "model", "lane", "version_from", "version_to",
        "valid_from", "valid_to", "live",
    ),
    "documents": ("document", "versions", "positions", "groups", "metadata", "chunks"),
    "vectors": ("dense", "token_vectors"),
}  # fmt: skip
"""What is compared of each collection's objects: all that there is."""
VECTOR = "vector"
OF_EMBEDDER = frozenset({"model", "tokens", VECTOR})
"""What another embedder makes other; its collection of vectors has other ids, too."""
PAGE = 200  # objects read at once: a chunk's token vectors may take 100 kB
DIFFERENCES_MAX = 1_000  # kept to be looked at again
SHOWN_CHARS = 80  # of a value, when it is told


class IndexDifference(NamedTuple):
    """An object that is not the same on both sides."""

    tenant: str
    kind: str
    """The collection: chunks, documents or vectors."""
    id: str
    reason: str
    """The first property that differs with both values, or on which side the object is missing."""


@dataclass
class ComparedTenant:
    """What was found of a tenant, as Weaviate calls it."""

    tenant: str
    objects: list[int] = field(default_factory=lambda: [0, 0])
    digests: list[Any] = field(default_factory=lambda: [hashlib.sha256(), hashlib.sha256()])
    different: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return {
            "objects": self.objects,
            "digests": [one.hexdigest() for one in self.digests],
            "different": self.different,
        }


@dataclass
class ComparedGenerations:
    """What was found of two generations."""

    generations: tuple[int, int]
    tenants: dict[str, ComparedTenant] = field(default_factory=dict)
    differences: list[IndexDifference] = field(default_factory=list)
    changed: int = 0
    """Objects that differed when they were first read and did not any more later."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not any(one.different for one in self.tenants.values())

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        first = self.differences[0]._asdict() if self.differences else None
        return {
            "generations": list(self.generations),
            "equal": self.equal,
            "tenants": {name: one.as_json() for name, one in self.tenants.items()},
            "different": sum(one.different for one in self.tenants.values()),
            "changed_meanwhile": self.changed,
            "first_difference": first,
        }


class IndexComparison:
    """Compares two generations; raises Transient or Permanent."""

    def __init__(
        self,
        one: Index,
        other: Index,
        *,
        same_embedder: bool,
        only: str | None = None,
        bounds: tuple[int, int] = (PAGE, DIFFERENCES_MAX),
    ) -> None:
        """`only` is a tenant as Weaviate calls it; `bounds` are of a page and of what is kept."""
        self._page, self._differences_max = bounds
        self._sides = (one, other)
        self._same_embedder = same_embedder
        self._only = only

    async def compare(
        self, numbers: tuple[int, int], later: Callable[[], Awaitable[None]]
    ) -> ComparedGenerations:
        """Compare all; `later` is awaited before what differs is read once more."""
        made = ComparedGenerations(numbers)
        one, other = [await side.tenants() for side in self._sides]
        for tenant in sorted({*one, *other}):
            if self._only in {None, tenant}:
                made.tenants[tenant] = ComparedTenant(tenant)
                for kind in self._kinds():
                    await self._compare_kind(made, tenant, kind)
        if made.differences:
            await later()
            await self._look_again(made)
        return made

    def _kinds(self) -> Sequence[str]:
        return [kind for kind in PROPERTIES if self._same_embedder or kind != "vectors"]

    @translated
    async def _compare_kind(self, made: ComparedGenerations, tenant: str, kind: str) -> None:
        told = made.tenants[tenant]
        sides = [
            self._objects((await side.collections_of(tenant))[kind], kind) for side in self._sides
        ]
        held: list[ReadObject | None] = [await anext(side, None) for side in sides]
        while any(held):
            first = min(item.uuid for item in held if item is not None)
            pair = [item if item is not None and item.uuid == first else None for item in held]
            self._take(made, told, kind, pair)
            held = [
                await anext(side, None) if item is not None else waiting
                for side, item, waiting in zip(sides, pair, held, strict=True)
            ]

    def _take(
        self,
        made: ComparedGenerations,
        told: ComparedTenant,
        kind: str,
        pair: Sequence[ReadObject | None],
    ) -> None:
        """Take one object into account as both sides hold it."""
        for at, item in enumerate(pair):
            if item is not None:
                told.objects[at] += 1
                told.digests[at].update(self._spelt(kind, item))
        if reason := self._reason(kind, pair):
            told.different += 1
            if len(made.differences) < self._differences_max:
                identity = next(item.uuid for item in pair if item is not None)
                made.differences.append(IndexDifference(told.tenant, kind, identity, reason))

    @translated
    async def _look_again(self, made: ComparedGenerations) -> None:
        """Read what differed once more, and forget what does not any longer."""
        left = []
        for difference in made.differences:
            kind, names = difference.kind, PROPERTIES[difference.kind]
            pair = []
            for side in self._sides:
                objects = (await side.collections_of(difference.tenant))[kind]
                pair.append(await _read(objects, difference.id, names, vector=kind == "chunks"))
            reason = self._reason(kind, pair) if any(pair) else ""
            if reason:
                left.append(difference._replace(reason=reason))
            else:
                made.tenants[difference.tenant].different -= 1
                made.changed += 1
        made.differences = left

    async def _objects(self, objects: TenantObjects, kind: str) -> AsyncIterator[ReadObject]:
        after = FIRST
        while True:
            page = await _following(
                objects, after, PROPERTIES[kind], self._page, vector=kind == "chunks"
            )
            for item in page:
                if kind != "documents" or not _is_revision(item):
                    yield item
            if len(page) < self._page:
                return
            after = page[-1].uuid

    def _compared(self, kind: str, item: ReadObject) -> dict[str, Any]:
        values = dict(item.properties)
        if kind == "chunks":
            values[VECTOR] = item.vector.hex()
        if not self._same_embedder:
            return {name: value for name, value in values.items() if name not in OF_EMBEDDER}
        return values

    def _spelt(self, kind: str, item: ReadObject) -> bytes:
        told = [kind, item.uuid, self._compared(kind, item)]
        return json.dumps(told, sort_keys=True, ensure_ascii=False).encode() + b"\n"

    def _reason(self, kind: str, pair: Sequence[ReadObject | None]) -> str:
        one, other = pair
        if one is None or other is None:
            return "only the second has it" if one is None else "only the first has it"
        before, after = self._compared(kind, one), self._compared(kind, other)
        for name in before:
            if before[name] != after[name]:
                return f"{name}: {_shown(before[name])} and {_shown(after[name])}"
        return ""


async def _following(
    objects: TenantObjects, after: str, names: Sequence[str], limit: int, *, vector: bool
) -> list[ReadObject]:
    """Read a page; a tenant that is missing has none."""
    try:
        return await objects.following(after, names, limit, vector=vector)
    except grpc.RpcError as error:
        if no_such_tenant(error):
            return []
        raise


async def _read(
    objects: TenantObjects, identity: str, names: Sequence[str], *, vector: bool
) -> ReadObject | None:
    try:
        items = await objects.by_ids([identity], names, vector=vector)
    except grpc.RpcError as error:
        if no_such_tenant(error):
            return None
        raise
    return items[0] if items else None


def _is_revision(item: ReadObject) -> bool:
    """Tell the object that is new with every write, which says nothing of documents."""
    values = item.properties
    return not values["document"] and not values["positions"]


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "…"
