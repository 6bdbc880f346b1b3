"""Server-sent events: frames as they come, each with its cursor as the event's id."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import orjson
from fastapi.responses import StreamingResponse
from starlette.types import Message, Send

from edge.answering.bounds import Bounds
from edge.answering.cursors import Frame
from edge.problems import Problem
from streams.watching.tracing import trace_id_of

KEEP_ALIVE = b": keep-alive\n\n"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventStream(StreamingResponse):
    """A stream that ends when its reader takes nothing for long: it can resume by its cursor.

    While nothing happens, a comment is sent now and then.
    """

    def __init__(self, events: AsyncIterator[bytes], bounds: Bounds) -> None:
        super().__init__(events, media_type="text/event-stream", headers=HEADERS)
        self._bounds = bounds

    async def stream_response(self, send: Send) -> None:
        """Send the stream."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as patience:
                sender = _Sender(send, self._bounds, patience)
                try:
                    await sender.start(self.status_code, self.raw_headers)
                    async for event in self.body_iterator:
                        await sender.send(event)
                finally:
                    sender.stop()
                await sender.send(b"", more=False)


class _Sender:
    """Sends parts of a body, each in time, and a comment whenever there was none for long.

    A timer looks for silence: a task beside each wait for a frame costs more than the frame.
    """

    def __init__(self, send: Send, bounds: Bounds, patience: asyncio.Timeout) -> None:
        """`patience` ends once the reader does not even take a comment."""
        self._send = send
        self._bounds = bounds
        self._patience = patience
        self._turn = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._sent_at = self._loop.time()
        self._timer = self._loop.call_later(bounds.keep_alive_s, self._look)
        self._comment: asyncio.Task[None] | None = None

    async def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Send the head; raises TimeoutError."""
        await self._in_time({"type": "http.response.start", "status": status, "headers": headers})

    async def send(self, part: bytes | str | memoryview, *, more: bool = True) -> None:
        """Send a part; raises TimeoutError where the reader takes nothing."""
        await self._in_time({"type": "http.response.body", "body": part, "more_body": more})

    def stop(self) -> None:
        """Send no comment any more."""
        self._timer.cancel()
        if self._comment is not None:
            self._comment.cancel()

    async def _in_time(self, message: Message) -> None:
        async with self._turn, asyncio.timeout(self._bounds.send_timeout_s):
            await self._send(message)
        self._sent_at = self._loop.time()

    def _look(self) -> None:
        pause_s = self._bounds.keep_alive_s
        left_s = pause_s - (self._loop.time() - self._sent_at)
        if left_s <= 0 and not self._turn.locked():
            self._comment = self._loop.create_task(self._keep_alive())
        self._timer = self._loop.call_later(left_s if left_s > 0 else pause_s, self._look)

    async def _keep_alive(self) -> None:
        try:
            await self.send(KEEP_ALIVE)
        except TimeoutError:
            self._patience.reschedule(self._loop.time())


def event_stream(
    first: Frame | None,
    bursts: AsyncGenerator[list[Frame], None],
    failed: Callable[[Problem, str], Frame],
    traceparent: str,
    bounds: Bounds,
    resources: contextlib.ExitStack,
) -> EventStream:
    """Answer with frames, those that come together in one part; holds the resources meanwhile."""

    async def events() -> AsyncIterator[bytes]:
        with resources:
            if first is not None:
                yield event_of(first)
            try:
                async with contextlib.aclosing(bursts):
                    async for burst in bursts:
                        yield b"".join(map(event_of, burst))
            except Problem as problem:
                yield event_of(failed(problem, trace_id_of(traceparent)))

    return EventStream(events(), bounds)


def event_of(frame: Frame) -> bytes:
    """Spell a frame as a server-sent event."""
    return b"id: %b\ndata: %b\n\n" % (frame["cursor"].encode(), orjson.dumps(frame))
