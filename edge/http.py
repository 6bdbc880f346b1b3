"""HTTP: the routes of /v1, the chat page, and what every response has in common."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import re
import secrets
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from importlib.resources import files
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.catalogue import Asked
from edge.edge import Caller, Edge
from edge.entries import Subscription
from edge.limits import QUESTION_CHARS_MAX, SESSION_CHARS_MAX, TITLE_CHARS_MAX, URI_CHARS_MAX
from edge.problems import MEDIA_TYPE, Problem, forbidden, title_of
from edge.producer import response_schema_text
from edge.stream import Frame
from edge.websocket import SEND_TIMEOUT_S, chat
from schemas import Ask
from streams.log.ids import document_id, request_id
from streams.version import CODE
from streams.watching.logs import logger, places
from streams.watching.metrics import exposition
from streams.watching.tracing import context_of, failed, trace_id_of, traceparent_of

log = logger("gateway")
tracer = trace.get_tracer("playhead")
router = APIRouter()
Model = TypeVar("Model", bound=BaseModel)

BODY_MAX = 1_048_576
"""Bytes of a body other than a document's: far above any question."""
KEEP_ALIVE_S = 15.0
"""Proxies cut a silent stream after 30 to 60 s."""
TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

# ---------------------------------------------------------------------- what clients send


class Question(BaseModel):
    """A question in a conversation."""

    text: str = Field(min_length=1, max_length=QUESTION_CHARS_MAX)
    session_id: str = Field("", max_length=SESSION_CHARS_MAX)
    stream: bool = False
    max_tokens: int = Field(160, ge=1, le=4_096)
    response_schema: dict[str, Any] | None = None
    budget_ms: int | None = Field(None, ge=100, le=600_000)
    tenant: str | None = None


class Search(BaseModel):
    """A search for passages."""

    text: str = Field(min_length=1, max_length=QUESTION_CHARS_MAX)
    k: int = Field(6, ge=1, le=100)
    filters: dict[str, str] = Field(default_factory=dict)
    as_of: int = Field(-1, ge=-1)
    budget_ms: int | None = Field(None, ge=100, le=600_000)
    tenant: str | None = None


class Document(BaseModel):
    """A document to hand in: `content` is its text, `content_base64` its bytes."""

    uri: str = Field(min_length=1, max_length=URI_CHARS_MAX)
    media_type: str = Field(min_length=1, max_length=255)
    content: str | None = None
    content_base64: str | None = None
    title: str = Field("", max_length=TITLE_CHARS_MAX)
    metadata: dict[str, str | int | float | bool] = Field(default_factory=dict)
    groups: list[str] = Field(default_factory=list, max_length=64)
    chunk_policy: str = "procedural"
    tenant: str | None = None


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a JSON body for the OpenAPI document."""
    schema = model.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def read_body(request: Request, limit: int, count: Callable[[int], None]) -> bytes:
    """Read a body, but no more than may be; raises Problem above the limit.

    `count` is told of the bytes in memory; it raises Problem when there are too many in all.
    """
    too_large = Problem(
        413, "too-large", f"the body is larger than {limit} bytes: send less at once"
    )
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise too_large
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large
        count(len(part))
        parts.append(part)
    return b"".join(parts)


def parse(body: bytes, model: type[Model], caller: Caller) -> Model:
    """Read a JSON body; raises Problem that names the fields at fault, never their values."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(
            400,
            "malformed-json",
            f"the body is not JSON (line {error.lineno}, column {error.colno}): send a JSON object "
            "in UTF-8",
        ) from None
    try:
        parsed = model.model_validate(content)
    except ValidationError as error:
        raise Problem(422, "invalid", _what_is_invalid(error.errors())) from None
    _same_tenant(caller, getattr(parsed, "tenant", None))
    return parsed


def _what_is_invalid(errors: Any) -> str:
    found = [
        f"{'.'.join(str(part) for part in error['loc'] if part != 'body') or 'body'}: "
        f"{error['msg']}"
        for error in errors
    ]
    return "; ".join(found[:5])


def _same_tenant(caller: Caller, tenant: str | None) -> None:
    if tenant is not None and tenant != caller.tenant:
        raise forbidden("this key belongs to another tenant than the one named: leave it out")


