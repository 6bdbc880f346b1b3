"""rewrite (under construction)."""

from collections.abc import AsyncIterator

from agents.effects import Effects
from schemas import QueryRewritten, QuestionRedacted


async def rewrite(event: QuestionRedacted, fx: Effects) -> AsyncIterator[QueryRewritten]:
    raise NotImplementedError
    yield
