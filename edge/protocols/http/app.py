"""The application: routes, errors and envelope around a gateway."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from edge.gateway.gateway import Gateway
from edge.problems import Problem
from edge.protocols.graphql import graphql_route
from edge.protocols.http import (
    auditing,
    document_versions,
    documents,
    erasing,
    feedback,
    interface_documents,
    messages,
    reviewing,
    service,
    sessions,
    sign_in,
    uploads,
)
from edge.protocols.http.envelope import Envelope
from edge.protocols.mcp import mcp_route
from edge.protocols.openai import chat_routes, embeddings_routes, responses_routes
from edge.protocols.responses import on_http_exception, on_invalid, on_problem
from edge.protocols.websocket import handshake
from streams.version import CODE

NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""The framework's own, off: a second span of each request beside the envelope's, a histogram by
whatever host a client names, and the words of errors."""


class GatewayApp(FastAPI):
    """The framework's, for all but WebSockets, which go from the envelope to their route at once.

    Their routes are applications of their own, which need neither handlers of exceptions nor stacks
    of resources. Each of seven wrappers would stay, with its frame, for as long as a connection.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one connection."""
        if scope["type"] == "websocket":
            scope["app"] = self
            await self.state.sockets(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(gateway: Gateway) -> FastAPI:
    """Build the application around a gateway, which starts and stops with it."""
    mcp = mcp_route.McpRoute(gateway)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        gateway.start()
        yield
        await mcp.stop()
        await gateway.stop()

    app = GatewayApp(
        title="Playhead",
        version=CODE,
        summary="Documents in, cited answers out; every answer can be replayed from the log.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        # by a Host that the client names, and by http where a proxy ends TLS: keys would follow
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
        exception_handlers={
            Problem: on_problem,
            HTTPException: on_http_exception,
            RequestValidationError: on_invalid,
        },
    )
    app.state.gateway = gateway
    app.state.sockets = Envelope(app.router)
    app.state.pages = {name: service.ServedPage.of(name) for name in service.PAGES}
    for routes in (
        document_versions,
        documents,
        uploads,
        messages,
        feedback,
        reviewing,
        auditing,
        erasing,
        sessions,
        chat_routes,
        responses_routes,
        embeddings_routes,
        sign_in,
        service,
        interface_documents,
    ):
        # as they are: what is included is made anew, a tenth of a second for all of them
        app.router.routes.extend(routes.router.routes)
    # applications of their own, not functions of the framework's
    app.router.routes.append(WebSocketRoute(handshake.PATH, handshake.ChatRoute(gateway)))
    app.router.routes.append(Route(mcp_route.PATH, mcp, include_in_schema=False))
    graphql = graphql_route.GraphqlRoute(gateway)
    app.router.routes.append(Route(graphql_route.PATH, graphql, include_in_schema=False))
    app.router.routes.append(WebSocketRoute(graphql_route.PATH, graphql))
    for path in (mcp_route.METADATA, mcp_route.METADATA + mcp_route.PATH):
        app.add_route(path, mcp_route.protected_resource, include_in_schema=False)
    app.add_middleware(Envelope)
    return app
