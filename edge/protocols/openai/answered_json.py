"""Where JSON was asked for, an answer is JSON of the schema or an error, never prose."""

from __future__ import annotations

from agents.structured import breach
from edge.answering.cursors import Frame
from edge.problems import Problem


def hold_to_schema(answer: Frame, schema: str, request: str) -> None:
    """Raise Problem for a text that is no JSON of the schema: a restored value may break it.

    `schema` is empty for prose. What was taken away, or asks for tools, has no text to be held.
    """
    if not schema or answer["finish_reason"] in ("retracted", "tool_calls"):
        return
    if broken := breach(answer["text"], schema):
        raise Problem(
            502,
            "no-json",
            f"the answer does not follow the schema ({broken}): ask again, or for less",
            request_id=request,
        )
