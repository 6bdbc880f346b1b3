"""What every response has: its ids, its span, and no word of an unforeseen error."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect
from uvicorn.protocols.utils import ClientDisconnected

from edge.gateway.cancellation_desk import ReaderLeft
from edge.load.quotas import NEAREST
from edge.problems import Problem
from edge.protocols.openai.openai_shape import is_spoken_at
from edge.protocols.responses import response_of
from edge.protocols.route_rules import RULES
from streams.watching.logs import logger, places
from streams.watching.tracing import (
    TRACEPARENT,
    child_of,
    context_of,
    failed,
    new_trace,
    trace_id_of,
    traceparent_of,
)

log = logger("gateway")
tracer = trace.get_tracer("playhead")
LEFT = (ClientDisconnect, ClientDisconnected, ReaderLeft, WebSocketDisconnect)
"""What is raised where a client is gone in the middle: after a restart thousands may be."""
STOPPED = Problem(
    503,
    "stopping",
    "the gateway stops and does not know yet what became of this request: send it again with the "
    "same Idempotency-Key",
    retryable=True,
    retry_after_s=1,
)
UNLESS_SAID = (
    # what is answered is somebody's: no cache between keeps it, nor does the browser
    (b"cache-control", b"no-store"),
    # and shown as a page, whatever a document holds runs nothing and loads nothing
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
)
"""Headers of every response that does not say otherwise."""
PUBLIC_PAGES = frozenset(
    name.removeprefix("GET ")
    for name, rule in RULES.items()
    if rule.public and name.startswith("GET ") and not name.startswith("GET /login")
)
"""What anybody may look at, and looking changes nothing."""
STARTS = ("http.response.start", "websocket.http.response.start")


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
        parent = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1")
        parent = parent if TRACEPARENT.fullmatch(parent) else ""
        if scope["type"] == "websocket" or not scope["path"].startswith("/v1/"):
            await self._serve(scope, receive, send, continued(parent), None)
            return
        # named by the route once it is known: an address may hold ids
        with tracer.start_as_current_span(
            scope["method"],
            context=context_of(parent),
            kind=SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            await self._serve(scope, receive, send, traceparent_of(span) or continued(parent), span)
            route = getattr(scope.get("route"), "path", "")
            span.update_name(f"{scope['method']} {route}".strip())
            span.set_attribute("playhead.request", scope["state"]["request_id"])

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, traceparent: str, span: Span | None
    ) -> None:
        ids = scope.setdefault("state", {})
        ids["traceparent"], ids["request_id"] = traceparent, str(uuid.uuid4())
        ids["speaks_openai"] = is_spoken_at(scope["path"])
        # whatever task takes the request in has a copy of this context, with the same dictionary
        nearest: dict[str, str] = {}
        NEAREST.set(nearest)
        started = False
        app = two_lengths if has_two_lengths(scope) else self._app
        asked = as_get(scope) if is_public_head(scope) else scope

        async def stamped(message: Message) -> None:
            nonlocal started
            if message["type"] in STARTS:
                started = True
                _stamp(message, ids, span, nearest)
            elif message["type"] == "websocket.accept":  # the answer to a handshake, too
                message["headers"] = [*message.get("headers", ()), *_ids_told(ids)]
            await send(message)

        try:
            await app(asked, receive, stamped)
        except LEFT:
            log.info("a client went away", request=ids["request_id"])
        except asyncio.CancelledError:
            # the server ends what is open once it has drained for long enough; it would say 500
            if scope["type"] != "http" or started:
                raise
            log.warning("cut off by a stop", request=ids["request_id"])
            await response_of(STOPPED, ids)(scope, receive, stamped)
        except Exception as error:  # noqa: BLE001 - the last line of defence
            _report(error, ids, span)
            if scope["type"] == "http" and not started:
                problem = Problem(500, "internal", "an error of the gateway's own: report the ids")
                await response_of(problem, ids)(scope, receive, stamped)


def is_public_head(scope: Scope) -> bool:
    """Tell whether somebody looks, without a key, if a page is there: monitors and proxies do."""
    return scope.get("method") == "HEAD" and scope["path"] in PUBLIC_PAGES


def as_get(scope: Scope) -> Scope:
    """Return a request of GET; the server, which has the original, leaves out the body."""
    return {**scope, "method": "GET"}


def has_two_lengths(scope: Scope) -> bool:
    """Tell whether a request says in two ways how long it is: two readers of it may disagree."""
    names = {name.lower() for name, _ in scope["headers"]}
    return {b"content-length", b"transfer-encoding"} <= names


async def two_lengths(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse such a request, and what comes after it on the connection (RFC 9112, 6.1)."""
    problem = Problem(
        400,
        "two-lengths",
        "the request has a Content-Length and a Transfer-Encoding: send one of them",
        headers={"Connection": "close"},
    )
    await response_of(problem, scope["state"])(scope, receive, send)


def _stamp(
    message: Message, ids: dict[str, Any], span: Span | None, nearest: Mapping[str, str]
) -> None:
    if span is not None:
        span.set_attribute("http.response.status_code", message["status"])
    given = list(message.get("headers", ()))
    named = {name.lower() for name, _ in given}
    limits = [(name.lower().encode(), value.encode()) for name, value in nearest.items()]
    message["headers"] = [
        *given,
        *(header for header in UNLESS_SAID if header[0] not in named),
        *(header for header in limits if header[0] not in named),
        *_ids_told(ids),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
    ]


def _ids_told(ids: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    return [
        (b"x-request-id", ids["request_id"].encode()),
        (b"traceparent", ids["traceparent"].encode()),
    ]


def _report(error: Exception, ids: dict[str, Any], span: Span | None) -> None:
    if span is not None:
        failed(span, error)
    log.error(
        "unforeseen error",
        error=type(error).__name__,
        places=places(error),
        request=ids["request_id"],
        trace=trace_id_of(ids["traceparent"]),
    )


def continued(traceparent: str) -> str:
    """Go on with a trace, or begin one, where tracing is not set up."""
    return child_of(traceparent) if traceparent else new_trace(sampled=True)
