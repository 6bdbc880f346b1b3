"""Routes for reviewers: the next answer that waits, a judgement of it, and how far they agree."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway
from edge.gateway.voiced_requests import NewJudgement
from edge.protocols.http.bodies import Model, openapi_of, parse, read_body
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
CURSOR = r"^[0-9a-f]{16}$"


class ReviewBody(BaseModel):
    """A judgement of an answer that waits for this reviewer."""

    model_config = ConfigDict(title="Judgement")
    request_id: str = Field(min_length=1, max_length=limits.ID_MAX)
    grade: Literal["right", "partly", "wrong", "useless"]
    citations_wrong: Annotated[bool, Field(strict=True)] = False
    note: str | None = Field(None, max_length=limits.NOTE_MAX)
    tenant: str | None = None


class UndoBody(BaseModel):
    """The answer of which a judgement is taken back."""

    model_config = ConfigDict(title="Undo")
    request_id: str = Field(min_length=1, max_length=limits.ID_MAX)
    tenant: str | None = None


@router.get("/v1/review/next")
async def next_answer(
    gateway: TheGateway,
    caller: TheCaller,
    after: Annotated[str, Query(pattern=CURSOR)] = "",
) -> dict[str, Any]:
    """Return an answer that waits for this reviewer, behind the cursor of another; or none."""
    return await gateway.desk.next(caller, int(after, 16) if after else -1)


@router.post("/v1/review/judge", status_code=202, openapi_extra=openapi_of(ReviewBody))
async def judge_answer(
    request: Request, gateway: TheGateway, caller: TheCaller, idempotency_key: IdempotencyKey = ""
) -> dict[str, str]:
    """Judge an answer; the same judgement again changes nothing, another is refused."""
    fields, body = await _fields(request, gateway, caller, ReviewBody)
    judgement = NewJudgement(
        fields.grade, fields.citations_wrong, fields.note or "", trace_of(request)
    )
    about = without_prefix(fields.request_id)
    async with gateway.reception.once(caller, idempotency_key, fingerprinted(request, body)):
        given = await gateway.desk.judge(caller, about, judgement)
    name_after(request, given)
    return {"request_id": given, "about": about}


@router.post("/v1/review/undo", status_code=202, openapi_extra=openapi_of(UndoBody))
async def undo_judgement(
    request: Request, gateway: TheGateway, caller: TheCaller, idempotency_key: IdempotencyKey = ""
) -> dict[str, str]:
    """Take one's judgement back, within two minutes; the answer waits again."""
    fields, body = await _fields(request, gateway, caller, UndoBody)
    about = without_prefix(fields.request_id)
    async with gateway.reception.once(caller, idempotency_key, fingerprinted(request, body)):
        given = await gateway.desk.undo(caller, about, trace_of(request))
    name_after(request, given)
    return {"request_id": given, "about": about}


@router.get("/v1/review/agreement")
async def reviewers_agreement(gateway: TheGateway, caller: TheCaller) -> dict[str, Any]:
    """Return how far reviewers agree: the raw share, and Cohen's kappa with its 95 % interval."""
    return await gateway.desk.agreement(caller)


async def _fields(
    request: Request, gateway: Gateway, caller: Caller, model: type[Model]
) -> tuple[Model, bytes]:
    with gateway.admission.body(caller.tenant, caller.key) as count:
        body = await read_body(request, limits.BODY_MAX, count, gateway.bounds.pace)
        return parse(body, model, caller), body
