"""moderate (under construction)."""

from collections.abc import AsyncIterator

from agents.effects import Effects
from schemas import AnswerReleased, AnswerRetracted, TokensGenerated, TokensReleased


async def moderate(
    event: TokensGenerated, fx: Effects
) -> AsyncIterator[TokensReleased | AnswerReleased | AnswerRetracted]:
    raise NotImplementedError
    yield
