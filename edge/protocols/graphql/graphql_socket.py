"""One WebSocket of GraphQL, watched from outside the library that speaks its protocol."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from starlette.types import Message, Receive, Send

from edge.callers.standing import Standing
from edge.gateway.gateway import Gateway
from edge.requests import limits

POLL_S = 0.2  # how often a connection looks whether it has to end
FAREWELL_TICKS = 3
REASON_MAX = 120  # bytes: what a closing frame has room for
GOING_AWAY, TOO_BIG, TRY_AGAIN_LATER = 1001, 1009, 1013
BAD_REQUEST, FORBIDDEN = 4400, 4403


def is_operation(content: Any) -> bool:
    """Tell whether something is an operation with its variables."""
    return (
        isinstance(content, dict)
        and isinstance(content.get("query"), str)
        and content["query"].strip() != ""
        and isinstance(content.get("variables"), dict | None)
        and isinstance(content.get("operationName"), str | None)
    )


def is_message(text: str | None) -> bool:
    """Tell whether a text is a message: the library takes fields for what they should be."""
    try:
        content = orjson.loads(text or "")
    except orjson.JSONDecodeError:
        return False
    if not isinstance(content, dict) or not isinstance(content.get("id"), str | None):
        return False
    if content.get("type") == "subscribe":
        return "id" in content and is_operation(content.get("payload"))
    return True


class Socket:
    """What a connection may send and has to take, and when it ends."""

    def __init__(self, gateway: Gateway, receive: Receive, send: Send) -> None:
        self._gateway = gateway
        self._receive = receive
        self._send = send
        self._ended = asyncio.Event()
        self._code, self._reason = 0, ""

    async def serve(
        self, serving: Coroutine[Any, Any, None], standing: Callable[[], Standing | None]
    ) -> None:
        """Run what serves the connection, until the client leaves or has to."""
        task = asyncio.ensure_future(serving)
        watch = asyncio.ensure_future(self._watch(standing))
        try:
            await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (task, watch):
                one.cancel()
            await asyncio.gather(task, watch, return_exceptions=True)
            await self._close()

    async def receive(self) -> Message:
        """Return the next message; one that is too large ends the connection."""
        message = await self._receive()
        if len(message.get("text") or message.get("bytes") or "") > limits.FRAME_MAX:
            self._end(TOO_BIG, f"a message may have {limits.FRAME_MAX} bytes: send less")
        elif message["type"] == "websocket.receive" and not is_message(message.get("text")):
            self._end(BAD_REQUEST, "send objects of graphql-transport-ws")
        if self._ended.is_set():
            return {"type": "websocket.disconnect", "code": self._code}
        return message

    async def send(self, message: Message) -> None:
        """Send a message; a client that takes nothing is gone, and can resume by its cursor."""
        if message["type"] == "websocket.close" and message.get("reason"):
            reason = message["reason"].encode("utf-8", "replace")[:REASON_MAX]
            message = {**message, "reason": reason.decode("utf-8", "ignore")}
        try:
            async with asyncio.timeout(self._gateway.bounds.send_timeout_s):
                await self._send(message)
        except TimeoutError:
            self._end(TRY_AGAIN_LATER, "too slow: resume by cursor")
            await asyncio.Event().wait()  # until the watch ends it

    def _end(self, code: int, reason: str) -> None:
        self._code, self._reason = code, reason
        self._ended.set()

    async def _watch(self, standing: Callable[[], Standing | None]) -> None:
        """Return once the connection has to end."""
        while not self._ended.is_set():
            if self._gateway.stopping:
                # each subscription looks once a tick, and tells its reader to resume
                await asyncio.sleep(FAREWELL_TICKS * self._gateway.bounds.tick_s)
                self._end(GOING_AWAY, "the gateway is shutting down: reconnect")
            held = standing()
            if held is not None and held.ended:
                self._end(FORBIDDEN, f"the key was {held.ended}: reconnect with another")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._ended.wait()

    async def _close(self) -> None:
        if self._code:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(self._gateway.bounds.close_timeout_s):
                    await self._send(
                        {"type": "websocket.close", "code": self._code, "reason": self._reason}
                    )
