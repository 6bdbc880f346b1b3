"""Routes of OpenAI's interface: chat completions and models."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, aclosing
from typing import Any

import orjson
from fastapi import APIRouter, Request
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
from edge.protocols.openai.answered_json import refuse_broken_schemas
from edge.protocols.openai.chat_reply import ChatReply
from edge.protocols.openai.chat_request import (
    ChatBody,
    passed_over,
    refuse_unanswerable,
    refuse_unknown_model,
    refuse_unsupported,
)
from edge.protocols.openai.chat_session import chat_session_of
from edge.protocols.openai.growing_text import GrowingText
from edge.protocols.openai.models_offered import model, offered_to
from edge.protocols.openai.openai_shape import DONE, error_of, event_of
from edge.requests import limits
from edge.requests.building import exchanges_text, response_schema_text
from schemas import Ask

router = APIRouter()


@router.get("/v1/models", response_model=None)
async def list_models(gateway: TheGateway, caller: TheCaller) -> dict[str, Any]:
    """List the models that the key's tenant may ask."""
    return {"object": "list", "data": [model(name) for name in offered_to(gateway, caller)]}


@router.get(
    "/v1/models/{name:path}",
    response_model=None,
)
async def get_model(name: str, gateway: TheGateway, caller: TheCaller) -> dict[str, Any]:
    """Describe a model; the embedder too, which no list of models to chat with has."""
    embedder = [gateway.embeddings.model] if gateway.embeddings.model else []
    refuse_unknown_model(name, (*offered_to(gateway, caller), *embedder))
    return model(name)


@router.post(
    "/v1/chat/completions",
    response_model=None,
    openapi_extra=openapi_of(ChatBody),
)
async def complete_chat(
    request: Request, gateway: TheGateway, caller: TheCaller, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Answer the last message of a conversation; in chunks with `stream`."""
    with gateway.admission.body(caller.tenant, caller.key) as count:
        content = await read_body(request, limits.BODY_MAX, count, gateway.bounds.pace)
        body, ignored = await beside(content, _read, content, caller, offered_to(gateway, caller))
    place = await chat_session_of(gateway, caller, body)
    schema = response_schema_text(body.schema_wanted)
    question = NewQuestion(
        text=body.question,
        session=place.session,
        ask=Ask(
            max_tokens=body.tokens,
            response_schema=schema,
            tools=body.tools_text,
            tool_choice=body.chosen_tool,
        ),
        exchanges=exchanges_text(body.exchanges),
        trace=trace_of(request),
    )
    with ExitStack() as resources:
        resources.enter_context(gateway.followed.hold(caller.tenant, caller.key))
        key = idempotency_key, fingerprinted(request, content)
        watch = await ask_once(request, gateway, caller, question, key, resources, leaves=True)
        asked = watch.request
        view = gateway.follower.view(caller, asked)
        bursts = gateway.follower.bursts(watch, view)
        reply = ChatReply(
            request=asked.request,
            session=asked.session,
            model=body.model,
            created_s=asked.time_ms // 1_000,
            history=place.state,
            ignored=ignored,
            schema=schema,
            text=GrowingText(body.stops),
            with_usage=bool(body.stream_options and body.stream_options.include_usage),
        )

        async def remember() -> None:
            if reply.stands:
                await place.remember(gateway, caller, body, reply.session, reply.said)

        if body.stream:
            return _stream(gateway, reply, bursts, remember, resources.pop_all())
        completion = reply.whole(await until_left(request, whole(bursts, view)))
        await remember()
        return JSONResponse(completion)


def _read(content: bytes, caller: Caller, offered: tuple[str, ...]) -> tuple[ChatBody, list[str]]:
    """Read a chat request, and name what is passed over of it; raises Problem."""
    try:
        sent = orjson.loads(content)
    except orjson.JSONDecodeError:
        sent = None  # parse says what is wrong
    refuse_unsupported(sent)
    body = parse(content, ChatBody, caller)
    refuse_unanswerable(body)
    refuse_broken_schemas(body)
    refuse_unknown_model(body.model, offered)
    return body, passed_over(sent)


def _stream(
    gateway: Gateway,
    reply: ChatReply,
    bursts: AsyncGenerator[list[Frame], None],
    remember: Callable[[], Awaitable[None]],
    resources: ExitStack,
) -> EventStream:
    """Answer with chunks; the resources are held as long as the stream lasts."""

    async def events() -> AsyncIterator[bytes]:
        with resources:
            yield event_of(reply.first())
            try:
                async with aclosing(bursts):
                    async for burst in bursts:
                        chunks = [event_of(one) for frame in burst for one in reply.take(frame)]
                        if chunks:
                            yield b"".join(chunks)
                await remember()
                yield DONE
            except Problem as problem:
                yield event_of(error_of(problem, reply.request))

    return EventStream(events(), gateway.bounds)
