"""redact (under construction)."""

from collections.abc import AsyncIterator

from agents.effects import Effects
from schemas import ChunksCut, ChunksRedacted, QuestionAsked, QuestionRedacted


async def redact(
    event: ChunksCut | QuestionAsked, fx: Effects
) -> AsyncIterator[ChunksRedacted | QuestionRedacted]:
    raise NotImplementedError
    yield
