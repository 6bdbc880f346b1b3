"""embed (under construction)."""

from collections.abc import AsyncIterator

from agents.effects import Effects
from schemas import ChunksEmbedded, ChunksRedacted


async def embed(event: ChunksRedacted, fx: Effects) -> AsyncIterator[ChunksEmbedded]:
    raise NotImplementedError
    yield
