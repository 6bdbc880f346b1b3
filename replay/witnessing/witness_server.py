"""A witness over HTTP: two routes over `witness_state`, each request within bounds.

POST /add-checkpoint                 a cosignature, or why not
GET  /SHA256(origin)/checkpoint      the newest checkpoint that was cosigned
"""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from typing import Any

import uvicorn

from replay.witnessing.witness_messages import ADD_CHECKPOINT, REQUEST_BYTES_MAX
from replay.witnessing.witness_state import WitnessAnswer, WitnessState
from streams.watching.logs import logger

log = logger("witness")
BODY_S = 10.0
"""For a request to come whole."""
CONNECTIONS_MAX = 64
"""At once; above, a connection is told to come again (503)."""
DRAIN_S = 5


class WitnessApp:
    """The routes, as ASGI has them."""

    def __init__(self, state: WitnessState, body_s: float = BODY_S) -> None:
        self._state = state
        self._body_s = body_s

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive)
        except (sqlite3.Error, OSError) as error:
            log.warning("nothing could be kept, so nothing was cosigned", reason=str(error))
            answer = WitnessAnswer(503, "the witness can't keep anything now: try again later\n")
        body = answer.body.encode()
        headers = [
            (b"content-type", answer.media_type.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
        if answer.status == 503:
            headers.append((b"retry-after", b"60"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Any, receive: Any) -> WitnessAnswer:
        path, method = scope["path"].lstrip("/"), scope["method"]
        if path == ADD_CHECKPOINT:
            if method != "POST":
                return WitnessAnswer(405, "a checkpoint is posted\n")
            try:
                async with asyncio.timeout(self._body_s):
                    body = await _body(receive)
            except TimeoutError:
                return WitnessAnswer(408, f"the request did not come within {self._body_s:g} s\n")
            if body is None:
                return WitnessAnswer(413, f"a request has at most {REQUEST_BYTES_MAX} bytes\n")
            return await asyncio.to_thread(self._state.add, body)
        if path.endswith("/checkpoint") and method in {"GET", "HEAD"}:
            return await asyncio.to_thread(self._state.latest, path)
        return WitnessAnswer(404, "there is nothing here\n")


async def _body(receive: Any) -> bytes | None:
    """Read a request's body; None for one that is too large."""
    content = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(content)  # whoever asked is gone
        content += message.get("body", b"")
        if len(content) > REQUEST_BYTES_MAX:
            return None
        if not message.get("more_body"):
            return bytes(content)


def serve_witness(state: WitnessState, at: socket.socket) -> None:
    """Serve on a bound socket until a signal comes."""
    server_of(state).run(sockets=[at])


def server_of(state: WitnessState) -> uvicorn.Server:
    """Make the server; `should_exit` ends it."""
    config = uvicorn.Config(
        WitnessApp(state),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=DRAIN_S,
    )
    return uvicorn.Server(config)
