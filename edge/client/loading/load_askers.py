"""Asking one question, over each of the gateway's streams, and when what of the answer came.

An asker never raises: what went wrong is an outcome, since it is counted with the rest.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from edge.client.server_sent_events import EventDecoder

COMPLETED = "completed"
LOST = "connection lost"
CUT = "ended without an end"
LATE = "no end within the patience"
CONNECT_S = 30.0
FRAME_MAX = 16 * 2**20
JSON_TYPE = "application/json"


@dataclass
class LoadedQuestion:
    """A question and its times, in seconds of one clock."""

    due_s: float
    """When it was to be sent: a driver that is late makes nothing faster."""
    max_tokens: int
    sent_s: float = 0.0
    parts_s: list[float] = field(default_factory=list)
    """When each part of the text came."""
    ended_s: float = 0.0
    outcome: str = ""
    """`completed`, `retracted`, or what went wrong in a few words."""
    tokens: int = 0
    """Of the answer, as the service counts them."""
    text: str = ""

    @property
    def first_s(self) -> float | None:
        """From when it was due to the first part of the text; None where none came."""
        return self.parts_s[0] - self.due_s if self.parts_s else None

    @property
    def total_s(self) -> float:
        """From when it was due to its end."""
        return self.ended_s - self.due_s

    def gaps_s(self) -> list[float]:
        """Return the times between parts of the text."""
        return [
            later - sooner for sooner, later in zip(self.parts_s, self.parts_s[1:], strict=False)
        ]

    def add(self, text: str) -> None:
        """Take a part of the text, now."""
        if text:
            self.parts_s.append(time.monotonic())
            self.text += text


class LoadAsker(Protocol):
    """Asks over one protocol; lives on one event loop."""

    async def ask(self, question: str, asked: LoadedQuestion) -> None:
        """Ask, and note what came when; raises nothing but what cancels it."""

    async def close(self) -> None:
        """Close all connections."""


def _take_frame(frame: dict[str, Any], asked: LoadedQuestion) -> bool:
    """Note a frame of the gateway's own streams; tells whether it was the last one."""
    match frame.get("type"):
        case "delta":
            asked.add(frame["text"])
        case "restarted":
            asked.text = ""
        case "completed":
            asked.outcome = COMPLETED
            asked.tokens = frame.get("usage", {}).get("completion_tokens", 0)
        case "retracted":
            asked.outcome = "retracted"
        case "error":
            asked.outcome = f"{frame.get('status', '')} {frame.get('title', 'error')}".strip()
        case _:
            pass
    return bool(asked.outcome)


class OverEvents:
    """Asks at `POST /v1/messages`, and reads server-sent events."""

    def __init__(self, url: str, key: str, in_flight_max: int) -> None:
        self._http = _client(url, key, in_flight_max)

    async def ask(self, question: str, asked: LoadedQuestion) -> None:
        """Ask, and note what came when."""
        body = {"text": question, "stream": True, "max_tokens": asked.max_tokens}
        async with aclosing(_events(self._http, "/v1/messages", body, asked)) as events:
            async for data in events:
                if _take_frame(json.loads(data), asked):
                    return

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


class OverOpenAi:
    """Asks at `POST /v1/chat/completions`, as OpenAI's clients do."""

    def __init__(self, url: str, key: str, in_flight_max: int, model: str = "playhead") -> None:
        self._http = _client(url, key, in_flight_max)
        self._model = model

    async def ask(self, question: str, asked: LoadedQuestion) -> None:
        """Ask, and note what came when."""
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": question}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": asked.max_tokens,
        }
        async with aclosing(_events(self._http, "/v1/chat/completions", body, asked)) as events:
            async for data in events:
                if data == "[DONE]":
                    asked.outcome = asked.outcome or COMPLETED
                    return
                self._take(json.loads(data), asked)

    def _take(self, chunk: dict[str, Any], asked: LoadedQuestion) -> None:
        if error := chunk.get("error"):
            asked.outcome = str(error.get("type") or "error")
        if usage := chunk.get("usage"):
            asked.tokens = usage.get("completion_tokens", 0)
        for choice in chunk.get("choices", ()):
            asked.add(choice.get("delta", {}).get("content") or "")

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


class OverWebSocket:
    """Asks over WebSockets: each has one question at a time, and is used again afterwards."""

    def __init__(self, url: str, key: str, in_flight_max: int) -> None:
        parts = urlsplit(url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        self._url = f"{scheme}://{parts.netloc}/v1/chat"
        self._headers = {"Authorization": f"Bearer {key}"}
        self._idle: list[ClientConnection] = []
        self._in_flight_max = in_flight_max

    async def ask(self, question: str, asked: LoadedQuestion) -> None:
        """Ask, and note what came when."""
        connection = None
        try:
            connection = self._idle.pop() if self._idle else await self._connected()
            asked.sent_s = time.monotonic()
            frame = {"type": "message", "text": question, "max_tokens": asked.max_tokens}
            await connection.send(json.dumps(frame))
            async for message in connection:
                if _take_frame(json.loads(message), asked):
                    self._idle.append(connection)
                    return
            asked.outcome = CUT
        except InvalidStatus as error:
            asked.outcome = str(error.response.status_code)
        except (OSError, WebSocketException, TimeoutError):
            asked.outcome = LOST
        except asyncio.CancelledError:
            if connection is not None:
                connection.transport.abort()
            raise

    async def _connected(self) -> ClientConnection:
        return await connect(
            self._url,
            additional_headers=self._headers,
            open_timeout=CONNECT_S,
            max_size=FRAME_MAX,
            proxy=None,
        )

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(
            *(connection.close() for connection in self._idle), return_exceptions=True
        )


def _client(url: str, key: str, in_flight_max: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {key}"},
        timeout=httpx.Timeout(None, connect=CONNECT_S),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=in_flight_max),
        trust_env=False,
    )


async def _events(
    http: httpx.AsyncClient, path: str, body: dict[str, Any], asked: LoadedQuestion
) -> AsyncGenerator[str, None]:
    """Yield the data of the events of a streamed answer; what goes wrong is the outcome."""
    asked.sent_s = time.monotonic()
    decoder = EventDecoder()
    try:
        async with http.stream("POST", path, json=body) as response:
            if response.is_error:
                await response.aread()
                asked.outcome = _refusal(response)
                return
            async for chunk in response.aiter_bytes():
                for event in decoder.feed(chunk):
                    yield event.data
        asked.outcome = asked.outcome or CUT
    except (httpx.HTTPError, httpx.StreamError):
        asked.outcome = LOST


def _refusal(response: httpx.Response) -> str:
    told = str(response.status_code)
    with suppress(ValueError, KeyError, TypeError):
        document = response.json()
        told += f" {document.get('title') or document['error']['type']}"
    return told


ASKERS: dict[str, type[OverWebSocket | OverEvents | OverOpenAi]] = {
    "websocket": OverWebSocket,
    "sse": OverEvents,
    "openai": OverOpenAi,
}
