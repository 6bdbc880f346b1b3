"""Server-sent events: pauses, ends and what is let go of."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from edge.answering.bounds import Bounds
from edge.problems import overloaded
from edge.protocols.http.event_stream import (
    KEEP_ALIVE,
    event_of,
    event_stream,
)

FRAMES = [{"type": "delta", "cursor": "c", "text": text} for text in "ab"]
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


def a_frame(problem, trace_id):
    return {**problem.frame("r-1", trace_id), "cursor": ""}


class Frames:
    """Yields frames, then waits, ends or goes wrong; knows whether it was closed."""

    def __init__(self, frames=FRAMES, *, then=None):
        self.closed = False
        self.more = asyncio.Event()
        self._frames, self._then = frames, then

    async def __call__(self):
        try:
            for frame in self._frames:
                yield [frame]
            if self._then is not None:
                await self._then(self)
        finally:
            self.closed = True


async def wait(frames):
    await frames.more.wait()


async def go_wrong(_):
    raise overloaded("try again")


async def sent(response):
    chunks = []

    async def send(message):
        chunks.append(message.get("body", b""))

    await response.stream_response(send)
    return [chunk for chunk in chunks if chunk]


async def test_frames_become_events_and_all_is_let_go_of():
    frames, resources, released = Frames(), ExitStack(), []
    resources.callback(lambda: released.append(frames.closed))
    stream = event_stream(FRAMES[0], frames(), a_frame, TRACE, Bounds(), resources)
    assert await sent(stream) == [event_of(frame) for frame in (FRAMES[0], *FRAMES)]
    assert released == [True]  # once the frames were closed
    assert stream.media_type == "text/event-stream"
    assert stream.headers["cache-control"] == "no-store"


async def test_frames_that_come_together_are_sent_in_one_part():
    async def bursts():
        yield FRAMES
        yield FRAMES[:1]

    chunks = await sent(event_stream(None, bursts(), a_frame, TRACE, Bounds(), ExitStack()))
    assert chunks == [b"".join(map(event_of, FRAMES)), event_of(FRAMES[0])]


async def test_a_problem_on_the_way_is_the_last_event():
    frames = Frames(then=go_wrong)
    chunks = await sent(event_stream(None, frames(), a_frame, TRACE, Bounds(), ExitStack()))
    assert len(chunks) == 3
    assert b'"status":503' in chunks[-1]
    assert b"a" * 32 in chunks[-1]
    assert frames.closed


async def test_a_silent_stream_is_kept_alive():
    frames, chunks = Frames(then=wait), []
    stream = event_stream(None, frames(), a_frame, TRACE, Bounds(keep_alive_s=0.001), ExitStack())

    async def send(message):
        chunks.append(message.get("body", b""))
        if chunks.count(KEEP_ALIVE) == 2:
            frames.more.set()

    async with asyncio.timeout(60):
        await stream.stream_response(send)
    spoken = [event_of(frame) for frame in FRAMES]
    assert [chunk for chunk in chunks if chunk not in (b"", KEEP_ALIVE)] == spoken
    assert chunks[-1] == b""
    assert frames.closed
    assert KEEP_ALIVE.startswith(b":")
    told = len(chunks)
    await asyncio.sleep(0.01)
    assert len(chunks) == told, "nothing is sent once the stream has ended"


async def test_a_stream_that_speaks_is_not_interrupted():
    chunks = []
    frames = Frames()
    stream = event_stream(None, frames(), a_frame, TRACE, Bounds(keep_alive_s=60), ExitStack())

    async def send(message):
        chunks.append(message.get("body", b""))

    await stream.stream_response(send)
    assert KEEP_ALIVE not in chunks


async def stream_to_nobody(frames, takes):
    """Stream to a reader who takes so many messages and then none."""
    bounds = Bounds(keep_alive_s=0.001, send_timeout_s=0.05)
    stream = event_stream(None, frames(), a_frame, TRACE, bounds, ExitStack())
    taken = []

    async def send(message):
        if len(taken) >= takes:
            await asyncio.Event().wait()
        taken.append(message)

    async with asyncio.timeout(60):
        await stream.stream_response(send)
        await stream.body_iterator.aclose()
    return taken


@pytest.mark.parametrize("takes", [1, 2, 3, 4])
async def test_a_stream_whose_reader_takes_nothing_ends(takes):
    """Whether it is a frame that is not taken, or the comment of a silent stream."""
    frames = Frames(then=wait)
    assert len(await stream_to_nobody(frames, takes)) == takes
    assert frames.closed


@pytest.mark.parametrize("text", ["", "two\nlines", "\r\n\r\ndata: forged\n\n", "\u2028"])
async def test_no_text_breaks_out_of_its_event(text):
    event = event_of({"type": "delta", "cursor": "c", "text": text})
    assert event.startswith(b"id: c\ndata: {")
    assert event.endswith(b"}\n\n")
    assert event.count(b"\n") == 3
    assert b"\r" not in event
