"""The connector: which request of a step is answered by what, and whose turn it is.

A search costs the worker more than the index: a hundred candidates are unpacked on the event loop.
So a tenant's crowd of questions takes turns with others here, and documents come last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.weaviate.adjacency import AdjacentChunks
from connectors.weaviate.connecting import new_client
from connectors.weaviate.failures import translated
from connectors.weaviate.generations import NewClient, pinned
from connectors.weaviate.removal import DocumentRemoval
from schemas import (
    Fetch,
    FetchAdjacent,
    IndexChunks,
    PublishVersion,
    Record,
    Request,
    Rerank,
    Search,
    StreamRequest,
    WithdrawVersions,
)
from streams.running.fair_queue import FairQueue
from streams.running.world import Call, Handler, StreamHandler
from streams.settings import Settings

AT_ONCE = 8  # requests under way
RESERVED = 4  # of them, for tenants that ask one question at a time


class Weaviate(DocumentRemoval, AdjacentChunks):
    """Answers index requests. Connects at the first one, and creates the collections if need be."""

    service = "Weaviate"

    def __init__(
        self, settings: Settings, generation: int | None = None, client: NewClient = new_client
    ) -> None:
        super().__init__(settings, generation, client)
        self._queue = FairQueue(AT_ONCE, RESERVED)

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Return who answers which request."""
        return {
            IndexChunks: self._writing(self.index),
            PublishVersion: self._writing(self.publish),
            WithdrawVersions: self._writing(self.withdraw),
            Search: self._reading(self.search),
            Rerank: self._reading(self.rerank),
            Fetch: self._reading(self.fetch),
            FetchAdjacent: self._reading(self.fetch_adjacent),
        }

    def _writing(self, handler: Handler) -> Handler:
        """Write to one generation from the beginning to the end, and not while writes are held.

        Who waits for that keeps no search from its turn.
        """
        in_turn, writable = self._in_turn(handler), translated(self.writable)

        async def answer(request: Any, call: Call) -> Record:
            with pinned(await writable()):
                return await in_turn(request, call)

        return answer

    def _reading(self, handler: Handler) -> Handler:
        """Read the generation that the request names, or the one in force, to the end."""
        numbered = translated(self.number)

        async def read(request: Any, call: Call) -> Record:
            with pinned(request.generation):
                number = await numbered()
            with pinned(number):
                return await handler(request, call)

        return self._in_turn(read)

    def _in_turn(self, handler: Handler) -> Handler:
        async def answer(request: Any, call: Call) -> Record:
            async with self._queue.turn(call):
                return await handler(request, call)

        return answer

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Return nothing: the index streams no answers."""
        return {}
