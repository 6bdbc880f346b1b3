"""Search, rerank and fetch chunks; `visibility.py` says who is shown which.

Why it is so: the index can't apply the rule of visibility itself. So a search asks for candidates,
then reads their documents; what the chunks say about groups, metadata and being live only narrows
the search, and may lag behind.

A version that becomes visible between those two reads would be shown beside the one that it
replaced, which the chunks still told to be open. Whoever switches a version gives the tenant's
documents another revision after closing what the version retires, and before the switch. So a
search that finds the revision of its beginning has read both from one side of each switch. One that
does not reads once more whether what it shows was closed, and where it was, searches again.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import grpc  # type: ignore[import-untyped]  # it ships no types
import numpy as np

from agents.errors import Transient
from connectors.bounded_cache import BoundedCache
from connectors.token_vectors import max_sim
from connectors.weaviate.analysis import query_terms
from connectors.weaviate.batches import by_uuid, listed, pages
from connectors.weaviate.conditions import (
    Condition,
    any_text,
    at_most,
    equal,
    every,
)
from connectors.weaviate.connecting import new_client
from connectors.weaviate.descriptions import described
from connectors.weaviate.failures import no_such_tenant, translated
from connectors.weaviate.fusion import DECIMALS, fuse
from connectors.weaviate.generations import Index, NewClient
from connectors.weaviate.kept_finds import FoundChunk, KeptFinds
from connectors.weaviate.kept_searches import KeptSearch, KeptSearches, read_revision
from connectors.weaviate.objects import (
    EVERYONE,
    group_value,
    metadata_values,
    passage_of,
    unpacked,
    vectors_uuid,
)
from connectors.weaviate.schema import chunks_name
from connectors.weaviate.tenant_objects import ReadObject, TenantObjects
from connectors.weaviate.visibility import DocumentHistory, ReaderSight, read_histories
from schemas import Candidate, DescribedDocument, Fetch, Fetched, Found, Rerank, Reranked, Search
from streams.running.cache_mark import mark_cached
from streams.running.world import Call
from streams.settings import Settings

SURPLUS = 1.25  # candidates asked per candidate wanted: some belong to versions not yet published
SEARCHED = ("chunk", "document", "version_from", "version_to")  # what is read of a candidate
FETCHED = (
    "chunk", "document", "number", "title", "uri", "text", "tokens", "entries", "version_from",
    "version_to",
)  # fmt: skip
WANTED_MAX = 10_000  # of one list: Weaviate gives no more
OVERTAKEN_MAX = 8  # searches in turn, each of which a version of one of its documents overtook
ROUNDS_MAX = 4  # each asks for four times as many, where invisible chunks crowd out visible ones


class _Shown(NamedTuple):
    """What a search shows."""

    candidates: tuple[Candidate, ...]
    chunks: dict[str, FoundChunk]
    """Where each of them lies."""
    head: int
    """How far the lane has come."""
    documents: tuple[DescribedDocument, ...] = ()
    """Those of the candidates, where they are to be described."""


class ChunkSearch(Index):
    """Answers the requests that read the index; raises Transient or Permanent."""

    def __init__(
        self, settings: Settings, generation: int | None = None, client: NewClient = new_client
    ) -> None:
        super().__init__(settings, generation, client)
        self.then_alone = False
        """Whether searches as of a position go by who could read then, alone: an auditor's do."""
        self._kept = KeptFinds(time.monotonic)
        cache_bytes = settings.cache_mb * 1_000_000 // 2
        self._searches = KeptSearches(BoundedCache("searches", cache_bytes, settings.cache_s))

    def forget_tenant(self, tenant: str) -> None:
        """Drop what is kept of a tenant's searches; what a run found just now expires by itself."""
        self._searches.forget_tenant(tenant)

    @translated
    async def search(self, request: Search, call: Call) -> Found:
        """Find candidates by words and by vector, or return what the same search found before.

        `visibility.py` says who is shown what, `kept_searches.py` until when it is the same.
        """
        number = await self.number()
        documents = await self.documents_of(call.tenant)
        revision = self._searches.known_revision(request, call, number)
        for _ in range(OVERTAKEN_MAX):
            if revision is None:
                revision = await read_revision(documents, call.tenant)
            key = self._searches.key_of(request, call, number, revision)
            if key is not None and (kept := self._searches.of(key, call.tenant)) is not None:
                mark_cached(asked=True)  # for the revision
                self._kept.keep(call, number, request.as_of, kept.chunks)
                return kept.found
            made = await self._search(request, call, chunks_name(number))
            after = await read_revision(documents, call.tenant)
            same = after if after == revision else None
            self._searches.learn_revision(call.tenant, number, same)
            if after == revision or await self._stands(made, call.tenant):
                self._kept.keep(call, number, request.as_of, made.chunks)
                if key is not None:
                    self._searches.keep(key, call.tenant, made)
                return made.found
            revision = None
        raise Transient("new versions of the documents that were found overtook a search each time")

    async def _stands(self, made: KeptSearch, tenant: str) -> bool:
        """Say whether what a search shows is still there, and open to the version shown."""
        shown = {one.uuid: one.version for one in made.chunks.values()}
        read = await by_uuid(await self.chunks_of(tenant), shown, ("version_to",))
        closed = {item.uuid: item.properties["version_to"] for item in read}
        return shown.keys() <= closed.keys() and all(
            not closed[uuid] or version < closed[uuid] for uuid, version in shown.items()
        )

    async def _search(self, request: Search, call: Call, name: str) -> KeptSearch:
        """Ask for ever more candidates until enough of them are visible."""
        wanted = int(request.limit * SURPLUS)
        for _ in range(ROUNDS_MAX):
            try:
                lexical, dense = await self._ranked(request, call.tenant, wanted)
            except grpc.RpcError as error:
                if no_such_tenant(error):
                    nothing = Found(candidates=(), index=name, position=max(request.as_of, 0))
                    return KeptSearch(nothing, {})
                raise
            shown = await self._shown(request, call, lexical, dense)
            exhausted = len(lexical) < wanted and len(dense) < wanted
            if len(shown.candidates) >= request.limit or exhausted or wanted >= WANTED_MAX:
                break
            wanted = min(wanted * 4, WANTED_MAX)
        position = shown.head if request.as_of < 0 else request.as_of
        found = Found(
            candidates=shown.candidates,
            index=name,
            position=position,
            documents=shown.documents,
        )
        return KeptSearch(found, shown.chunks)

    async def _shown(
        self,
        request: Search,
        call: Call,
        lexical: Sequence[ReadObject],
        dense: Sequence[ReadObject],
    ) -> _Shown:
        """Fuse what was found, and leave out what is invisible.

        Mostly nothing is. So at first only the documents of the best are asked for, and the others
        where one of those shows that there is something to leave out.
        """
        vector = np.frombuffer(request.vector, "<f4")
        best = fuse(lexical, dense, vector, request.limit)
        documents = {one.document for one in best}
        histories, head = await self._histories(call, documents)
        asked = [item for item in (*lexical, *dense) if item.properties["document"] in documents]
        if not all(map(self._sight(histories, request).shows, asked)):
            others = {item.properties["document"] for item in (*lexical, *dense)} - documents
            histories |= (await self._histories(call, others))[0]
            sight = self._sight(histories, request)
            lexical = [item for item in lexical if sight.shows(item)]
            dense = [item for item in dense if sight.shows(item)]
            best = fuse(lexical, dense, vector, request.limit)
        objects = {item.properties["chunk"]: item.uuid for item in (*lexical, *dense)}
        chunks = {
            one.chunk: FoundChunk(
                objects[one.chunk], histories[one.document].current(request.as_of)
            )
            for one in best
        }
        told = (
            described(best, histories, (*lexical, *dense), request.as_of)
            if request.described
            else ()
        )
        return _Shown(tuple(best), chunks, head, told)

    def _sight(self, histories: Mapping[str, DocumentHistory], request: Search) -> ReaderSight:
        return ReaderSight(histories, request, then_alone=self.then_alone)

    async def _histories(
        self, call: Call, documents: Iterable[str]
    ) -> tuple[dict[str, DocumentHistory], int]:
        return await read_histories(
            await self.documents_of(call.tenant), call.tenant, documents, call.lane
        )

    async def _ranked(
        self, request: Search, tenant: str, limit: int
    ) -> tuple[list[ReadObject], list[ReadObject]]:
        """Ask for the best by words and the best by vector."""
        chunks = await self.chunks_of(tenant)
        words = [*query_terms(request.text), *request.entities]
        where = _narrowing(request)
        read = (*SEARCHED, "uri") if request.described else SEARCHED
        return await asyncio.gather(
            _by_words(chunks, words, where, limit, read),
            _by_vector(chunks, request.vector, where, limit, read),
        )

    @translated
    async def rerank(self, request: Rerank, call: Call) -> Reranked:
        """Score chunks by late interaction, and tell how similar they are to each other.

        A chunk that this model did not embed scores -1 and is similar to none.
        """
        ids = [vectors_uuid(call.tenant, chunk, request.model) for chunk in request.chunks]
        properties = {
            item.uuid: item.properties
            for item in await by_uuid(
                await self.vectors_of(call.tenant), ids, ("dense", "token_vectors")
            )
        }
        held = [properties.get(identity, {}) for identity in ids]
        # some milliseconds of unpacking and arithmetic, in which the worker's other streams go on
        return await asyncio.to_thread(_reranked, request.query, held)

    @translated
    async def fetch(self, request: Fetch, call: Call) -> Fetched:
        """Read chunks that are visible; those of a search just before by what that search saw."""
        as_of = request.as_of
        found = self._kept.of(call, await self.number(), as_of, request.chunks)
        if found is not None:
            return await self._fetched(request, call.tenant, found)
        items = await self._newest(call.tenant, request.chunks, FETCHED)
        documents = {item.properties["document"] for some in items.values() for item in some}
        histories, _ = await self._histories(call, documents)
        passages = []
        for chunk in request.chunks:
            for item in items.get(chunk, ()):
                values = item.properties
                history = histories.get(values["document"])
                if history is not None and history.shows(
                    values["version_from"], values["version_to"], as_of
                ):
                    passages.append(passage_of(values, history.current(as_of)))
                    break
        return Fetched(passages=tuple(passages))

    async def _fetched(
        self, request: Fetch, tenant: str, found: Mapping[str, FoundChunk]
    ) -> Fetched:
        """Read chunks by where they lie."""
        ids = [one.uuid for one in found.values()]
        objects = await by_uuid(await self.chunks_of(tenant), ids, FETCHED)
        by_chunk = {item.properties["chunk"]: item.properties for item in objects}
        return Fetched(
            passages=tuple(
                passage_of(by_chunk[chunk], found[chunk].version)
                for chunk in request.chunks
                if chunk in by_chunk
            )
        )

    async def _newest(
        self,
        tenant: str,
        names: Sequence[str],
        properties: Sequence[str],
    ) -> dict[str, list[ReadObject]]:
        """Read the objects of each chunk, that of the newest version first."""
        chunks = await self.chunks_of(tenant)
        by_chunk: defaultdict[str, list[ReadObject]] = defaultdict(list)
        for some in pages(sorted(set(names))):
            try:
                items = await listed(chunks, any_text("chunk", some), properties)
            except grpc.RpcError as error:
                if no_such_tenant(error):
                    return {}
                raise
            for item in items:
                by_chunk[item.properties["chunk"]].append(item)
        for objects in by_chunk.values():
            objects.sort(key=lambda item: -item.properties["version_from"])
        return by_chunk


