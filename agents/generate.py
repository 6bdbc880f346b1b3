"""Generate: answer a question from the passages, token by token, or say that they don't hold it.

Whether there is an answer at all was decided before, by relevance: a small model rarely says that
it doesn't know. What it says is checked as it arrives. A number or a name that neither passages nor
question hold ends the generation, and the sentence of the passages that is nearest to the question
takes its place. The same sentence answers when no model does for a while, when one breaks off, or
when too little time is left.

Why it is so: a reader waits for the first token above all, so tokens leave as they come and an
answer that goes wrong is begun anew (`restart`), since part of it may be on the screen by then.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing

from agents.asked import hold_to_bounds
from agents.composer import Composer, GenerationPolicy, answer_of, hold_to_schema, policy_of
from agents.effects import Effects
from agents.writer import AnswerWriter
from schemas import AnswerFinishReason, ChunksRetrieved, TokensGenerated


async def generate(event: ChunksRetrieved, fx: Effects) -> AsyncIterator[TokensGenerated]:
    """Answer one question. A model that stays away is no error here: a sentence is quoted instead.

    Raises Transient for a moment before that, and Permanent where the configuration can't be used
    or the question asks for more than it allows.
    """
    policy = policy_of(fx.configuration)
    fixed = _fixed(event, policy)
    if fixed is not None:
        text, reason = fixed
        hold_to_schema(event, fx, reason)
        answer = answer_of(event, text, reason)
        yield AnswerWriter(event, event.entries).batch(text, answer=answer)
        return
    hold_to_bounds(event.ask, policy.asked_max)
    async with aclosing(Composer(event, policy).run(fx)) as records:
        async for record in records:
            yield record


def _fixed(
    event: ChunksRetrieved, policy: GenerationPolicy
) -> tuple[str, AnswerFinishReason] | None:
    """Return text and finish reason where no passage has to be read, None where some must be."""
    if event.outcome == "refused":
        return event.reason or policy.said("refused", event.language), "refused"
    if event.outcome == "small_talk":
        return policy.small_talk_reply(event.reason, event.language), "small_talk"
    if event.ask.mode == "search":
        return "", "search"
    if event.outcome == "empty" or not event.passages:
        return policy.said("not_found", event.language), "not_found"
    return None
