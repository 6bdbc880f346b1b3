"""The least that a server of WebSockets can do: `python -m bench.sockets.echo_app PORT`.

It is served as the gateway is, by the same server on the same loop with the same bounds; without
those for `plain`, over another library for `wsproto`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvicorn
import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.protocols import pacing
from infra.local import ports
from streams.running.open_files import allow_open_files

FILES = 65_536


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Send each message back."""
    if scope["type"] == "lifespan":
        for _ in ("startup", "shutdown"):
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def options(kind: str) -> dict[str, Any]:
    """Return what makes the server read as the gateway's does, or otherwise."""
    return {
        "": pacing.of_server(),
        "plain": {},
        "wsproto": {"ws": "wsproto", "ws_per_message_deflate": False},
    }[kind]


def serve(served: ASGIApp, port: int, kind: str = "") -> None:
    """Serve an application until a signal comes, as a kind of `options` has it."""
    allow_open_files(FILES)
    config = uvicorn.Config(
        served,
        host=ports.HOST,
        port=port,
        log_config=None,
        access_log=False,
        **options(kind),
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(uvicorn.Server(config).serve())


def main() -> None:
    """Serve the echo."""
    port, kind = (*sys.argv[1:], "")[:2]
    serve(app, int(port), kind)


if __name__ == "__main__":
    main()
