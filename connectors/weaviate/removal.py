"""Delete what the index has of documents that were erased, of every version and position.

A withdrawal makes a document invisible from a position on, and leaves its chunks for whoever asks
as of one before. After an erasure nobody may see them, so they go, with their vectors, in every
generation: one may be searched by its number, or come into force again. What says which versions
there were stays: the withdrawal that comes later finds its place by it.

Chunks of a removed document that are still on their way are not written any more: its key is
destroyed, so nobody can hand it in again, and a lane may be hours behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc  # type: ignore[import-untyped]  # it ships no types

from connectors.weaviate.batches import PAGE
from connectors.weaviate.conditions import equal
from connectors.weaviate.connecting import new_client
from connectors.weaviate.failures import no_such_tenant, translated
from connectors.weaviate.generations import NewClient, pinned
from connectors.weaviate.objects import vectors_uuid
from connectors.weaviate.removed_documents import REMOVALS, RemovedDocuments
from connectors.weaviate.tenant_objects import ReadObject, TenantObjects
from connectors.weaviate.versions import VersionWriter
from schemas import IndexChunks, IndexWritten
from streams.running.world import Call
from streams.settings import Settings

DELETIONS_MAX = 8  # in flight


class DocumentRemoval(VersionWriter):
    """Deletes documents; raises Transient or Permanent. Doing it again is harmless."""

    def __init__(
        self, settings: Settings, generation: int | None = None, client: NewClient = new_client
    ) -> None:
        super().__init__(settings, generation, client)
        self._removed = RemovedDocuments()

    async def index(self, request: IndexChunks, call: Call) -> IndexWritten:
        """Write chunks, but none of a document that was removed."""
        if (call.tenant, request.document.document) in self._removed:
            return IndexWritten(count=0, position=call.offset)
        return await super().index(request, call)

    def forget_documents(self, tenant: str, documents: Sequence[str]) -> None:
        """Write no chunk of documents any more, and delete what there is at the next sweeps."""
        self._removed.add(tenant, documents, REMOVALS)

    async def sweep(self) -> None:
        """Delete what is to be deleted; what fails, and what comes after it, the next time."""
        for tenant, document in self._removed.due():
            await self.remove(tenant, [document])
            self._removed.deleted((tenant, document))

    async def remove(self, tenant: str, documents: Sequence[str]) -> int:
        """Delete the chunks and vectors of documents; return how many chunks there were."""
        self._removed.add(tenant, documents)
        removed = 0
        for number in await self.generations():
            with pinned(number):
                removed += await self._remove(tenant, documents)
        return removed

    @translated
    async def _remove(self, tenant: str, documents: Sequence[str]) -> int:
        chunks, vectors = await self.chunks_of(tenant), await self.vectors_of(tenant)
        removed = 0
        for document in documents:
            while found := await self._some(chunks, document):
                # what leads to the vectors goes last: a removal that is cut off is done again
                await _delete(
                    vectors,
                    [
                        vectors_uuid(tenant, one.properties["chunk"], one.properties["model"])
                        for one in found
                    ],
                )
                await _delete(chunks, [one.uuid for one in found])
                removed += len(found)
        return removed

    async def _some(self, chunks: TenantObjects, document: str) -> list[ReadObject]:
        try:
            return await chunks.page(equal("document", document), ("chunk", "model"), PAGE, 0)
        except grpc.RpcError as error:
            if no_such_tenant(error):
                return []
            raise


async def _delete(objects: TenantObjects, ids: Sequence[str]) -> None:
    in_flight = asyncio.Semaphore(DELETIONS_MAX)

    async def delete(identity: str) -> None:
        async with in_flight:
            await objects.data.delete_by_id(identity)

    await asyncio.gather(*map(delete, dict.fromkeys(ids)))