# ---------------------------------------------------------------------- what routes depend on


def edge_of(request: Request) -> Edge:
    """Return the edge behind the application."""
    edge: Edge = request.app.state.edge
    return edge


async def caller_of(
    request: Request,
    edge: Annotated[Edge, Depends(edge_of)],
    authorization: Annotated[str, Header(include_in_schema=False)] = "",
) -> Caller:
    """Return who calls; raises Problem 401, or 403 where the request names another tenant."""
    scheme, _, secret = authorization.partition(" ")
    caller = await edge.caller(secret.strip() if scheme.lower() == "bearer" else "")
    for named in (request.headers.get("x-tenant"), request.query_params.get("tenant")):
        _same_tenant(caller, named)
    return caller


TheEdge = Annotated[Edge, Depends(edge_of)]
TheCaller = Annotated[Caller, Depends(caller_of)]
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", max_length=255)]


def _trace(request: Request, request_on_log: str = "") -> str:
    if request_on_log:
        request.state.request_id = request_on_log
    return str(request.state.traceparent)


# ---------------------------------------------------------------------- documents


@router.post("/v1/documents", status_code=202, openapi_extra=body_of(Document))
async def submit_document(
    request: Request, edge: TheEdge, caller: TheCaller, idempotency_key: IdempotencyKey = ""
) -> dict[str, str]:
    """Hand a document in, for the first time or in a new version."""
    caller.need("write")
    with edge.admission.body() as count:
        body = await read_body(request, 2 * edge.settings.document_bytes_max + BODY_MAX, count)
        return await _take_in(request, edge, caller, idempotency_key, body)


async def _take_in(
    request: Request, edge: Edge, caller: Caller, idempotency_key: str, body: bytes
) -> dict[str, str]:
    given = await asyncio.to_thread(parse, body, Document, caller)
    if (given.content is None) == (given.content_base64 is None):
        raise Problem(422, "invalid", "send either content (text) or content_base64 (bytes)")
    if given.content is not None:
        content = given.content.encode()
    else:
        try:
            content = base64.b64decode(given.content_base64 or "", validate=True)
        except (binascii.Error, ValueError):
            raise Problem(422, "invalid", "content_base64: not valid base64 (RFC 4648)") from None
    identity = document_id(caller.tenant, given.uri)

    async def make(fingerprint: str) -> str:
        asked, _ = await edge.submit(
            caller,
            uri=given.uri,
            content=content,
            media_type=given.media_type.partition(";")[0].strip().lower(),
            title=given.title,
            metadata={
                key: str(value).lower() if isinstance(value, bool) else str(value)
                for key, value in given.metadata.items()
            },
            groups=given.groups,
            chunk_policy=given.chunk_policy,
            fingerprint=fingerprint,
            trace=_trace(request),
        )
        return asked.request

    def known(fingerprint: str) -> str | None:
        return request_id(caller.tenant, fingerprint)

    taken, _ = await edge.once(caller, idempotency_key, b"POST /v1/documents\n" + body, known, make)
    _trace(request, taken)
    return {"document_id": identity, "request_id": taken}


@router.get("/v1/documents")
async def list_documents(
    edge: TheEdge,
    caller: TheCaller,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    after: Annotated[str, Query(max_length=64)] = "",
    status: Annotated[str, Query(max_length=16)] = "",
) -> dict[str, Any]:
    """List documents by id; `next` is what to send as `after` for more."""
    caller.need("read")
    found = [
        document
        for document in edge.all_documents(caller)
        if document.id > after and (not status or document.newest.status == status)
    ]
    page = found[:limit]
    return {
        "documents": [document.as_json(edge.title(caller, document)) for document in page],
        "next": page[-1].id if len(found) > limit else None,
    }


@router.get("/v1/documents/{document}")
async def get_document(document: str, edge: TheEdge, caller: TheCaller) -> dict[str, Any]:
    """Tell how a document fares."""
    caller.need("read")
    found = edge.document(caller, document)
    return found.as_json(edge.title(caller, found))


