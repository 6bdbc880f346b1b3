"""ingest (under construction)."""

from collections.abc import AsyncIterator

from agents.effects import Effects
from schemas import ChunksCut, DocumentSubmitted, DocumentWithdrawn


async def ingest(
    event: DocumentSubmitted | DocumentWithdrawn, fx: Effects
) -> AsyncIterator[ChunksCut]:
    raise NotImplementedError
    yield
