"""The driver: askers that ask over HTTP, wait for the whole answer and ask again.

One process and one loop ask all programs alike. The stream is read as bytes and taken apart when an
answer is over, so that the driver takes little of the machine that it measures.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from bench.child import MeasurementFailed
from bench.peers.corpus import KnownSight
from bench.spread import percentiles
from edge.client.gateway_client import BUSY
from edge.client.server_sent_events import events_in

DELTA = b'"type":"delta"'
TIMEOUT_S = 600.0
BUDGET_MS = 300_000  # nobody is in a hurry: what is measured is the machine


class WrongWork(MeasurementFailed):
    """An answer is not the one that all programs must give; the message says what came."""


@dataclass(frozen=True)
class PeerAddress:
    """Where a program takes questions, and what they bear."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, object] = field(default_factory=dict)
    """Fields beside the text."""


PRODUCT_BODY: dict[str, object] = {"stream": True, "max_tokens": 256, "budget_ms": BUDGET_MS}


@dataclass(frozen=True)
class PeerAnswer:
    """One answer: seconds to the first text and to the end, and what was said."""

    first_s: float
    whole_s: float
    text: str
    uris: tuple[str, ...]
    degraded: tuple[str, ...] = ()


@dataclass
class Told:
    """What the askers of one visit saw."""

    answers: list[PeerAnswer] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    """By status: how often a question was to come again."""
    degraded: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Waits:
    """What some askers waited, in milliseconds, and the rate of their whole chats a second."""

    chats: int
    rate: float
    first_p50_ms: float
    first_p95_ms: float
    whole_p50_ms: float
    refused: int
    degraded: int

    @classmethod
    def of(cls, told: Told, seconds: float) -> Waits:
        """Sum up at least two answers."""
        first = percentiles(1000 * one.first_s for one in told.answers)
        whole = percentiles(1000 * one.whole_s for one in told.answers)
        chats = len(told.answers)
        return cls(
            chats,
            chats / seconds,
            first[0],
            first[1],
            whole[0],
            sum(told.refused.values()),
            sum(told.degraded.values()),
        )


@asynccontextmanager
async def connected() -> AsyncIterator[aiohttp.ClientSession]:
    """Have connections, as many as there are askers."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield session


async def ask(http: aiohttp.ClientSession, at: PeerAddress, text: str, told: Told) -> PeerAnswer:
    """Ask and read the answer to its end; who is refused comes again when told to.

    The time counts from the request that was taken. Raises MeasurementFailed for an error.
    """
    while True:
        began = time.perf_counter()
        body = {"text": text, **at.body}
        async with http.post(f"{at.url}/v1/messages", json=body, headers=at.headers) as response:
            if response.status in BUSY:
                told.refused[response.status] += 1
                wait_s = float(response.headers.get("retry-after", "1"))
            elif response.status >= 400:
                raise MeasurementFailed(f"{at.url}: {response.status}: {await response.text()}")
            else:
                return await _read(response, began)
        await asyncio.sleep(wait_s)


async def _read(response: aiohttp.ClientResponse, began: float) -> PeerAnswer:
    first_s, said = 0.0, []
    async for chunk in response.content.iter_any():
        said.append(chunk)
        if not first_s and DELTA in chunk:
            first_s = time.perf_counter() - began
    whole_s = time.perf_counter() - began
    frames = [orjson.loads(event.data) for event in events_in(said)]
    if not frames or frames[-1]["type"] != "completed":
        raise MeasurementFailed(f"an answer ended with {frames[-1:]}")
    last = frames[-1]
    shown = "".join(frame["text"] for frame in frames if frame["type"] == "delta")
    if shown != last["text"]:
        raise WrongWork(f"{shown!r} was shown, and {last['text']!r} is the answer")
    uris = tuple(citation["uri"] for citation in last["citations"])
    return PeerAnswer(first_s, whole_s, shown, uris, tuple(last.get("degraded", ())))


def check(place: KnownSight, answer: PeerAnswer) -> None:
    """Raise WrongWork unless an answer has all its tokens, and is from the right document."""
    if answer.text != place.text:
        words = len(answer.text.split())
        raise WrongWork(f"{place.uri}: {words} of {place.words} tokens came: {answer.text!r}")
    if answer.uris[:1] != (place.uri,):
        raise WrongWork(f"{place.uri}: the answer is from {answer.uris}")


async def crowd(
    http: aiohttp.ClientSession,
    at: PeerAddress,
    users: int,
    chats: int,
    asking: Iterator[KnownSight],
) -> tuple[Told, float]:
    """Hold so many chats, so many at once; returns what was seen, and the seconds it took."""
    told = Told()
    left = iter(range(chats))

    async def one() -> None:
        for _ in left:
            place = next(asking)
            answer = await ask(http, at, place.question, told)
            check(place, answer)
            told.answers.append(answer)
            told.degraded.update(answer.degraded)

    began = time.perf_counter()
    await all_of([one() for _ in range(users)])
    return told, time.perf_counter() - began


async def all_of(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Do several works at once; where one fails the others are ended, and its error is raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
