"""The address of the Model Context Protocol: who calls, from which page, and with how much.

The SDK behind it takes half a second and 16 MB to import, so it is loaded, on a thread, when the
first client comes with a key.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway
from edge.problems import Problem
from edge.protocols.http.bodies import read_body
from edge.protocols.origins import check_origin
from edge.protocols.responses import response_of
from edge.protocols.who_calls import bearer_calls

PATH = "/mcp"
METADATA = "/.well-known/oauth-protected-resource"
SCOPES = ("ask",)
MESSAGE_MAX = 262_144
"""Bytes of a message: twice the longest question, however it is escaped."""
JSON = "application/json"
PARSE_ERROR, INVALID_REQUEST = -32_700, -32_600
KINDS: dict[type, str] = {str: "a text", int: "a whole number", dict: "an object"}
MEMBERS: dict[str, tuple[type, ...]] = {"id": (str, int), "method": (str,), "params": (dict,)}


class McpRoute:
    """Serves `/mcp`; its server runs from the first request until `stop`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._starting = asyncio.Lock()
        self._manager: Any = None
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        try:
            scope["state"]["caller"] = await self._caller_of(request)
            body = message_in(await self._body_of(request, scope["state"]["caller"]))
        except Problem as problem:
            await response_of(problem, scope["state"])(scope, receive, send)
            return
        except NoMessage as refusal:
            await refusal.response()(scope, receive, send)
            return
        manager = await self._running()
        await manager.handle_request(scope, _after(body, receive), self._in_time(send))

    async def stop(self) -> None:
        """End what is served."""
        self._stop.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    # ------------------------------------------------------------------ before the server

    async def _caller_of(self, request: Request) -> Caller:
        check_origin(request.headers.get("origin"), self._gateway.settings.gateway)
        if request.method != "POST":
            # no stream beside the requests, and no session to end: nothing is kept between two
            raise Problem(
                405,
                "method-not-allowed",
                "send each message of the protocol as a POST",
                headers={"Allow": "POST"},
            )
        try:
            return await bearer_calls(request, self._gateway)
        except Problem as problem:
            if problem.status == 401:
                problem.headers["WWW-Authenticate"] = challenge(request)
            raise

    async def _body_of(self, request: Request, caller: Caller) -> bytes:
        gateway = self._gateway
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise Problem(415, "unsupported-media-type", f"send a body of {JSON}")
        with gateway.admission.body(caller.tenant, caller.key) as count:
            return await read_body(request, MESSAGE_MAX, count, gateway.bounds.pace)

    def _in_time(self, send: Send) -> Send:
        """Give up a client that takes nothing: its answer is on the log."""

        async def sent(message: Message) -> None:
            try:
                async with asyncio.timeout(self._gateway.bounds.send_timeout_s):
                    await send(message)
            except TimeoutError:
                raise ClientDisconnect from None

        return sent

    # ------------------------------------------------------------------ the server

    async def _running(self) -> Any:
        async with self._starting:
            if self._manager is None:
                module = await asyncio.to_thread(
                    importlib.import_module, "edge.protocols.mcp.mcp_server"
                )
                manager = module.server_of(self._gateway)
                begun = asyncio.Event()
                self._task = asyncio.create_task(self._run(manager, begun))
                await begun.wait()
                self._manager = manager
        return self._manager

    async def _run(self, manager: Any, begun: asyncio.Event) -> None:
        """Run the server in one task: it begins and ends in the same."""
        async with manager.run():
            begun.set()
            await self._stop.wait()


def _after(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read once more, and then what comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return messages.pop() if messages else await receive()

    return received


class NoMessage(Exception):
    """What was sent is no message of JSON-RPC: told in its own shape, naming no request."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail

    def response(self) -> JSONResponse:
        """Spell it."""
        error = {"code": self.code, "message": self.detail}
        return JSONResponse({"jsonrpc": "2.0", "id": None, "error": error}, status_code=400)


def message_in(body: bytes) -> bytes:
    """Return the message in a body, spelt anew; raises NoMessage.

    So the SDK reads what was checked here: of a member that stands twice it would take another, and
    it knows numbers that JSON does not. A request that no answer could name would be a notification
    to it, which is not answered.
    """
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NoMessage(PARSE_ERROR, "the body is no JSON in UTF-8") from None
    if not isinstance(message, dict):
        raise NoMessage(INVALID_REQUEST, "send one message at once: an object")
    for name, kinds in MEMBERS.items():
        if name in message and type(message[name]) not in kinds:
            told = " or ".join(KINDS[kind] for kind in kinds)
            raise NoMessage(INVALID_REQUEST, f"{name}: {told} belongs there")
    if message.get("jsonrpc") != "2.0":
        raise NoMessage(INVALID_REQUEST, 'jsonrpc: send "2.0"')
    return orjson.dumps(message)


def challenge(request: Request) -> str:
    """Say how to be let in (RFC 6750), and where that is described (RFC 9728)."""
    where = f"{request.base_url}".rstrip("/") + METADATA + PATH
    scopes = " ".join(SCOPES)
    return f'Bearer realm="v1", resource_metadata="{where}", scope="{scopes}"'


async def protected_resource(request: Request) -> JSONResponse:
    """Describe what protects `/mcp` (RFC 9728): keys of Playhead's own, and tokens of issuers."""
    people = request.app.state.gateway.people
    issuers = [] if people is None else [one.issuer for one in people.tokens.issuers.issuers]
    return JSONResponse(
        {
            "resource": f"{request.base_url}".rstrip("/") + PATH,
            "resource_name": "Playhead",
            "bearer_methods_supported": ["header"],
            "scopes_supported": list(SCOPES),
            **({"authorization_servers": issuers} if issuers else {}),
        }
    )
