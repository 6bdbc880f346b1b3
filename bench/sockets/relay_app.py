"""The least that hands the log on to WebSockets: `python -m bench.sockets.relay_app PORT RUN`.

One thread reads released tokens as the gateway's reader does; the loop sends each to the socket
that asked. No keys, no history, no cursors, and no question on the log: whoever sends anything is
given a request to put tokens on the log about. What the log and the machine cost is in it, what the
gateway costs is not.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_END, KafkaError, TopicPartition
from starlette.types import Receive, Scope, Send

from bench.sockets.echo_app import serve
from bench.sockets.talks import PADDING
from edge.listening.live_records import whose_is
from edge.listening.log_reader import LIVE
from edge.listening.log_strand import BATCH_MAX
from edge.listening.reading_on import POLL_S
from schemas import TokensReleased
from streams.log.codec import Codec
from streams.log.reading import new_consumer
from streams.settings import Settings
from streams.topics import topic_of
from worker.wiring import known_schemas

END = KafkaError._PARTITION_EOF  # noqa: SLF001 - its public name


class Relay:
    """An application that sends what the log says about a request to the socket that made it."""

    def __init__(self, codec: Codec, consumer: Any, partitions: int) -> None:
        """Take a consumer that tells of ends."""
        self._codec = codec
        self._consumer = consumer
        self._partitions = partitions
        self._unread = set(range(partitions))
        self._sockets: dict[str, Send] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or the server's beginning and end."""
        if scope["type"] == "lifespan":
            await receive()
            self._start(asyncio.get_running_loop())
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self._stopping.set()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "websocket":
            await self._hold(receive, send)
        else:
            status = 503 if self._unread else 200
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def _hold(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        asked = []
        while (await receive())["type"] == "websocket.receive":
            asked.append(str(uuid.uuid4()))
            self._sockets[asked[-1]] = send
            named = {"request_id": asked[-1], "session_id": asked[-1]}
            await send(
                {"type": "websocket.send", "text": json.dumps({"type": "accepted", **named})}
            )
        for request in asked:
            del self._sockets[request]

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._thread = threading.Thread(target=self._read, args=(loop,), daemon=True)
        self._thread.start()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        topic = topic_of(TokensReleased)
        self._consumer.assign(
            [TopicPartition(topic, lane, OFFSET_END) for lane in range(self._partitions)]
        )
        while not self._stopping.is_set():
            first = self._consumer.poll(POLL_S)
            if first is None:
                continue
            messages = (first, *self._consumer.consume(BATCH_MAX - 1, 0))
            self._unread -= {
                one.partition() for one in messages if one.error() and one.error().code() == END
            }
            tokens = [
                (whose_is(one)[1], self._codec.decode(one.value(), TokensReleased).text)
                for one in messages
                if one.error() is None
            ]
            if tokens:
                loop.call_soon_threadsafe(self._hand, tokens)
        self._consumer.close()

    def _hand(self, tokens: Sequence[tuple[str, str]]) -> None:
        for request, text in tokens:
            send: Callable[..., Any] | None = self._sockets.get(request)
            if send is not None:
                frame = json.dumps({"type": "delta", "cursor": PADDING, "text": text})
                task = asyncio.ensure_future(send({"type": "websocket.send", "text": frame}))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)


def main() -> None:
    """Serve the relay of a stack's log."""
    port, run = sys.argv[1:]
    settings = Settings.load(environment={}, run=Path(run))
    consumer = new_consumer(settings, "bench-relay", **LIVE)
    serve(Relay(Codec(known_schemas(settings)), consumer, settings.partitions), int(port))


if __name__ == "__main__":
    main()
