"""The index in memory: what connectors/weaviate answers, for as many chunks as a process holds.

Chunks have the terms that connectors/weaviate/analysis.py gives them, words are weighed by BM25
with the index's own constants, and rankings are fused and scored again by the connector's own
functions. Vectors are compared with all chunks, where Weaviate's graph looks at some. A document
has one version, which everybody may read.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.synthetic.answers import passage_of
from connectors.token_vectors import max_sim
from connectors.weaviate.analysis import query_terms, terms
from connectors.weaviate.fusion import DECIMALS, fuse
from connectors.weaviate.schema import BM25_B, BM25_K1
from connectors.weaviate.search import SURPLUS
from connectors.weaviate.tenant_objects import ReadObject
from schemas import (
    EmbeddedChunk,
    Fetch,
    FetchAdjacent,
    Fetched,
    Found,
    IndexChunks,
    IndexWritten,
    Passage,
    PublishVersion,
    Record,
    Request,
    Rerank,
    Reranked,
    Search,
    StreamRequest,
)
from streams.running.world import Call, Handler, StreamHandler


@dataclass(frozen=True)
class IndexedChunk:
    """A chunk as it can be found."""

    passage: Passage
    terms: Counter[str]
    vector: bytes
    token_vectors: bytes

    @property
    def length(self) -> int:
        """Terms of it."""
        return self.terms.total()

    def read(self, score: float = 0.0, distance: float = 0.0) -> ReadObject:
        """Spell it as the connector reads it."""
        properties = {"chunk": self.passage.chunk, "document": self.passage.document}
        return ReadObject(self.passage.chunk, properties, score, distance, self.vector)


@dataclass
class _Shelf:
    """What a tenant has."""

    chunks: dict[str, IndexedChunk] = field(default_factory=dict)
    orders: dict[str, Sequence[str]] = field(default_factory=dict)
    """Document -> its chunks, as they stand in it."""


def by_words(chunks: Sequence[IndexedChunk], words: Sequence[str], limit: int) -> list[ReadObject]:
    """Rank chunks by BM25, ties in their order; those that share no word are left out."""
    if not chunks:
        return []
    mean = sum(chunk.length for chunk in chunks) / len(chunks) or 1.0
    scores: defaultdict[int, float] = defaultdict(float)
    for word in dict.fromkeys(words):
        holders = [number for number, chunk in enumerate(chunks) if chunk.terms[word]]
        rarity = math.log(1 + (len(chunks) - len(holders) + 0.5) / (len(holders) + 0.5))
        for number in holders:
            count = chunks[number].terms[word]
            norm = BM25_K1 * (1 - BM25_B + BM25_B * chunks[number].length / mean)
            scores[number] += rarity * count * (BM25_K1 + 1) / (count + norm)
    best = sorted(scores, key=lambda number: (-scores[number], number))[:limit]
    return [chunks[number].read(score=scores[number]) for number in best]


def by_vector(chunks: Sequence[IndexedChunk], vector: bytes, limit: int) -> list[ReadObject]:
    """Rank chunks by their cosine with a vector, ties in their order."""
    if not vector or not chunks:
        return []
    rows = np.stack([np.frombuffer(chunk.vector, "<f4") for chunk in chunks])
    distances = (1.0 - rows @ np.frombuffer(vector, "<f4")).tolist()
    best = sorted(range(len(chunks)), key=lambda number: (distances[number], number))[:limit]
    return [chunks[number].read(distance=distances[number]) for number in best]


class MemoryIndex:
    """Answers the requests that read and write the index."""

    def __init__(self) -> None:
        self._shelves: defaultdict[str, _Shelf] = defaultdict(_Shelf)

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer all but withdrawals, of which there are none."""
        return {
            IndexChunks: self._index,
            PublishVersion: self._publish,
            Search: self._search,
            Rerank: self._rerank,
            Fetch: self._fetch,
            FetchAdjacent: self._fetch_adjacent,
        }

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer nothing in parts."""
        return {}

    async def close(self) -> None:
        """Hold nothing open."""

    def passages(self, tenant: str) -> list[Passage]:
        """List everything that a tenant's questions can find."""
        return [chunk.passage for chunk in self._shelves[tenant].chunks.values()]

    async def _index(self, request: IndexChunks, call: Call) -> Record:
        for chunk in request.chunks:
            self._shelves[call.tenant].chunks[chunk.id] = _indexed(request, chunk)
        return IndexWritten(count=len(request.chunks), position=call.offset)

    async def _publish(self, request: PublishVersion, call: Call) -> Record:
        self._shelves[call.tenant].orders[request.document.document] = request.chunks
        return IndexWritten(count=0, position=call.offset)

    async def _search(self, request: Search, call: Call) -> Record:
        chunks = list(self._shelves[call.tenant].chunks.values())
        wanted = int(request.limit * SURPLUS)
        lexical = by_words(chunks, [*query_terms(request.text), *request.entities], wanted)
        dense = by_vector(chunks, request.vector, wanted)
        vector = np.frombuffer(request.vector, "<f4")
        candidates = tuple(fuse(lexical, dense, vector, request.limit))
        return Found(candidates=candidates, index="memory", position=0)

    async def _rerank(self, request: Rerank, call: Call) -> Record:
        held = [self._shelves[call.tenant].chunks[chunk] for chunk in request.chunks]
        vectors = np.stack([np.frombuffer(chunk.vector, "<f4") for chunk in held])
        similar = np.round(vectors @ vectors.T, DECIMALS).astype("<f4")
        scores = max_sim(request.query, [chunk.token_vectors for chunk in held])
        return Reranked(
            scores=tuple(round(score, DECIMALS) for score in scores),
            similarities=similar.tobytes(),
        )

    async def _fetch(self, request: Fetch, call: Call) -> Record:
        held = self._shelves[call.tenant].chunks
        return Fetched(passages=tuple(held[chunk].passage for chunk in request.chunks))

    async def _fetch_adjacent(self, request: FetchAdjacent, call: Call) -> Record:
        shelf = self._shelves[call.tenant]
        wanted: dict[str, None] = {}
        for chunk in request.chunks:
            order = shelf.orders[shelf.chunks[chunk].passage.document]
            place = order.index(chunk)
            beside = (*order[max(0, place - 1) : place], *order[place + 1 : place + 2])
            wanted |= dict.fromkeys(one for one in beside if one not in request.chunks)
        return Fetched(passages=tuple(shelf.chunks[chunk].passage for chunk in wanted))


def _indexed(request: IndexChunks, chunk: EmbeddedChunk) -> IndexedChunk:
    digests = sorted({entry.digest for entry in chunk.entries})
    said = Counter([*terms(chunk.text), *digests])
    return IndexedChunk(passage_of(request, chunk), said, chunk.vector, chunk.token_vectors)
