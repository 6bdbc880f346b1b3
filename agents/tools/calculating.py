"""Calculating: answer a question that is arithmetic, without a model and without a passage."""

from __future__ import annotations

from agents.answering.generation_policy import answer_of
from agents.answering.tongues import language_of
from agents.effects import Effects
from agents.errors import Permanent, Transient
from agents.tools.plain_arithmetic import PlainArithmetic, plain_arithmetic
from agents.tools.tool_policy import ToolPolicy
from schemas import Answer, Calculate, Calculated, ChunksRetrieved, ToolUse

CALCULATOR = "calculator"


def arithmetic_of(event: ChunksRetrieved, policy: ToolPolicy | None) -> PlainArithmetic | None:
    """Read a question that the calculator answers alone; None where it does not."""
    if policy is None or CALCULATOR not in policy.tenant(event.meta.tenant).use:
        return None
    if event.ask.response_schema or event.exchanges:
        return None
    return plain_arithmetic(event.question, event.language or language_of(event.question))


async def calculation(
    event: ChunksRetrieved, asked: PlainArithmetic, policy: ToolPolicy, fx: Effects
) -> Answer | None:
    """Have it worked out, and say the value; None where nobody could work it out."""
    try:
        told = await fx(Calculate(expression=asked.expression))
    except (Transient, Permanent):
        return None
    if told.error == "syntax":
        return None
    said = "exact" if told.exact else "about"
    text = policy.sentence(
        told.error or said,
        event.language or language_of(event.question),
        expression=asked.said[:1].upper() + asked.said[1:],
        value=asked.style.written(told.value),
    )
    return answer_of(event, text, "calculated", tools=(used(asked.expression, told),))


def used(expression: str, told: Calculated) -> ToolUse:
    """Tell of a use of the calculator."""
    return ToolUse(
        name=CALCULATOR,
        arguments=expression,
        outcome="failed" if told.error else "answered",
        result=told.error or (told.value if told.exact else f"about {told.value}"),
    )
