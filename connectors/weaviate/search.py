"""Search, rerank and fetch chunks; `visibility.py` says who is shown which.

Why it is so: the index can't apply the rule of visibility itself. So a search asks for candidates,
then reads their documents; what the chunks say about groups, metadata and being live only narrows
the search, and may lag behind.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from weaviate.classes.query import Filter, MetadataQuery
from weaviate.exceptions import WeaviateBaseError

from connectors.token_vectors import max_sim
from connectors.weaviate.analysis import terms
from connectors.weaviate.batches import by_uuid, listed, pages
from connectors.weaviate.failures import no_such_tenant, translated
from connectors.weaviate.fusion import DECIMALS, fuse
from connectors.weaviate.generations import Index
from connectors.weaviate.objects import (
    EVERYONE,
    group_value,
    metadata_values,
    passage_of,
    unpacked,
    vectors_uuid,
)
from connectors.weaviate.schema import chunks_name
from connectors.weaviate.visibility import is_visible, read_histories
from schemas import Fetch, Fetched, Found, Rerank, Reranked, Search
from streams.running.world import Call

SURPLUS = 1.25  # candidates asked per candidate wanted: some belong to versions not yet published
SEARCHED = ["chunk", "document", "version_from", "version_to"]  # what is read of a candidate
ROUNDS_MAX = 4  # each asks for four times as many, where invisible chunks crowd out visible ones


class ChunkSearch(Index):
    """Answers the requests that read the index; raises Transient or Permanent."""

    @translated
    async def search(self, request: Search, call: Call) -> Found:
        """Find candidates by words and by vector; `visibility.py` says who is shown what."""
        number = await self.number()
        name = chunks_name(number)
        wanted = int(request.limit * SURPLUS)
        for _ in range(ROUNDS_MAX):
            try:
                lexical, dense = await self._ranked(request, call.tenant, wanted)
            except WeaviateBaseError as error:
                if no_such_tenant(error):
                    return Found(candidates=(), index=name, position=max(request.as_of, 0))
                raise
            items = {str(item.uuid): item for item in (*lexical, *dense)}
            histories, head = await read_histories(
                await self.documents_of(call.tenant),
                call.tenant,
                (item.properties["document"] for item in items.values()),
                call.lane,
            )
            visible = {
                identity for identity, item in items.items() if is_visible(item, histories, request)
            }
            exhausted = len(lexical) < wanted and len(dense) < wanted
            if len(visible) >= request.limit or exhausted:
                break
            wanted *= 4
        vector = np.frombuffer(request.vector, "<f4")
        candidates = fuse(
            [item for item in lexical if str(item.uuid) in visible],
            [item for item in dense if str(item.uuid) in visible],
            vector,
        )
        return Found(
            candidates=tuple(candidates[: request.limit]),
            index=name,
            position=head if request.as_of < 0 else request.as_of,
        )

    async def _ranked(self, request: Search, tenant: str, limit: int) -> tuple[Any, Any]:
        """Ask for the best by words and the best by vector."""
        chunks = await self.chunks_of(tenant)
        words = [*terms(request.text), *request.entities]
        where = _narrowing(request)
        return await asyncio.gather(
            _by_words(chunks, words, where, limit),
            _by_vector(chunks, request.vector, where, limit),
        )

    @translated
    async def rerank(self, request: Rerank, call: Call) -> Reranked:
        """Score chunks by late interaction, and tell how similar they are to each other.

        A chunk that this model did not embed scores -1 and is similar to none.
        """
        ids = [vectors_uuid(call.tenant, chunk, request.model) for chunk in request.chunks]
        properties = {
            str(item.uuid): item.properties
            for item in await by_uuid(
                await self.vectors_of(call.tenant), ids, ("dense", "token_vectors")
            )
        }
        packed = [unpacked(properties.get(identity, {}).get("token_vectors")) for identity in ids]
        rows = [np.frombuffer(unpacked(properties.get(i, {}).get("dense")), "<f4") for i in ids]
        vectors = np.zeros((len(ids), max((len(row) for row in rows), default=0)), np.float32)
        for number, row in enumerate(rows):
            vectors[number, : len(row)] = row
        # some milliseconds of arithmetic, during which the worker's other streams must go on
        scored = await asyncio.to_thread(max_sim, request.query, packed)
        similar = np.round(vectors @ vectors.T, DECIMALS).astype("<f4")
        return Reranked(
            scores=tuple(round(score, DECIMALS) for score in scored),
            similarities=similar.tobytes(),
        )

    @translated
    async def fetch(self, request: Fetch, call: Call) -> Fetched:
        """Read chunks that are visible."""
        items = await self._newest(
            call.tenant,
            request.chunks,
            (
                "chunk", "document", "number", "title", "uri", "text", "tokens", "entries",
                "version_from", "version_to",
            ),
        )  # fmt: skip
        histories, _ = await read_histories(
            await self.documents_of(call.tenant),
            call.tenant,
            (item.properties["document"] for some in items.values() for item in some),
            call.lane,
        )
        passages = []
        for chunk in request.chunks:
            for item in items.get(chunk, ()):
                values = item.properties
                history = histories.get(values["document"])
                if history is not None and history.shows(
                    values["version_from"], values["version_to"], request.as_of
                ):
                    passages.append(passage_of(values, history.current(request.as_of)))
                    break
        return Fetched(passages=tuple(passages))

    async def _newest(
        self,
        tenant: str,
        names: Sequence[str],
        properties: Sequence[str],
    ) -> dict[str, list[Any]]:
        """Read the objects of each chunk, that of the newest version first."""
        chunks = await self.chunks_of(tenant)
        by_chunk: defaultdict[str, list[Any]] = defaultdict(list)
        for some in pages(sorted(set(names))):
            where = Filter.by_property("chunk").contains_any(some)
            try:
                items = await listed(chunks, where, properties)
            except WeaviateBaseError as error:
                if no_such_tenant(error):
                    return {}
                raise
            for item in items:
                by_chunk[item.properties["chunk"]].append(item)
        for objects in by_chunk.values():
            objects.sort(key=lambda item: -item.properties["version_from"])
        return by_chunk


def _narrowing(request: Search) -> Any:
    """Make the filter that leaves out most of what `visibility.py` would."""
    where = Filter.by_property("groups").contains_any(
        [EVERYONE, *(group_value(name) for name in sorted(set(request.groups)))]
    )
    if request.as_of < 0:
        where &= Filter.by_property("live").equal(True)
    else:
        where &= Filter.by_property("valid_from").less_or_equal(request.as_of)
    for pair in metadata_values(request.filters):
        where &= Filter.by_property("metadata").contains_any([pair])
    return where


async def _by_words(chunks: Any, words: Sequence[str], where: Any, limit: int) -> Any:
    if not words:
        return []
    answer = await chunks.query.bm25(
        query=" ".join(words),
        query_properties=["terms"],
        limit=limit,
        filters=where,
        include_vector=True,
        return_metadata=MetadataQuery(score=True),
        return_properties=SEARCHED,
    )
    return answer.objects


async def _by_vector(chunks: Any, vector: bytes, where: Any, limit: int) -> Any:
    if not vector:
        return []
    answer = await chunks.query.near_vector(
        near_vector=np.frombuffer(vector, "<f4").tolist(),
        limit=limit,
        filters=where,
        return_metadata=MetadataQuery(distance=True),
        return_properties=SEARCHED,
    )
    return answer.objects
