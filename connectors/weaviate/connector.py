"""The connector: which request of a step is answered by what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.weaviate.search import ChunkSearch
from connectors.weaviate.versions import VersionWriter
from schemas import (
    Fetch,
    IndexChunks,
    PublishVersion,
    Request,
    Rerank,
    Search,
    StreamRequest,
    WithdrawVersions,
)
from streams.running.world import Handler, StreamHandler


class Weaviate(VersionWriter, ChunkSearch):
    """Answers index requests. Connects at the first one, and creates the collections if need be."""

    service = "Weaviate"

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Return who answers which request."""
        return {
            IndexChunks: self.index,
            PublishVersion: self.publish,
            WithdrawVersions: self.withdraw,
            Search: self.search,
            Rerank: self.rerank,
            Fetch: self.fetch,
        }

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Return nothing: the index streams no answers."""
        return {}
