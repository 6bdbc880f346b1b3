"""Chunks beside others: what stands right before and after a passage that was found.

Which chunks those are is said by the order of the version that is visible to whoever asks, which
was written before the version was. A chunk that later versions kept has neighbours of each of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from connectors.weaviate.batches import by_uuid
from connectors.weaviate.failures import translated
from connectors.weaviate.objects import order_uuid
from connectors.weaviate.search import ChunkSearch
from schemas import Fetch, FetchAdjacent, Fetched, Passage
from streams.running.world import Call


class AdjacentChunks(ChunkSearch):
    """Answers the request for what stands beside chunks; raises Transient or Permanent."""

    @translated
    async def fetch_adjacent(self, request: FetchAdjacent, call: Call) -> Fetched:
        """Read the chunks beside some, of the same version of their documents; each once.

        None of those that were asked for is among them. Of a version whose order nobody wrote,
        nothing is found.
        """
        asked = await self.fetch(Fetch(chunks=request.chunks, as_of=request.as_of), call)
        orders = await self._orders(asked.passages, call)
        wanted = tuple(dict.fromkeys(_beside(asked.passages, orders, frozenset(request.chunks))))
        if not wanted:
            return Fetched(passages=())
        found = await self.fetch(Fetch(chunks=wanted, as_of=request.as_of), call)
        versions = {(passage.document, passage.version) for passage in asked.passages}
        # a version that became visible in between has an order of its own
        return Fetched(
            passages=tuple(
                passage
                for passage in found.passages
                if (passage.document, passage.version) in versions
            )
        )

    async def _orders(
        self, passages: Iterable[Passage], call: Call
    ) -> dict[str, Mapping[str, Sequence[str]]]:
        """Read, by document, what stands before and after each of its chunks."""
        documents = {
            order_uuid(call.tenant, passage.document, passage.version): passage.document
            for passage in passages
        }
        read = await by_uuid(await self.documents_of(call.tenant), documents, ("chunks",))
        return {documents[item.uuid]: _around(item.properties["chunks"]) for item in read}


def _around(chunks: Sequence[str]) -> Mapping[str, Sequence[str]]:
    around: defaultdict[str, list[str]] = defaultdict(list)
    for before, after in pairwise(chunks):
        around[before].append(after)
        around[after].append(before)
    return around


def _beside(
    passages: Iterable[Passage],
    orders: Mapping[str, Mapping[str, Sequence[str]]],
    asked: frozenset[str],
) -> Iterable[str]:
    for passage in passages:
        beside = orders.get(passage.document, {}).get(passage.chunk, ())
        yield from (chunk for chunk in beside if chunk not in asked)
