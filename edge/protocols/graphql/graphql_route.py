"""The address of GraphQL: over HTTP for what is answered once, over a WebSocket for what goes on.

The library behind it takes a third of a second and 9 MB to import, so it is loaded, on a thread,
when the first client comes.
"""

from __future__ import annotations

import asyncio
import importlib
from contextlib import ExitStack
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from edge.gateway.gateway import Gateway
from edge.problems import Problem
from edge.protocols.graphql.graphql_socket import Socket, is_operation
from edge.protocols.http.ask_once import until_left
from edge.protocols.http.bodies import read_body
from edge.protocols.http.dependencies import fingerprinted
from edge.protocols.origins import check_origin
from edge.protocols.responses import response_of
from edge.protocols.tenants_named import tenants_named
from edge.protocols.who_calls import bearer_calls
from edge.requests import limits
from edge.requests.validity import Refused, check_depth

PATH = "/graphql"
JSON, GRAPHQL_JSON = "application/json", "application/graphql-response+json"


class GraphqlRoute:
    """Serves `/graphql`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._loading = asyncio.Lock()
        self._served: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one connection."""
        if scope["type"] == "websocket":
            await self._connection(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._answered(request)
        except Problem as problem:
            response = response_of(problem, scope["state"])
        await response(scope, receive, send)

    async def loaded(self) -> Any:
        """Return the module that has the library."""
        async with self._loading:
            if self._served is None:
                self._served = await asyncio.to_thread(
                    importlib.import_module, "edge.protocols.graphql.graphql_served"
                )
        return self._served

    # ------------------------------------------------------------------ over HTTP

    async def _answered(self, request: Request) -> Response:
        gateway = self._gateway
        if request.method != "POST":
            raise Problem(
                405,
                "method-not-allowed",
                "send a query as a POST of JSON; subscriptions go over a WebSocket",
                headers={"Allow": "POST"},
            )
        check_origin(request.headers.get("origin"), gateway.settings.gateway)
        caller = await bearer_calls(request, gateway)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise Problem(415, "unsupported-media-type", f"send a body of {JSON}")
        with gateway.admission.body(caller.tenant, caller.key) as count:
            body = await read_body(request, limits.BODY_MAX, count, gateway.bounds.pace)
        operation = operation_in(body)
        key = request.headers.get("idempotency-key", "")
        async with gateway.reception.once(caller, key, fingerprinted(request, body)):
            pass  # each field that puts something on the log has its turn by a key of its own
        served = await self.loaded()
        with ExitStack() as resources:
            result = await served.executed(
                gateway,
                caller,
                operation,
                request.scope["state"],
                resources,
                partial(until_left, request),
                key,
            )
        accepts = request.headers.get("accept", "")
        is_new = GRAPHQL_JSON in accepts
        return Response(
            orjson.dumps(result, default=str),
            # by that media type, what was not begun to be answered is an error of HTTP, too
            status_code=400 if is_new and "data" not in result else 200,
            media_type=GRAPHQL_JSON if is_new else JSON,
            headers={"Cache-Control": "no-store"},
        )

    # ------------------------------------------------------------------ over a WebSocket

    async def _connection(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        gateway = self._gateway
        try:
            check_origin(websocket.headers.get("origin"), gateway.settings.gateway)
            known = None
            if websocket.headers.get("authorization"):
                known = await bearer_calls(websocket, gateway)
        except Problem as problem:
            await _deny(websocket, problem)
            return
        served = await self.loaded()
        with ExitStack() as resources:
            socket = Socket(gateway, receive, send)
            context = served.context_of(gateway, known, scope["state"], resources)
            context.tenants_named = tenants_named(websocket)
            serving = served.served_over(context, scope, socket)
            await socket.serve(serving, lambda: served.standing_of(context))


def operation_in(body: bytes) -> dict[str, Any]:
    """Read an operation out of a body; raises Problem."""
    try:
        content = orjson.loads(body)
        check_depth(content)
    except orjson.JSONDecodeError:
        raise Problem(
            400, "malformed-json", "the body is not JSON: send an object with a query"
        ) from None
    except Refused as error:
        raise Problem(422, "invalid", str(error)) from None
    if isinstance(content, list):
        raise Problem(400, "no-batches", "send one operation at once")
    if not is_operation(content):
        raise Problem(
            422,
            "invalid",
            "send an object: query, the operation as a text; variables, an object; operationName",
        )
    return {
        "query": content["query"],
        "variables": content.get("variables"),
        "name": content.get("operationName"),
    }


async def _deny(websocket: WebSocket, problem: Problem) -> None:
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(response_of(problem, websocket.scope["state"]))
    else:
        await websocket.close()
