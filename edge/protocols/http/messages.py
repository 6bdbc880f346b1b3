"""Routes about questions: ask, search, and what became of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response

from edge.answering.cursors import Frame
from edge.answering.view import AnswerView
from edge.gateway.gateway import Gateway
from edge.gateway.voiced_requests import NewQuestion
from edge.protocols.http.ask_once import ask_once, until_left, whole
from edge.protocols.http.bodies import (
    MessageBody,
    SearchBody,
    beside,
    openapi_of,
    parsed,
    read_body,
)
from edge.protocols.http.dependencies import (
    IdempotencyKey,
    TheCaller,
    TheGateway,
    fingerprinted,
    trace_of,
)
from edge.protocols.http.event_stream import event_stream
from edge.protocols.openai.openai_shape import without_prefix
from edge.requests import limits
from edge.requests.building import response_schema_text
from schemas import Ask

router = APIRouter()
LastEventId = Annotated[str, Header(alias="Last-Event-ID", max_length=limits.CURSOR_MAX)]


@router.post("/v1/messages", openapi_extra=openapi_of(MessageBody))
async def post_message(
    request: Request,
    gateway: TheGateway,
    caller: TheCaller,
    idempotency_key: IdempotencyKey = "",
    last_event_id: LastEventId = "",
) -> Response:
    """Ask a question; the answer as JSON, or as server-sent events with `stream`.

    A stream that is asked for again under its `Idempotency-Key` goes on after the last cursor.
    """
    with gateway.admission.body(caller.tenant, caller.key) as count:
        body = await read_body(request, limits.BODY_MAX, count, gateway.bounds.pace)
        fields = await parsed(body, MessageBody, caller)
        schema = await beside(body, response_schema_text, fields.response_schema)
    question = NewQuestion(
        text=fields.text,
        session=fields.session_id,
        ask=Ask(
            max_tokens=fields.max_tokens,
            response_schema=schema,
        ),
        budget_ms=fields.budget_ms,
        trace=trace_of(request),
    )
    with ExitStack() as resources:
        resources.enter_context(gateway.followed.hold(caller.tenant, caller.key))
        key = idempotency_key, fingerprinted(request, body)
        # a stream has a cursor by which it is taken up again
        leaves = not fields.stream
        watch = await ask_once(request, gateway, caller, question, key, resources, leaves=leaves)
        resumes = fields.stream and idempotency_key and watch.from_log
        after = last_event_id if resumes else ""
        view = gateway.follower.view(caller, watch.request, after, with_receipt=fields.receipt)
        bursts = gateway.follower.bursts(watch, view)
        if fields.stream:
            first = None if after else view.accepted()
            return _stream(request, gateway, view, first, bursts, resources.pop_all())
        return JSONResponse(await until_left(request, whole(bursts, view)))


@router.get("/v1/messages/{request_id}")
async def get_message(
    request_id: str,
    request: Request,
    gateway: TheGateway,
    caller: TheCaller,
    last_event_id: LastEventId = "",
) -> Response:
    """Return the answer so far; as an event stream, everything after the last cursor."""
    question = gateway.access.question(caller, request_id)
    if "text/event-stream" not in request.headers.get("accept", ""):
        # read back for nobody, it would keep a turn from whoever still waits
        told = gateway.follower.answer_so_far(caller, question)
        return JSONResponse(await until_left(request, told))
    with ExitStack() as resources:
        resources.enter_context(gateway.followed.hold(caller.tenant, caller.key))
        watch = gateway.follower.take_up(caller, question, resources)
        view = gateway.follower.view(caller, question, last_event_id)
        first = None if last_event_id else view.accepted()
        bursts = gateway.follower.bursts(watch, view)
        return _stream(request, gateway, view, first, bursts, resources.pop_all())


@router.post("/v1/messages/{request_id}/cancel", status_code=202)
async def cancel_message(
    request_id: str,
    request: Request,
    gateway: TheGateway,
    caller: TheCaller,
    idempotency_key: IdempotencyKey = "",
) -> JSONResponse:
    """Have an answer end where it is, whoever follows it: its model is stopped.

    One that was over stays as it is. Again and again it is the same. A body says nothing here.
    """
    question = without_prefix(request_id)
    async with gateway.reception.once(caller, idempotency_key, fingerprinted(request, b"")):
        taken = await gateway.cancelling.cancel(caller, question, trace_of(request))
    told = {"request_id": taken.request.request, "status": taken.status}
    return JSONResponse(told, 202 if taken.in_time else 200)


@router.get("/v1/messages/{request_id}/passages")
async def get_passages(request_id: str, gateway: TheGateway, caller: TheCaller) -> dict[str, Any]:
    """Return the passages that an answer was made from, as far as its reader may see them."""
    question = gateway.access.question(caller, request_id)
    passages = await gateway.follower.passages_of(caller, question)
    return {"request_id": question.request, "passages": passages}


@router.get("/v1/messages/{request_id}/receipt")
async def get_receipt(request_id: str, gateway: TheGateway, caller: TheCaller) -> dict[str, Any]:
    """Return the proof that an answer stands on the log; until it is sealed, what it will be of."""
    return await gateway.receipt_desk.receipt(caller, request_id)


@router.get("/v1/messages/{request_id}/timeline")
async def get_timeline(
    request_id: str, request: Request, gateway: TheGateway, caller: TheCaller
) -> JSONResponse:
    """Return every step of a request with its times, versions and effects.

    With the scope `audit` of anybody's; the log is told of such a look before.
    """
    return JSONResponse(await gateway.audit_desk.timeline(caller, request_id, trace_of(request)))


@router.post("/v1/search", openapi_extra=openapi_of(SearchBody))
async def post_search(
    request: Request, gateway: TheGateway, caller: TheCaller, idempotency_key: IdempotencyKey = ""
) -> dict[str, Any]:
    """Find passages, through the log like any request, without generation."""
    with gateway.admission.body(caller.tenant, caller.key) as count:
        body = await read_body(request, limits.BODY_MAX, count, gateway.bounds.pace)
        fields = await parsed(body, SearchBody, caller)
    question = NewQuestion(
        text=fields.text,
        ask=Ask(
            mode="search",
            passages_max=fields.k,
            filters=fields.filter_texts(),
            as_of=fields.as_of,
        ),
        budget_ms=fields.budget_ms,
        trace=trace_of(request),
    )
    with ExitStack() as resources:
        resources.enter_context(gateway.followed.hold(caller.tenant, caller.key))
        key = idempotency_key, fingerprinted(request, body)
        watch = await ask_once(request, gateway, caller, question, key, resources)
        passages = await until_left(request, gateway.follower.passages(caller, watch))
    return {"request_id": watch.request.request, "passages": passages}


def _stream(
    request: Request,
    gateway: Gateway,
    view: AnswerView,
    first: Frame | None,
    bursts: AsyncGenerator[list[Frame], None],
    resources: ExitStack,
) -> Response:
    return event_stream(first, bursts, view.failed, trace_of(request), gateway.bounds, resources)
