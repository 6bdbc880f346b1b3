"""Server-sent events: pauses, ends and what is let go of."""

from __future__ import annotations

import asyncio

from edge.http.event_stream import EventStream


async def test_a_stream_whose_reader_takes_nothing_ends():
    ended = asyncio.Event()

    async def events():
        try:
            while True:
                yield b"data: x\n\n"
        finally:
            ended.set()

    async def send_(message):
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()  # a reader that never reads

    stream = EventStream(source := events(), send_timeout_s=0.05)
    async with asyncio.timeout(5):
        await stream.stream_response(send_)
        await source.aclose()
    assert ended.is_set()
