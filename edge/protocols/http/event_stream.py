"""Server-sent events: frames as they come, each with its cursor as the event's id."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

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
    """A stream that ends when its reader takes nothing for long: it can resume by its cursor."""

    def __init__(self, events: AsyncIterator[bytes], send_timeout_s: float) -> None:
        super().__init__(events, media_type="text/event-stream", headers=HEADERS)
        self._send_timeout_s = send_timeout_s

    async def stream_response(self, send: Send) -> None:
        """Send the stream."""

        async def in_time(message: Message) -> None:
            async with asyncio.timeout(self._send_timeout_s):
                await send(message)

        with contextlib.suppress(TimeoutError):
            await super().stream_response(in_time)


def event_stream(
    first: Frame | None,
    frames: AsyncGenerator[Frame, None],
    failed: Callable[[Problem, str], Frame],
    traceparent: str,
    bounds: Bounds,
    resources: contextlib.ExitStack,
) -> EventStream:
    """Answer with frames; the resources are held as long as the stream lasts."""

    async def events() -> AsyncIterator[bytes]:
        with resources:
            if first is not None:
                yield event_of(first)
            try:
                async with contextlib.aclosing(with_pauses(frames, bounds.keep_alive_s)) as paced:
                    async for frame in paced:
                        yield KEEP_ALIVE if frame is None else event_of(frame)
            except Problem as problem:
                yield event_of(failed(problem, trace_id_of(traceparent)))

    return EventStream(events(), bounds.send_timeout_s)


async def with_pauses(
    frames: AsyncGenerator[Frame, None], pause_s: float
) -> AsyncGenerator[Frame | None, None]:
    """Yield frames, and None whenever there was none for so long; closes them in the end."""
    pending: asyncio.Task[Any] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(frames))
            done, _ = await asyncio.wait([pending], timeout=pause_s)
            if not done:
                yield None
                continue
            task, pending = pending, None
            try:
                frame = task.result()
            except StopAsyncIteration:
                return
            yield frame
    finally:
        if pending is not None:
            pending.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await pending
        await frames.aclose()


def event_of(frame: Frame) -> bytes:
    """Spell a frame as a server-sent event."""
    return b"id: %b\ndata: %b\n\n" % (frame["cursor"].encode(), orjson.dumps(frame))
