"""Servers that speak a provider's protocol over real HTTP, and do what a good one never would.

A script is a coroutine function of a FakeAnswer: it sends raw bytes, in its own time.
"""

import asyncio
import json
from contextlib import asynccontextmanager


class FakeAnswer:
    """One connection, after its request was read."""

    def __init__(self, request, writer):
        self.request = request
        self._writer = writer

    async def head(self, status=200, content_type="text/event-stream", **headers):
        fields = {"content-type": content_type, "connection": "close", **headers}
        lines = [
            f"HTTP/1.1 {status} X",
            *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items()),
        ]
        await self.send("\r\n".join([*lines, "", ""]).encode())

    async def send(self, data):
        self._writer.write(data)
        await self._writer.drain()

    async def event(self, value, name=""):
        text = value if isinstance(value, str) else json.dumps(value)
        await self.send(
            (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()
        )


class FakeHTTPServer:
    """Remembers what it was asked, and answers by the script."""

    def __init__(self, script):
        self.script = script
        self.requests = []
        """(method and path, headers, body) of each."""

    async def serve(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.requests.append((first, headers, json.loads(body) if body else None))
            await self.script(FakeAnswer(self.requests[-1], writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(script):
    """Serve on a free port; yields the server and its address."""
    fake = FakeHTTPServer(script)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    try:
        yield fake, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def chunk(text="", reason=None, **more):
    """An event of OpenAI's chat interface."""
    return {
        "model": "m-1",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}],
        **more,
    }


USAGE = {"model": "m-1", "choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 3}}


async def openai_says(answer, *texts, reason="stop"):
    """Say the texts and end as a good server does."""
    await answer.head()
    for text in texts:
        await answer.event(chunk(text))
    await answer.event(chunk(reason=reason))
    await answer.event(USAGE)
    await answer.event("[DONE]")


async def anthropic_says(answer, *texts, reason="end_turn"):
    """Say the texts as Anthropic's interface does."""
    await answer.head()
    usage = {"input_tokens": 5, "cache_read_input_tokens": 6, "output_tokens": 1}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "content": [],
        "usage": usage,
    }
    await answer.event({"type": "message_start", "message": message}, "message_start")
    await answer.event({"type": "ping"}, "ping")
    for text in texts:
        delta = {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": text},
        }
        await answer.event(delta, "content_block_delta")
    end = {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 3}}
    await answer.event(end, "message_delta")
    await answer.event({"type": "message_stop"}, "message_stop")
