"""The least that a server of WebSockets can do: `python -m bench.sockets.echo_app PORT`.

It is served as the gateway is, by the same server on the same loop with the same bounds.
"""

from __future__ import annotations

import asyncio
import sys

import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

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


def main() -> None:
    """Serve until a signal comes."""
    allow_open_files(FILES)
    config = uvicorn.Config(
        app,
        host=ports.HOST,
        port=int(sys.argv[1]),
        log_config=None,
        access_log=False,
        **pacing.of_server(),
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