def _reranked(query: bytes, held: Sequence[Mapping[str, str]]) -> Reranked:
    """Score chunks by their vectors as `objects.vectors_properties` packs them."""
    packed = [unpacked(values.get("token_vectors")) for values in held]
    rows = [np.frombuffer(unpacked(values.get("dense")), "<f4") for values in held]
    vectors = np.zeros((len(held), max((len(row) for row in rows), default=0)), np.float32)
    for number, row in enumerate(rows):
        vectors[number, : len(row)] = row
    similar = np.round(vectors @ vectors.T, DECIMALS).astype("<f4")
    scores = tuple(round(score, DECIMALS) for score in max_sim(query, packed))
    return Reranked(scores=scores, similarities=similar.tobytes())


def _narrowing(request: Search) -> Condition:
    """Make the condition that leaves out most of what `visibility.py` would."""
    if request.as_of >= 0:  # what a chunk says of readers and metadata is what came later
        return every([at_most("valid_from", request.as_of)])
    readers = [EVERYONE, *(group_value(name) for name in sorted(set(request.groups)))]
    now = equal("live", True)
    wanted = (any_text("metadata", [pair]) for pair in metadata_values(request.filters))
    return every([any_text("groups", readers), now, *wanted])


async def _by_words(
    chunks: TenantObjects, words: Sequence[str], where: Condition, limit: int, read: Sequence[str]
) -> list[ReadObject]:
    return await chunks.by_words(words, where, read, limit) if words else []


async def _by_vector(
    chunks: TenantObjects, vector: bytes, where: Condition, limit: int, read: Sequence[str]
) -> list[ReadObject]:
    return await chunks.by_vector(vector, where, read, limit) if vector else []
