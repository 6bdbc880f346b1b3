"""The handshake of a WebSocket: who calls, and whether there is room.

A browser can't set a header on a WebSocket, so a key may also come as the subprotocol
`bearer.KEY` beside `playhead`; it never stands in an address, where logs would keep it. Who signed
in comes with the cookie of that, and only from our own pages.
"""

from __future__ import annotations

from contextlib import ExitStack

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from edge.callers.caller import Caller, bearer_of
from edge.gateway.gateway import Gateway
from edge.problems import Problem
from edge.protocols.responses import response_of
from edge.protocols.route_rules import rule_of
from edge.protocols.tenants_named import tenants_named
from edge.protocols.websocket.connection import Connection
from edge.protocols.websocket.open_connections import OpenConnections
from edge.protocols.who_calls import who_calls

PATH = "/v1/chat"
PROTOCOL = "playhead"
KEY_PROTOCOL = "bearer."


class ChatRoute:
    """Serves `/v1/chat`.

    An application of its own, not a function of the framework's: each wrapper around one would stay
    for as long as a connection does.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._open = OpenConnections(lambda: gateway.stopping)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        websocket, gateway = WebSocket(scope, receive, send), self._gateway
        protocols = [str(one) for one in scope.get("subprotocols", ())]
        with ExitStack() as resources:
            try:
                caller = await _caller_of(websocket, gateway, protocols)
                resources.enter_context(gateway.connections.hold(caller.tenant, caller.key))
            except Problem as problem:
                await _deny(websocket, problem)
                return
            standing = resources.enter_context(gateway.keys_in_use.hold(caller))
            await websocket.accept(PROTOCOL if PROTOCOL in protocols else None)
            await Connection(websocket, gateway, caller, standing, self._open).serve()


async def _caller_of(websocket: WebSocket, gateway: Gateway, protocols: list[str]) -> Caller:
    secret = bearer_of(websocket.headers.get("authorization", ""))
    if not secret:
        secret = next((one for one in protocols if one.startswith(KEY_PROTOCOL)), "")
        secret = secret.removeprefix(KEY_PROTOCOL).strip()
    caller = await who_calls(websocket, gateway, secret)
    rule_of(websocket).check(caller)
    caller.belongs_to(*tenants_named(websocket))
    return caller


async def _deny(websocket: WebSocket, problem: Problem) -> None:
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(response_of(problem, websocket.scope["state"]))
    else:
        await websocket.close()
