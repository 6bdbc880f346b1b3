"""The connector: which request of a step is answered by what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.weaviate.reading import Reader
from connectors.weaviate.writing import Writer
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


class Weaviate(Writer, Reader):
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
