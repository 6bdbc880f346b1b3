"""Generate: answer a question from the passages, token by token, or say that they don't hold it.

Whether there is an answer at all was decided before, by relevance: a small model rarely says that
it doesn't know. The answer is put together out of statements of the passages (agents/answering). A
model may say it in its own words, as far as it is trusted: each of its sentences is checked before
it is shown, and where none stands, or no model answers in time, the statements are quoted.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from msgspec.structs import replace

from agents.answering.abstaining import nothing_found
from agents.answering.generation_policy import GenerationPolicy, answer_of, policy_of
from agents.asked import hold_to_bounds
from agents.before.spoken_answers import SpokenAnswer
from agents.changes import CLOSER_ANSWERS, COMPOSED, NEARER_ANSWERS, WHOLE_NUMBERS
from agents.composer import Composer, hold_to_schema
from agents.effects import Effects
from agents.routing import routes_of
from agents.tools.calculating import arithmetic_of, calculation
from agents.tools.tool_policy import ToolPolicy, tool_policy_of
from agents.tools.tool_turns import Gathered, ToolTurns
from agents.tools.toolbox import Toolbox
from agents.writer import AnswerWriter
from schemas import AnswerFinishReason, ChunksRetrieved, TokensGenerated


async def generate(event: ChunksRetrieved, fx: Effects) -> AsyncIterator[TokensGenerated]:
    """Answer one question. A model that stays away is no error here: passages are quoted instead.

    Raises Transient for a moment before that, and Permanent where the configuration can't be used
    or the question asks for more than it allows.
    """
    policy = policy_of(fx.configuration)
    if policy.experiment:  # before experiments had names, the arm was drawn for answers alone
        policy = policy.for_request(event.meta.request)
    if fx.cancelled and is_open(event):
        answer = answer_of(event, "", "cancelled", arm=policy.arm, experiment=policy.experiment)
        yield AnswerWriter(event, event.entries).batch("", answer=answer)
        return
    composed = fx.has(COMPOSED)
    tools = tool_policy_of(policy.tools)
    asked = arithmetic_of(event, tools) if is_open(event) else None
    if tools and asked and (worked_out := await calculation(event, asked, tools, fx)):
        yield AnswerWriter(event, event.entries).batch(worked_out.text, answer=worked_out)
        return
    box = Toolbox(event, tools, routes_of(policy.routes)) if tools and is_open(event) else None
    fixed = None if box and box.is_wanted else _fixed(event, policy)
    if fixed is not None:
        text, reason = fixed
        hold_to_schema(event, fx, reason)
        if composed and reason == "not_found":
            text = nothing_found(event.question, policy, event.language)
        answer = answer_of(event, text, reason, arm=policy.arm, experiment=policy.experiment)
        yield AnswerWriter(event, event.entries).batch(text, answer=answer)
        return
    hold_to_bounds(event.ask, policy.asked_max)
    answering = (
        _with_tools(event, policy.for_request(event.meta.request), tools, box, fx)
        if tools and box and box.is_wanted
        else _composed(event, policy, fx, anew=composed)
    )
    async with aclosing(answering) as records:
        async for record in records:
            yield record


async def _with_tools(
    event: ChunksRetrieved,
    policy: GenerationPolicy,
    tools: ToolPolicy,
    box: Toolbox,
    fx: Effects,
) -> AsyncGenerator[TokensGenerated, None]:
    """Have a model ask for what is missing, and compose the answer of all that there is then."""
    asking = _composer(event, policy, fx)
    turns = ToolTurns(event, policy, tools, box, asking.router)
    gathered = await turns.run(fx, asking.prompt)
    event = replace(event, passages=(*event.passages, *gathered.passages))
    composer = _composer(event, policy, fx, gathered)
    if gathered.calls or gathered.ended or gathered.reply:
        composer.router = asking.router  # who was chosen then is who answers
    if gathered.calls or gathered.ended or gathered.cancelled:
        yield composer.without_answer()
        return
    async with aclosing(composer.run(fx)) as records:
        async for record in records:
            yield record


def is_open(event: ChunksRetrieved) -> bool:
    """Tell whether an answer is still to be found: the question was neither refused nor chat."""
    return event.outcome in ("retrieved", "empty") and event.ask.mode != "search"


def _composed(
    event: ChunksRetrieved, policy: GenerationPolicy, fx: Effects, *, anew: bool
) -> AsyncGenerator[TokensGenerated, None]:
    if not anew:
        return SpokenAnswer(event, policy).run(fx)
    return _composer(event, policy.for_request(event.meta.request), fx).run(fx)


def _composer(
    event: ChunksRetrieved, policy: GenerationPolicy, fx: Effects, gathered: Gathered | None = None
) -> Composer:
    """Return what composes an answer as the code of its record does."""
    return Composer(
        event,
        policy,
        gathered,
        closer=fx.has(CLOSER_ANSWERS),
        nearer=fx.has(NEARER_ANSWERS),
        whole_numbers=fx.has(WHOLE_NUMBERS),
    )


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
