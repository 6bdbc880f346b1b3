"""Write chunks, make their version visible, and withdraw it again.

Every write may be repeated, in order, and leaves the same state. What is written when, around the
one write that makes a version visible, follows from the rule in `visibility.py`.

Many documents of a tenant are written at once, and each writes to the same few objects: how far
its lane has come, and the revision of the tenant's documents. So who comes to a write of theirs
while one is under way shares the next one (`shared_rounds`): one after the other they were what a
lane's documents waited for, three times as long as for the embedder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from weaviate.classes.data import DataObject

from connectors.shared_rounds import SharedRounds
from connectors.weaviate.batches import by_uuid, insert, listed, pages
from connectors.weaviate.conditions import any_number, any_text, at_most, equal, every, less
from connectors.weaviate.connecting import new_client
from connectors.weaviate.failures import translated
from connectors.weaviate.generations import Index, NewClient
from connectors.weaviate.kept_searches import new_revision
from connectors.weaviate.objects import (
    chunk_properties,
    chunk_uuid,
    document_uuid,
    group_values,
    head_uuid,
    metadata_values,
    order_uuid,
    vectors_properties,
    vectors_uuid,
)
from connectors.weaviate.tenant_objects import ReadObject, TenantObjects
from connectors.weaviate.visibility import (
    DocumentHistory,
    Readers,
    read_histories,
    readers_text,
)
from schemas import DocumentRef, IndexChunks, IndexWritten, PublishVersion, WithdrawVersions
from streams.running.world import Call
from streams.settings import Settings

ORDERED_MIN = 2  # chunks of a version: one alone stands beside none
PATCHES_MAX = 8  # changes of single objects in flight
_Switches = SharedRounds[Sequence[DataObject[Any, Any]], None]
MUTABLE = ("version_to", "valid_to", "live", "uri", "groups", "metadata")
"""What later versions change of a chunk that they keep or retire."""


class VersionWriter(Index):
    """Answers the requests that change the index; raises Transient or Permanent."""

    def __init__(
        self, settings: Settings, generation: int | None = None, client: NewClient = new_client
    ) -> None:
        super().__init__(settings, generation, client)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Of the objects that are read and then written; each lives while it is held or awaited."""
        self._switches: WeakValueDictionary[tuple[int, str], _Switches] = WeakValueDictionary()
        """By generation and tenant; each lives while somebody asks it."""
        self._heads: WeakValueDictionary[tuple[int, str], SharedRounds[int, None]] = (
            WeakValueDictionary()
        )
        """By generation and head."""
        self._patches = asyncio.Semaphore(PATCHES_MAX)

    @translated
    async def index(self, request: IndexChunks, call: Call) -> IndexWritten:
        """Write chunks of a version that nobody sees yet."""
        chunks = await self.chunks_of(call.tenant)
        ref = request.document
        ids = {chunk.id: chunk_uuid(call.tenant, chunk.id, ref.version) for chunk in request.chunks}
        vectors = [
            DataObject(
                uuid=vectors_uuid(call.tenant, chunk.id, request.model),
                properties=vectors_properties(chunk),
            )
            for chunk in request.chunks
        ]
        # what a chunk is found by comes last: whatever can be found can be reranked
        read, _ = await asyncio.gather(
            by_uuid(chunks, ids.values(), MUTABLE),
            insert(await self.vectors_of(call.tenant), vectors),
        )
        # written again after a crash, a chunk keeps what later versions did to it
        before = {item.uuid: item.properties for item in read}
        objects = [
            DataObject(
                uuid=ids[chunk.id],
                properties={
                    **chunk_properties(request, chunk, call),
                    **before.get(ids[chunk.id], {}),
                },
                vector=np.frombuffer(chunk.vector, "<f4").tolist(),
            )
            for chunk in request.chunks
        ]
        await insert(chunks, objects)
        return IndexWritten(count=len(objects), position=call.offset)

    @translated
    async def publish(self, request: PublishVersion, call: Call) -> IndexWritten:
        """Make a version visible and retire what it no longer has, at once."""
        ref = request.document
        async with self._lock(document_uuid(call.tenant, ref.document)):
            chunks = await self.chunks_of(call.tenant)
            known = await self._history(call.tenant, ref.document)
            retired = []
            for ids in pages(request.retired):
                where = every(
                    [
                        any_text("chunk", ids),
                        equal("document", ref.document),
                        less("version_from", ref.version),
                    ]
                )
                retired += [
                    item
                    for item in await listed(chunks, where, ("version_to", "live"))
                    if item.properties["version_to"] in {0, ref.version}
                ]
            closing = {"version_to": ref.version, "valid_to": call.offset}
            await self._patch(
                chunks, [item for item in retired if not item.properties["version_to"]], closing
            )
            if known is not None and call.offset >= known.positions[-1]:
                await self._spread(chunks, ref, known)
            await self._flip(call, ref, known, ref.version, self._order(call, request))
            await self._patch(
                chunks, [item for item in retired if item.properties["live"]], {"live": False}
            )
        await self._advance(call)
        return IndexWritten(count=len(retired), position=call.offset)

    @translated
    async def withdraw(self, request: WithdrawVersions, call: Call) -> IndexWritten:
        """Make all versions of a document invisible."""
        ref = request.document
        async with self._lock(document_uuid(call.tenant, ref.document)):
            known = await self._history(call.tenant, ref.document)
            if known is None:
                return IndexWritten(count=0, position=call.offset)
            chunks = await self.chunks_of(call.tenant)
            last = known.latest(call.offset)
            # this version alone: Weaviate lists 10,000 objects at most, and all may have more
            where = every(
                [
                    equal("document", ref.document),
                    at_most("version_from", last),
                    any_number("version_to", [0, last + 1]),
                ]
            )
            gone = await listed(chunks, where, ("version_to", "live"))
            closing = {"version_to": last + 1, "valid_to": call.offset}
            await self._patch(
                chunks, [item for item in gone if not item.properties["version_to"]], closing
            )
            await self._flip(call, ref, known, 0)
            await self._patch(
                chunks, [item for item in gone if item.properties["live"]], {"live": False}
            )
        await self._advance(call)
        return IndexWritten(count=len(gone), position=call.offset)

    async def _flip(
        self,
        call: Call,
        ref: DocumentRef,
        known: DocumentHistory | None,
        version: int,
        others: Sequence[DataObject[Any, Any]] = (),
    ) -> None:
        """Write the one object that decides what is visible, and others that wait for it."""
        history = dict(zip(known.positions, known.versions, strict=True)) if known else {}
        newest = not history or call.offset >= max(history)
        history[call.offset] = version
        positions = sorted(history)
        readers = _readers(known)
        if version or call.offset not in readers:  # a withdrawal says nothing of readers
            readers[call.offset] = Readers(
                frozenset(group_values(ref.groups)), frozenset(metadata_values(ref.metadata))
            )
        properties: dict[str, Any] = {
            "document": ref.document,
            "versions": [history[position] for position in positions],
            "positions": positions,
            "groups": group_values(ref.groups),
            "metadata": metadata_values(ref.metadata),
            "readers": readers_text([readers.get(position) for position in positions]),
        }
        if known is not None and (version == 0 or not newest):
            # a withdrawal says nothing of readers, and an event that is run again is not the newest
            properties["groups"] = sorted(known.groups)
            properties["metadata"] = sorted(known.metadata)
        item = DataObject(uuid=document_uuid(call.tenant, ref.document), properties=properties)
        switches = await self._switches_of(call.tenant)
        # first: a search that read chunks before they were closed is told so (`search.py`)
        await switches.ask(others)
        await switches.ask([item])

    async def _switches_of(self, tenant: str) -> _Switches:
        """Return what writes a tenant's documents, and behind them another revision."""
        documents = await self.documents_of(tenant)

        async def write(asked: Sequence[Sequence[DataObject[Any, Any]]]) -> None:
            objects = {str(one.uuid): one for some in asked for one in some}
            await insert(documents, [*objects.values(), new_revision(tenant)])

        name = await self.number(), tenant
        return self._switches.setdefault(name, SharedRounds(write))

    def _order(self, call: Call, request: PublishVersion) -> list[DataObject[Any, Any]]:
        """Say in which order the chunks stand; nobody looks there before the version is current."""
        if len(request.chunks) < ORDERED_MIN:
            return []
        ref = request.document
        properties = {
            "document": "",  # so that nobody who lists a document's objects meets it
            "versions": [ref.version],
            "positions": [call.offset],
            "chunks": list(request.chunks),
        }
        identity = order_uuid(call.tenant, ref.document, ref.version)
        return [DataObject(uuid=identity, properties=properties)]

    async def _spread(
        self, chunks: TenantObjects, ref: DocumentRef, known: DocumentHistory
    ) -> None:
        """Tell kept chunks of new groups and metadata, by which searches are narrowed."""
        groups, metadata = group_values(ref.groups), metadata_values(ref.metadata)
        if known.groups == set(groups) and known.metadata == set(metadata):
            return
        where = every([equal("document", ref.document), equal("version_to", 0)])
        old = await listed(chunks, where, ("version_from",))
        kept = [item for item in old if item.properties["version_from"] < ref.version]
        await self._patch(chunks, kept, {"groups": groups, "metadata": metadata, "uri": ref.uri})

    async def _patch(
        self, chunks: TenantObjects, items: Sequence[ReadObject], change: dict[str, Any]
    ) -> None:
        async def patch(item: ReadObject) -> None:
            async with self._patches:
                await chunks.data.update(uuid=item.uuid, properties=change)

        for some in pages(items):
            await asyncio.gather(*map(patch, some))

    async def _advance(self, call: Call) -> None:
        """Remember how far the lane has come; a lane is written by one process at a time."""
        head = head_uuid(call.tenant, call.lane)
        documents = await self.documents_of(call.tenant)

        async def reach(offsets: Sequence[int]) -> None:
            heads = await by_uuid(documents, [head], ("positions",))
            reached = max((max(item.properties["positions"]) for item in heads), default=-1)
            # what was kept while versions were switched may lie on either side of that
            objects = [new_revision(call.tenant)]
            if max(offsets) > reached:
                properties: dict[str, Any] = {
                    "document": "",
                    "versions": [0],
                    "positions": [max(offsets)],
                }
                objects.append(DataObject(uuid=head, properties=properties))
            await insert(documents, objects)

        rounds = self._heads.setdefault((await self.number(), head), SharedRounds(reach))
        await rounds.ask(call.offset)

    def _lock(self, identity: str) -> asyncio.Lock:
        return self._locks.setdefault(identity, asyncio.Lock())

    async def _history(self, tenant: str, document: str) -> DocumentHistory | None:
        documents = await self.documents_of(tenant)
        histories, _ = await read_histories(documents, tenant, (document,), 0)
        return histories.get(document)


def _readers(known: DocumentHistory | None) -> dict[int, Readers | None]:
    """Return who could read a document at each position that its history tells of."""
    return dict(zip(known.positions, known.readers, strict=False)) if known else {}
