"""What searches found, kept for whoever of the same tenant searches for the same again.

All that decides what is found is part of the key: the request, whole (its text, vector, values,
filters, groups and limit), the generation of the index, the lane whose position it tells, and the
revision of the tenant's documents. Whatever makes a version visible, or takes it away, gives them
another revision, so that what was kept before is found no more. A search as of a position is not
kept: an audit asks the index.

Why it is so: the revision is known before a search, and read after it. So what is kept under one is
at least as new; read after it alone, a document that came between would be missing for as long as
nothing else came. Where nothing is kept under the revision that the tenant's last search read last,
that one is known: none comes twice, so one that is the same at the end was the same all the time.
Else it is read before the search, too.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from itertools import chain
from sys import getsizeof
from typing import Any, NamedTuple

import grpc  # type: ignore[import-untyped]  # it ships no types
from weaviate.classes.data import DataObject

from connectors.bounded_cache import BoundedCache
from connectors.weaviate.failures import no_such_tenant
from connectors.weaviate.kept_finds import FoundChunk
from connectors.weaviate.objects import revision_uuid
from connectors.weaviate.tenant_objects import TenantObjects
from schemas import Found, Search
from streams.running.digests import request_digest
from streams.running.world import Call

REVISIONS_MAX = 10_000  # of tenants that searched last; some 200 bytes each
SEARCH_BYTES, CANDIDATE_BYTES, DOCUMENT_BYTES = 400, 360, 500
"""What a search takes beside its candidates, a candidate with where its chunk lies, and what is
told of a document, each without texts: by tracemalloc, over searches of 0 to 100 candidates."""


class KeptSearch(NamedTuple):
    """What a search showed, and where that lies."""

    found: Found
    chunks: dict[str, FoundChunk]


class SearchKey(NamedTuple):
    """Everything that decides what a search of a tenant finds."""

    generation: int
    lane: int
    revision: str
    request: bytes


class KeptSearches:
    """Remembers what was found."""

    def __init__(self, cache: BoundedCache[KeptSearch]) -> None:
        self._cache = cache
        self._revisions: OrderedDict[tuple[int, str], str] = OrderedDict()
        """By generation and tenant."""

    def key_of(
        self, request: Search, call: Call, generation: int, revision: str
    ) -> SearchKey | None:
        """Return the key of a search; None where nothing of it can be kept."""
        if not self._cache.on or request.as_of >= 0 or not revision:
            return None
        return SearchKey(generation, call.lane, revision, request_digest(request, b""))

    def forget_tenant(self, tenant: str) -> None:
        """Drop what a tenant searched for."""
        self._cache.forget_tenant(tenant)
        for known in [one for one in self._revisions if one[1] == tenant]:
            del self._revisions[known]

    def known_revision(self, request: Search, call: Call, generation: int) -> str | None:
        """Return the revision to begin a search with unread; None where it must be read."""
        known = self._revisions.get((generation, call.tenant))
        if known is None:
            return None
        key = self.key_of(request, call, generation, known)
        return None if key is not None and self._cache.holds(call.tenant, key) else known

    def learn_revision(self, tenant: str, generation: int, revision: str | None) -> None:
        """Remember the revision that a search read last; None: it changed meanwhile."""
        self._revisions.pop((generation, tenant), None)
        if revision:
            self._revisions[generation, tenant] = revision
        if len(self._revisions) > REVISIONS_MAX:
            self._revisions.popitem(last=False)

    def of(self, key: SearchKey, tenant: str) -> KeptSearch | None:
        """Return what is kept."""
        return self._cache.get(tenant, key)

    def keep(self, key: SearchKey, tenant: str, search: KeptSearch) -> None:
        """Remember what was found."""
        self._cache.keep(tenant, key, search, _size(search.found))


def _size(found: Found) -> int:
    """Say how many bytes a search takes; what is told of documents is theirs to choose."""
    size = SEARCH_BYTES
    for one in found.candidates:
        size += CANDIDATE_BYTES + getsizeof(one.chunk) + getsizeof(one.document)
    for told in found.documents:
        texts = (told.document, told.uri, *told.groups, *chain(*told.metadata.items()))
        size += DOCUMENT_BYTES + sum(map(getsizeof, texts))
    return size


async def read_revision(documents: TenantObjects, tenant: str) -> str:
    """Read the revision of a tenant's documents; nothing where none was written yet."""
    try:
        items = await documents.by_ids([revision_uuid(tenant)], ("metadata",))
    except grpc.RpcError as error:
        if no_such_tenant(error):
            return ""
        raise
    return items[0].properties["metadata"][0] if items else ""


def new_revision(tenant: str) -> DataObject[Any, Any]:
    """Make the object that ends what was kept before; it lies among a tenant's documents.

    Never the same twice: two lanes that write in turns must not come back to one of before.
    """
    properties: dict[str, Any] = {
        "document": "",
        "versions": [],
        "positions": [],
        "metadata": [uuid.uuid4().hex],
    }
    return DataObject(uuid=revision_uuid(tenant), properties=properties)
