"""generate (under construction)."""

from collections.abc import AsyncIterator

from agents.effects import Effects
from schemas import ChunksRetrieved, TokensGenerated


async def generate(event: ChunksRetrieved, fx: Effects) -> AsyncIterator[TokensGenerated]:
    raise NotImplementedError
    yield
