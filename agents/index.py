"""index (under construction)."""

from collections.abc import AsyncIterator

from agents.effects import Effects
from schemas import ChunksEmbedded, ChunksIndexed


async def index(event: ChunksEmbedded, fx: Effects) -> AsyncIterator[ChunksIndexed]:
    raise NotImplementedError
    yield
