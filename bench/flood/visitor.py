"""A client of the gateway as one tenant's program is: asks, submits, and comes back when told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from bench.child import MeasurementFailed
from edge.client.gateway_client import BUSY, CLOSING
from edge.client.server_sent_events import events_in
from streams.log.clock import now_us

TIMEOUT_S = 300.0
CONNECTIONS_MAX = 200
TEXT = b'"type":"delta"'
BROKEN = 0
"""In a status's place: the connection broke before an answer began. A gateway closes one that was
idle, and on a busy machine a request may be on its way by then."""
AGAIN_S = 1.0


class ComeBack(Exception):
    """The gateway takes it later, with the seconds to wait."""

    def __init__(self, status: int, wait_s: float) -> None:
        super().__init__(status)
        self.status = status
        self.wait_s = wait_s


@dataclass(frozen=True)
class Heard:
    """One answer: seconds from the question to the first text (0: none) and to its end."""

    first_s: float
    whole_s: float
    closing: str
    """Type of the frame that ended it."""
    request: str
    asked_us: int = 0
    """When it was asked, in microseconds since the Unix epoch."""


class Visitor:
    """What speaks with the gateway for one tenant."""

    def __init__(
        self, gateway: str, key: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=gateway,
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT_S,
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            trust_env=False,
            transport=transport,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def ask(self, text: str) -> Heard:
        """Ask and read the stream to its end; raises ComeBack, or MeasurementFailed."""
        began, asked_us = time.perf_counter(), now_us()
        first_s = 0.0
        said = bytearray()
        body = {"text": text, "stream": True}
        async with self._begun("POST", "/v1/messages", body) as response:
            async for chunk in response.aiter_bytes():
                said += chunk
                if not first_s and TEXT in said:
                    first_s = time.perf_counter() - began
        whole_s = time.perf_counter() - began
        frames = [json.loads(event.data) for event in events_in([bytes(said)])]
        if not frames or frames[-1]["type"] not in CLOSING:
            raise MeasurementFailed("a stream ended before its answer did")
        return Heard(first_s, whole_s, frames[-1]["type"], frames[-1]["request_id"], asked_us)

    async def submit(self, uri: str, content: str) -> str:
        """Submit a document of Markdown; returns its id, or raises ComeBack."""
        body = {"uri": uri, "media_type": "text/markdown", "content": content}
        async with self._begun("POST", "/v1/documents", body) as response:
            await response.aread()
        document: str = response.json()["document_id"]
        return document

    async def timeline(self, request: str) -> dict[str, Any]:
        """Read what became of a question, step by step."""
        return await self._read(f"/v1/messages/{request}/timeline")

    async def document(self, document: str) -> dict[str, Any]:
        """Read what became of a document."""
        return await self._read(f"/v1/documents/{document}")

    async def _read(self, path: str) -> dict[str, Any]:
        """Read an object, as often as the connection breaks or the gateway says later."""
        while True:
            try:
                async with self._begun("GET", path) as response:
                    await response.aread()
            except ComeBack as refused:
                await asyncio.sleep(refused.wait_s)
            else:
                read: dict[str, Any] = response.json()
                return read

    @asynccontextmanager
    async def _begun(
        self, method: str, path: str, body: Any = None
    ) -> AsyncIterator[httpx.Response]:
        """Send a request and begin to read; raises ComeBack or MeasurementFailed."""
        request = self._http.build_request(method, path, json=body)
        try:
            response = await self._http.send(request, stream=True)
        except httpx.TransportError:
            raise ComeBack(BROKEN, AGAIN_S) from None
        try:
            await _check(response)
            yield response
        finally:
            await response.aclose()


async def _check(response: httpx.Response) -> None:
    if response.status_code in BUSY:
        raise ComeBack(response.status_code, float(response.headers.get("retry-after", "1")))
    if response.is_error:
        await response.aread()
        raise MeasurementFailed(f"the gateway answered {response.status_code}: {response.text}")
