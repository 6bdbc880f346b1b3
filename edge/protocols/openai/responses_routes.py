"""Routes of OpenAI's responses: ask, read again, list what was asked."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, aclosing
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from edge.answering.cursors import Frame
from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway
from edge.gateway.voiced_requests import NewQuestion
from edge.problems import Problem
from edge.protocols.http.ask_once import ask_once, until_left, whole
from edge.protocols.http.bodies import beside, openapi_of, parse, read_body
from edge.protocols.http.dependencies import (
    IdempotencyKey,
    TheCaller,
    TheGateway,
    fingerprinted,
    trace_of,
)
from edge.protocols.http.event_stream import EventStream
from edge.protocols.openai.answered_json import hold_to_schema, refuse_broken_schemas
from edge.protocols.openai.chat_request import (
    ChatBody,
    refuse_unanswerable,
    refuse_unknown_model,
    said_of,
)
from edge.protocols.openai.chat_session import ChatSession, chat_session_of
from edge.protocols.openai.models_offered import offered_to
from edge.protocols.openai.openai_shape import (
    DONE,
    RefusedParameter,
    named_event_of,
    without_prefix,
)
from edge.protocols.openai.response_events import ResponseEvents
from edge.protocols.openai.response_object import ResponseObject, particulars_of
from edge.protocols.openai.responses_request import (
    ResponseBody,
    chat_of,
    passed_over_of,
    previous_not_found,
    refuse_unsupported_response,
)
from edge.protocols.openai.stored_response import StoredResponse, stored_response
from edge.requests import limits
from edge.requests.building import exchanges_text, response_schema_text
from schemas import Ask

router = APIRouter()
PAGE, PAGE_MAX = 20, 100
NEVER = ("false", "0", "")


@router.post(
    "/v1/responses",
    response_model=None,
    openapi_extra=openapi_of(ResponseBody),
)
async def create_response(
    request: Request, gateway: TheGateway, caller: TheCaller, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Answer an input; in events with `stream`."""
    with gateway.admission.body(caller.tenant, caller.key) as count:
        content = await read_body(request, limits.BODY_MAX, count, gateway.bounds.pace)
        body, ignored = await beside(content, _read, content, caller, offered_to(gateway, caller))
        chat, place = await _placed(gateway, caller, body)
        await beside(content, refuse_broken_schemas, chat, "text")
        told = particulars_of(body, ignored, place.state)
        particulars = await beside(content, told.text)
    schema = response_schema_text(chat.schema_wanted)
    question = NewQuestion(
        text=chat.question,
        session=place.session,
        ask=Ask(
            max_tokens=chat.tokens,
            response_schema=schema,
            tools=chat.tools_text,
            tool_choice=chat.chosen_tool,
        ),
        exchanges=exchanges_text(chat.exchanges),
        particulars=particulars,
        trace=trace_of(request),
    )
    with ExitStack() as resources:
        resources.enter_context(gateway.followed.hold(caller.tenant, caller.key))
        key = idempotency_key, fingerprinted(request, content)
        watch = await ask_once(request, gateway, caller, question, key, resources, leaves=True)
        asked = watch.request
        view = gateway.follower.view(caller, asked)
        bursts = gateway.follower.bursts(watch, view)
        response = ResponseObject(asked.request, asked.session, asked.time_ms // 1_000, told)

        async def remember(answer: Frame) -> None:
            if body.previous_response_id is None:
                said = said_of(answer["text"], [one["id"] for one in answer.get("tool_calls", ())])
                await place.remember(gateway, caller, chat, asked.session, said)

        if body.stream:
            events = ResponseEvents(response, schema)
            return _stream(gateway, events, bursts, remember, resources.pop_all())
        answer = await until_left(request, whole(bursts, view))
        hold_to_schema(answer, schema, asked.request)
        if answer["finish_reason"] != "retracted":
            await remember(answer)
        return JSONResponse(response.finished(answer, int(time.time())))


@router.get(
    "/v1/responses/{response_id}",
    response_model=None,
)
async def get_response(
    response_id: str,
    gateway: TheGateway,
    caller: TheCaller,
    stream: Annotated[str, Query(max_length=limits.ID_MAX)] = "",
) -> dict[str, Any]:
    """Return a response as it stands by now, from the log."""
    stored = await stored_response(gateway, caller, response_id)
    if stream.lower() not in NEVER:
        raise RefusedParameter(
            "stream",
            "what was sent is taken up at GET /v1/messages/{id} with Accept: text/event-stream "
            "and Last-Event-ID",
        )
    return stored.as_it_stands(gateway, caller)


@router.get(
    "/v1/responses/{response_id}/input_items",
    response_model=None,
)
async def list_input_items(
    response_id: str,
    gateway: TheGateway,
    caller: TheCaller,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE,
    order: Literal["asc", "desc"] = "desc",
    after: Annotated[str, Query(max_length=limits.CALL_ID_MAX)] = "",
) -> dict[str, Any]:
    """List the items of a response's input, the newest first unless the order says otherwise."""
    stored = await stored_response(gateway, caller, response_id, answered=False)
    items = stored.listed_input()
    if order == "desc":
        items.reverse()
    if after:
        ids = [item["id"] for item in items]
        if after not in ids:
            raise RefusedParameter("after", "no item of this input has that id")
        items = items[ids.index(after) + 1 :]
    page = items[:limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(items) > limit,
    }


@router.delete(
    "/v1/responses/{response_id}",
    status_code=405,
    response_model=None,
)
async def delete_response(response_id: str, gateway: TheGateway, caller: TheCaller) -> Response:
    """Refuse to delete a response, and say what there is instead."""
    gateway.access.question(caller, without_prefix(response_id))
    raise Problem(
        405,
        "not-deletable",
        "what was asked and answered stays on the log, sealed under its asker's key: `playhead "
        "erase --tenant T --subject S` destroys that key; send store: false for what nobody is "
        "to read again here",
        headers={"Allow": "GET"},
    )


@router.post(
    "/v1/responses/{response_id}/cancel",
    status_code=400,
    response_model=None,
)
async def cancel_response(response_id: str, gateway: TheGateway, caller: TheCaller) -> Response:
    """Refuse to cancel a response: none is made in the background."""
    gateway.access.question(caller, without_prefix(response_id))
    raise Problem(
        400,
        "not-cancellable",
        "only a response made in the background is cancelled, and none is here: close the "
        "connection on which it is streamed",
    )


# ---------------------------------------------------------------------- reading a request


def _read(
    content: bytes, caller: Caller, offered: tuple[str, ...]
) -> tuple[ResponseBody, list[str]]:
    """Read a request, and name what is passed over of it; raises Problem."""
    try:
        sent = orjson.loads(content)
    except orjson.JSONDecodeError:
        sent = None  # parse says what is wrong
    refuse_unsupported_response(sent)
    body = parse(content, ResponseBody, caller)
    if not body.items:
        raise RefusedParameter("input", "it is empty: send the words of a question")
    refuse_unknown_model(body.model, offered)
    return body, passed_over_of(sent, body)


async def _placed(
    gateway: Gateway, caller: Caller, body: ResponseBody
) -> tuple[ChatBody, ChatSession]:
    """Read the question, and find the session that it goes on in; raises Problem."""
    previous = await _previous(gateway, caller, body)
    before = []
    if previous is not None and body.brings_results_alone:
        before = previous.gone_on_from(gateway, caller)
    chat = chat_of(body, before)
    refuse_unanswerable(chat, "input")
    if previous is None:
        return chat, await chat_session_of(gateway, caller, chat)
    return chat, ChatSession(previous.request.session, "known")


async def _previous(gateway: Gateway, caller: Caller, body: ResponseBody) -> StoredResponse | None:
    if body.previous_response_id is None:
        return None
    try:
        return await stored_response(
            gateway, caller, body.previous_response_id, answered=body.brings_results_alone
        )
    except Problem as problem:
        if problem.status == 404:
            raise previous_not_found() from None
        raise


def _stream(
    gateway: Gateway,
    events: ResponseEvents,
    bursts: AsyncGenerator[list[Frame], None],
    remember: Callable[[Frame], Awaitable[None]],
    resources: ExitStack,
) -> EventStream:
    """Answer with events; the resources are held as long as the stream lasts."""

    async def parts() -> AsyncIterator[bytes]:
        with resources:
            yield b"".join(map(named_event_of, events.first()))
            try:
                async with aclosing(bursts):
                    async for burst in bursts:
                        told = [one for frame in burst for one in events.take(frame)]
                        if told:
                            yield b"".join(map(named_event_of, told))
                if events.answer:
                    await remember(events.answer)
            except Problem as problem:
                yield b"".join(map(named_event_of, events.failed(problem)))
            yield DONE

    return EventStream(parts(), gateway.bounds)
