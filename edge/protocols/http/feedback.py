"""Feedback: a reader judges an answer, which becomes a fact on the log like any other."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from edge.protocols.contents import WholeNumber
from edge.protocols.http.bodies import openapi_of, parsed, read_body
from edge.protocols.http.dependencies import (
    IdempotencyKey,
    TheCaller,
    TheGateway,
    fingerprinted,
    name_after,
    trace_of,
)
from edge.protocols.openai.openai_shape import without_prefix
from edge.requests import limits

router = APIRouter()


class FeedbackBody(BaseModel):
    """A judgement: -1 bad, 0 neutral, 1 good, and words to it."""

    model_config = ConfigDict(title="Feedback")
    request_id: str = Field(min_length=1, max_length=limits.ID_MAX)
    rating: Annotated[WholeNumber, Field(ge=-1, le=1)]
    comment: str | None = Field(None, max_length=limits.COMMENT_MAX)
    tenant: str | None = None


@router.post("/v1/feedback", status_code=202, openapi_extra=openapi_of(FeedbackBody))
async def give_feedback(
    request: Request, gateway: TheGateway, caller: TheCaller, idempotency_key: IdempotencyKey = ""
) -> dict[str, str]:
    """Judge the answer to a question of one's own; the comment is sealed under the reader's key."""
    with gateway.admission.body(caller.tenant, caller.key) as count:
        body = await read_body(request, limits.BODY_MAX, count, gateway.bounds.pace)
        fields = await parsed(body, FeedbackBody, caller)
    question = gateway.access.question(caller, without_prefix(fields.request_id))
    judgement = fields.rating, fields.comment or ""
    async with gateway.reception.once(
        caller, idempotency_key, fingerprinted(request, body)
    ) as turn:
        given = await gateway.reception.judge(caller, question, judgement, turn, trace_of(request))
    name_after(request, given)
    return {"request_id": given, "about": question.request}
