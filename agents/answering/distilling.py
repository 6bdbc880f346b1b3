"""Distilling: a small model says which statements a larger one needs, by their numbers.

It is asked for numbers and nothing else, so no word of its own can come into a prompt: what it
keeps are statements of the passages as they stand there. The statement that is nearest to the
question is kept whatever it says. Where it is away, late, or names nothing that there is, the
statements are selected as without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from agents.answering.excerpts import Excerpt
from agents.answering.nearness import Nearness
from agents.errors import Permanent
from agents.json_texts import levels
from agents.prompting import inside, neutral
from agents.routing.routes import RouteTerm
from schemas.prepared_types import prepared

LEVELS_MAX = 8  # of JSON that is read; the schema has two
TOKENS_A_NUMBER = 4
TOKENS_BESIDE = 16
ASK = (
    "Statements:\n{statements}\n\nQuestion: {question}\n"
    "Which statements are needed to answer the question? Answer in JSON with their numbers.\n"
)


class Distilling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How statements are chosen by a model: `distilling` in the configuration of generate."""

    route: RouteTerm
    """Name of the route whose model is asked; a contract that forbids it holds here too."""
    candidates_max: Annotated[int, msgspec.Meta(ge=2, le=64)] = 12
    """Statements that it chooses from, the nearest ones."""
    reserve_ms: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 3_000
    """With less time left until the deadline it is not asked."""


prepared(Distilling)


def distilling_of(configured: Mapping[str, Any] | None) -> Distilling | None:
    """Read the configuration; None where statements are selected. Raises Permanent."""
    if configured is None:
        return None
    try:
        return msgspec.convert(configured, Distilling)
    except msgspec.ValidationError as error:
        raise Permanent(f"configuration of generate: distilling: {error}") from None


def candidates(near: Nearness, most: int) -> tuple[Excerpt, ...]:
    """Return the statements nearest to a question, nearest first, none within another."""
    given, scores = near.statements, near.scores
    found: list[Excerpt] = []
    for index in sorted(range(len(given)), key=lambda index: (-scores[index], index)):
        one = given[index]
        if len(found) == most:
            break
        if one.kind != "fragment" and not any(inside(one, other) for other in found):
            found.append(one)
    return tuple(found)


def asking(question: str, statements: Sequence[Excerpt]) -> str:
    """Write what the model is asked."""
    listed = "\n".join(f"{number}. {neutral(one.text)}" for number, one in enumerate(statements, 1))
    return ASK.format(statements=listed, question=neutral(question))


def schema_of(count: int) -> str:
    """Return the JSON schema that holds its answer to numbers of statements."""
    numbers = {"type": "array", "items": {"enum": list(range(1, count + 1))}, "maxItems": count}
    schema = {
        "type": "object",
        "properties": {"keep": numbers},
        "required": ["keep"],
        "additionalProperties": False,
    }
    return json.dumps(schema, separators=(",", ":"))


def tokens_of(count: int) -> int:
    """Bound the tokens of its answer."""
    return TOKENS_A_NUMBER * count + TOKENS_BESIDE


def kept(text: str, statements: Sequence[Excerpt], tokens_max: float) -> tuple[Excerpt, ...]:
    """Read which statements were kept, nearest first and as many as fit into the budget.

    Nothing is kept by an answer that is no such JSON, or names a number that there is not.
    """
    try:
        said = json.loads(text) if levels(text) <= LEVELS_MAX else None
    except (ValueError, RecursionError):
        return ()
    numbers = said.get("keep") if isinstance(said, dict) else None
    known = range(1, len(statements) + 1)
    if not isinstance(numbers, list) or not numbers:
        return ()
    if not all(type(one) is int and one in known for one in numbers):
        return ()
    chosen: list[Excerpt] = []
    left = tokens_max
    for place in sorted({0, *(number - 1 for number in numbers)}):
        one = statements[place]
        if chosen and one.tokens > left:
            continue
        chosen.append(one)
        left -= one.tokens
    return tuple(chosen)
