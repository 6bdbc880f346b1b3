"""retrieve (under construction)."""

from collections.abc import AsyncIterator

from agents.effects import Effects
from schemas import ChunksRetrieved, QueryRewritten


async def retrieve(event: QueryRewritten, fx: Effects) -> AsyncIterator[ChunksRetrieved]:
    raise NotImplementedError
    yield
