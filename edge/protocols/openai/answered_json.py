"""Where JSON was asked for, an answer is JSON of the schema or an error, never prose.

A schema that is none is refused before anything is asked: no answer could follow it.
"""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from agents.structured import breach
from edge.answering.cursors import Frame
from edge.problems import Problem
from edge.protocols.openai.chat_request import ChatBody
from edge.protocols.openai.openai_shape import RefusedParameter
from edge.requests import limits

NO_TEXT = frozenset(("retracted", "tool_calls", "cancelled"))
"""Ways in which an answer ends without a text that could be JSON."""


def refuse_broken_schemas(body: ChatBody, place: str = "response_format") -> None:
    """Refuse schemas of the answer and of tools that are no JSON schemas; raises Problem.

    `place` is what the client's interface calls the answer's. One that is too large is left to
    what is said of its size.
    """
    if body.schema_wanted is not None:
        _refuse_broken(body.schema_wanted, place)
    for tool in body.tools or ():
        _refuse_broken(tool.function.parameters, "tools")


def _refuse_broken(schema: dict[str, Any], place: str) -> None:
    if len(json.dumps(schema)) > limits.RESPONSE_SCHEMA_MAX:
        return
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = error.json_path[: limits.MODEL_MAX]
        raise RefusedParameter(
            place, f"what it gives at {where} is no JSON schema (draft 2020-12)"
        ) from None


def hold_to_schema(answer: Frame, schema: str, request: str) -> None:
    """Raise Problem for a text that is no JSON of the schema: a restored value may break it.

    `schema` is empty for prose. What was taken away, stopped, or asks for tools has no text to be
    held.
    """
    if not schema or answer["finish_reason"] in NO_TEXT:
        return
    if broken := breach(answer["text"], schema):
        raise Problem(
            502,
            "no-json",
            f"the answer does not follow the schema ({broken}): ask again, or for less",
            request_id=request,
        )