@router.delete("/v1/documents/{document}", status_code=202)
async def withdraw_document(
    document: str, request: Request, edge: TheEdge, caller: TheCaller
) -> dict[str, str]:
    """Withdraw a document: it is found no longer."""
    caller.need("write")
    asked = await edge.withdraw(caller, document, trace=_trace(request))
    _trace(request, asked.request)
    return {"document_id": document, "request_id": asked.request}


# ---------------------------------------------------------------------- messages


@router.post("/v1/messages", openapi_extra=body_of(Question))
async def post_message(
    request: Request, edge: TheEdge, caller: TheCaller, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Ask a question; the answer as JSON, or as server-sent events with `stream`."""
    caller.need("read")
    with edge.admission.body() as count:
        body = await read_body(request, BODY_MAX, count)
        given = parse(body, Question, caller)
    stack = contextlib.AsyncExitStack()
    try:
        stack.enter_context(edge.followed(caller))
        asked, subscription, repeated = await _ask_once(
            request,
            edge,
            caller,
            idempotency_key,
            body,
            stack,
            text=given.text,
            session=given.session_id,
            ask=Ask(
                max_tokens=given.max_tokens,
                response_schema=response_schema_text(given.response_schema),
            ),
            budget_ms=given.budget_ms,
        )
        answering = edge.answering(caller, asked)
        frames = edge.follow(asked, answering, subscription, from_log=repeated)
        if given.stream:
            resources = stack.pop_all()
            return _events(request, answering.accepted(), frames, answering.failed, resources)
        async with contextlib.aclosing(frames):
            async for _ in frames:
                pass
        if answering.status == "failed":
            raise _problem_from(answering.closing["error"])
        answer = answering.snapshot()
        del answer["status"]
        return JSONResponse(answer)
    finally:
        await stack.aclose()


@router.get("/v1/messages/{request_id_}")
async def get_message(
    request_id_: str,
    request: Request,
    edge: TheEdge,
    caller: TheCaller,
    last_event_id: Annotated[str, Header(alias="Last-Event-ID", max_length=2_048)] = "",
) -> Response:
    """Return the answer so far; as an event stream, everything after the last cursor."""
    caller.need("read")
    asked = edge.question(caller, request_id_)
    if "text/event-stream" in request.headers.get("accept", ""):
        stack = contextlib.AsyncExitStack()
        try:
            stack.enter_context(edge.followed(caller))
            subscription = stack.enter_context(edge.dispatch.subscribe(asked.request))
            answering = edge.answering(caller, asked, last_event_id)
            frames = edge.follow(asked, answering, subscription, from_log=True)
            first = None if last_event_id else answering.accepted()
            return _events(request, first, frames, answering.failed, stack.pop_all())
        finally:
            await stack.aclose()
    return JSONResponse(await edge.answer_so_far(caller, asked))


@router.get("/v1/messages/{request_id_}/timeline")
async def get_timeline(request_id_: str, edge: TheEdge, caller: TheCaller) -> JSONResponse:
    """Return every step of a request with its times, versions, effects and costs."""
    caller.need("read")
    return JSONResponse(await edge.timeline(edge.asked(caller, request_id_)))


@router.post("/v1/search", openapi_extra=body_of(Search))
async def post_search(
    request: Request, edge: TheEdge, caller: TheCaller, idempotency_key: IdempotencyKey = ""
) -> dict[str, Any]:
    """Find passages, through the log like any request, without generation."""
    caller.need("read")
    with edge.admission.body() as count:
        body = await read_body(request, BODY_MAX, count)
        given = parse(body, Search, caller)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(edge.followed(caller))
        asked, subscription, repeated = await _ask_once(
            request,
            edge,
            caller,
            idempotency_key,
            body,
            stack,
            text=given.text,
            ask=Ask(
                mode="search",
                passages_max=given.k,
                filters=given.filters,
                as_of=given.as_of,
            ),
            budget_ms=given.budget_ms,
        )
        passages = await edge.passages(caller, asked, subscription, from_log=repeated)
        return {"request_id": asked.request, "passages": passages}


async def _ask_once(
    request: Request,
    edge: Edge,
    caller: Caller,
    idempotency_key: str,
    body: bytes,
    stack: contextlib.AsyncExitStack,
    **question: Any,
) -> tuple[Asked, Subscription, bool]:
    """Ask, once for each idempotency key; True where it was asked before.

    The subscription lasts as long as the stack and is open before any outcome can come.
    """
    opened: dict[str, Subscription] = {}

    def subscribe(asked: Asked) -> None:
        opened[asked.request] = stack.enter_context(edge.dispatch.subscribe(asked.request))

    async def make(fingerprint: str) -> Asked:
        return await edge.ask(
            caller,
            fingerprint=fingerprint,
            trace=_trace(request),
            on_asked=subscribe,
            **question,
        )

    asked, repeated = await edge.once(
        caller,
        idempotency_key,
        f"{request.method} {request.url.path}\n".encode() + body,
        lambda fingerprint: edge.requests.find(request_id(caller.tenant, fingerprint)),
        make,
    )
    if repeated:
        subscribe(asked)
    _trace(request, asked.request)
    return asked, opened[asked.request], repeated


@router.websocket("/v1/chat")
async def websocket_chat(websocket: WebSocket) -> None:
    """Chat over a WebSocket."""
    await chat(websocket, websocket.app.state.edge)


# ---------------------------------------------------------------------- health and the page


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Tell that the process runs."""
    return {"status": "ok", "version": CODE}


@router.get("/readyz")
async def readyz(edge: TheEdge) -> JSONResponse:
    """Tell whether requests can be served, and which new ones are refused for load.

    Load alone leaves the gateway ready: it still serves what reads and what it has taken in.
    """
    missing = await edge.ready()
    if missing:
        detail = "; ".join(f"{part}: {why}" for part, why in missing.items())
        raise Problem(503, "not-ready", detail, retryable=True, retry_after_s=1)
    return JSONResponse({"status": "ready", "shedding": edge.admission.shedding()})


@router.get("/metrics", include_in_schema=False)
async def prometheus() -> Response:
    """Return the metrics of this process as Prometheus text."""
    text, media_type = await asyncio.to_thread(exposition)
    return Response(text, media_type=media_type)


@router.get("/", include_in_schema=False)
async def page(request: Request) -> HTMLResponse:
    """Serve the chat page."""
    return HTMLResponse(
        request.app.state.page,
        headers={
            "Content-Security-Policy": request.app.state.page_policy,
            "Cache-Control": "no-cache",
        },
    )


def page_policy(page: str) -> str:
    """Allow the page its own script and style by their digests, and nothing else."""

    def digests(tag: str) -> str:
        found = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        hashed = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in found)
        return " ".join(f"'sha256-{digest}'" for digest in hashed)

    return (
        f"default-src 'none'; script-src {digests('script')}; style-src {digests('style')}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


# ---------------------------------------------------------------------- streams


class EventStream(StreamingResponse):
    """A stream that ends when its reader takes nothing for long: it can resume by its cursor."""

    async def stream_response(self, send: Send) -> None:
        """Send the stream."""

        async def in_time(message: Message) -> None:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await send(message)

        with contextlib.suppress(TimeoutError):
            await super().stream_response(in_time)


def _events(
    request: Request,
    first: Frame | None,
    frames: AsyncGenerator[Frame, None],
    failed: Callable[[Problem, str], Frame],
    resources: contextlib.AsyncExitStack,
) -> StreamingResponse:
    """Answer with server-sent events; the event id is the cursor, so a client can resume."""
    trace_id = trace_id_of(request.state.traceparent)

    async def events() -> AsyncIterator[bytes]:
        async with resources:
            if first is not None:
                yield event_of(first)
            pending: asyncio.Task[Frame] | None = None
            try:
                while True:
                    pending = pending or asyncio.ensure_future(anext(frames))
                    done, _ = await asyncio.wait([pending], timeout=KEEP_ALIVE_S)
                    if not done:
                        yield b": keep-alive\n\n"
                        continue
                    task, pending = pending, None
                    yield event_of(task.result())
            except StopAsyncIteration:
                pass
            except Problem as problem:
                yield event_of(failed(problem, trace_id))
            finally:
                if pending is not None:
                    pending.cancel()
                    with contextlib.suppress(asyncio.CancelledError, Exception):
                        await pending
                await frames.aclose()

    return EventStream(
        events(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def event_of(frame: Frame) -> bytes:
    """Spell a frame as a server-sent event."""
    return b"id: %b\ndata: %b\n\n" % (frame["cursor"].encode(), orjson.dumps(frame))


def _problem_from(error: dict[str, Any]) -> Problem:
    return Problem(
        error["status"],
        error["type"].rpartition(":")[2],
        error["detail"],
        retryable=error["retryable"],
        request_id=error["request_id"],
        retry_after_s=1 if error["status"] == 503 else None,
    )


# ---------------------------------------------------------------------- every response


class Envelope:
    """Gives every response its ids and its span, and turns an unforeseen error into a problem.

    Its place is outermost: nothing of an error but its kind and place reaches the log, nothing at
    all the client.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1")
        given = given if TRACEPARENT.fullmatch(given) else ""
        if scope["type"] == "websocket" or not scope["path"].startswith("/v1/"):
            await self._serve(scope, receive, send, continued(given), None)
            return
        # named by the route once it is known: an address may hold ids
        with tracer.start_as_current_span(
            scope["method"],
            context=context_of(given),
            kind=SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            await self._serve(scope, receive, send, traceparent_of(span) or continued(given), span)
            route = getattr(scope.get("route"), "path", "")
            span.update_name(f"{scope['method']} {route}".strip())
            span.set_attribute("playhead.request", scope["state"]["request_id"])

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, traceparent: str, span: Span | None
    ) -> None:
        state = scope.setdefault("state", {})
        state["traceparent"], state["request_id"] = traceparent, str(uuid.uuid4())
        started = False

        async def stamped(message: Message) -> None:
            nonlocal started
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                started = True
                if span is not None:
                    span.set_attribute("http.response.status_code", message["status"])
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", state["request_id"].encode()),
                    (b"traceparent", traceparent.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"no-referrer"),
                ]
            await send(message)

        try:
            await self._app(scope, receive, stamped)
        except Exception as error:  # noqa: BLE001 - the last line of defence
            if span is not None:
                failed(span, error)
            log.error(  # noqa: TRY400 - a traceback may hold values
                "unforeseen error",
                error=type(error).__name__,
                places=places(error),
                request=state["request_id"],
                trace=trace_id_of(traceparent),
            )
            if scope["type"] == "http" and not started:
                problem = Problem(500, "internal", "an error of the gateway's own: report the ids")
                await respond(problem, state)(scope, receive, stamped)


def continued(traceparent: str) -> str:
    """Go on with a trace, or begin one, where tracing is not set up."""
    trace_id, flags = (traceparent[3:35], traceparent[-2:]) if traceparent else ("", "01")
    return f"00-{trace_id or secrets.token_hex(16)}-{secrets.token_hex(8)}-{flags}"


def respond(problem: Problem, state: Any) -> JSONResponse:
    """Spell a problem as a response."""
    ids = state if isinstance(state, dict) else state._state  # noqa: SLF001 - as Starlette keeps it
    if problem.request_id:
        ids["request_id"] = problem.request_id
    return JSONResponse(
        problem.fields(ids["request_id"], trace_id_of(ids["traceparent"])),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


async def _on_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return respond(error, request.state)


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    slug = re.sub(r"[^a-z]+", "-", title_of(error.status_code).lower())
    detail = {
        404: "nothing is at this address: /openapi.json lists what is",
        405: "this address does not take this method: /openapi.json lists what it takes",
    }.get(error.status_code, str(error.detail))
    return respond(Problem(error.status_code, slug, detail, headers=error.headers), request.state)


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return respond(Problem(422, "invalid", _what_is_invalid(error.errors())), request.state)


def create_app(edge: Edge) -> FastAPI:
    """Build the application around an edge; the edge starts and stops with it."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        edge.start()
        yield
        edge.stopping = True
        await edge.stop()

    app = FastAPI(
        title="Playhead",
        version=CODE,
        summary="Documents in, cited answers out; every answer can be replayed from the log.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        exception_handlers={
            Problem: _on_problem,
            HTTPException: _on_http_exception,
            RequestValidationError: _on_invalid,
        },
    )
    app.state.edge = edge
    app.state.page = files("edge").joinpath("static/chat.html").read_text("utf-8")
    app.state.page_policy = page_policy(app.state.page)
    app.include_router(router)
    app.add_middleware(Envelope)
    return app
