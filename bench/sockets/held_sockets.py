"""The clients: many sockets held open by this process, and what some of them are told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.protocol import State

from bench.child import MeasurementFailed

AT_ONCE = 50  # that connect at a time
CONNECT_S = 60.0
SILENCE_S = 60.0  # without one token of all that were sent: then nothing comes any more


class HeldSockets:
    """Sockets to one address, which all answer pings; as a browser's, they offer compression."""

    def __init__(self, url: str, keys: Sequence[str] = ()) -> None:
        """Connect by keys in turn; by none where there are none."""
        self._url = url
        self._keys = keys
        self._sockets: list[ClientConnection] = []

    async def open(self, count: int) -> list[ClientConnection]:
        """Open some more; raises MeasurementFailed where they are refused."""
        opened: list[ClientConnection] = []
        while len(opened) < count:
            some = min(AT_ONCE, count - len(opened))
            begun = [self._connect(len(self._sockets) + number) for number in range(some)]
            try:
                new = await asyncio.gather(*begun)
            except (OSError, WebSocketException, TimeoutError) as error:
                held = len(self._sockets)
                raise MeasurementFailed(f"{held} sockets are open, no more: {error}") from None
            self._sockets += new
            opened += new
        return opened

    async def _connect(self, number: int) -> ClientConnection:
        key = self._keys[number % len(self._keys)] if self._keys else ""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return await connect(
            self._url,
            additional_headers=headers,
            open_timeout=CONNECT_S,
            ping_interval=None,
            proxy=None,
        )

    @property
    def lost(self) -> int:
        """How many of them are no longer open."""
        return sum(socket.state is not State.OPEN for socket in self._sockets)

    def cut(self) -> None:
        """Let go of all at once."""
        for socket in self._sockets:
            socket.transport.abort()
        self._sockets.clear()


class TokenTalk(Protocol):
    """What streams on some sockets: tokens that are numbered, the same on each."""

    async def say(self, stream: int, number: int) -> None:
        """Send a token on its way to a stream's socket."""

    def number_in(self, frame: str | bytes) -> int | None:
        """Return which token a frame brings; None where it brings none.

        Raises MeasurementFailed for a frame of an error.
        """

    def close(self) -> None:
        """Let go of what it sends with."""


@dataclass
class TokenArrivals:
    """When tokens were sent, and how long they took until they were read."""

    tokens: int
    """That are sent in all."""
    sent: dict[tuple[int, int], float] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    all_there: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, stream: int, number: int, now: float) -> None:
        """Note that a token was read."""
        sent = self.sent.pop((stream, number), None)
        if sent is None:
            self.errors.append(f"token {number} of stream {stream} came twice, or unsent")
            return
        self.latencies_s.append(now - sent)
        if len(self.latencies_s) == self.tokens:
            self.all_there.set()


async def streamed(
    sockets: Sequence[ClientConnection],
    talk: TokenTalk,
    tokens: int,
    every_s: float,
    clock: Callable[[], float] = time.perf_counter,
) -> TokenArrivals:
    """Stream so many tokens to each socket, one each so often, evenly spread over the sockets."""
    arrivals = TokenArrivals(tokens * len(sockets))
    readers = [
        asyncio.create_task(_read(stream, socket, talk, arrivals, clock))
        for stream, socket in enumerate(sockets)
    ]
    try:
        due = clock()
        for number in range(tokens):
            for stream in range(len(sockets)):
                await asyncio.sleep(max(0.0, due - clock()))
                arrivals.sent[stream, number] = clock()
                await talk.say(stream, number)
                due += every_s / len(sockets)
        try:
            async with asyncio.timeout(SILENCE_S):
                await arrivals.all_there.wait()
        except TimeoutError:
            arrivals.errors.append(f"{len(arrivals.sent)} tokens never came")
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    return arrivals


async def _read(
    stream: int,
    socket: ClientConnection,
    talk: TokenTalk,
    arrivals: TokenArrivals,
    clock: Callable[[], float],
) -> None:
    try:
        async for frame in socket:
            number = talk.number_in(frame)
            if number is not None:
                arrivals.take(stream, number, clock())
    except (MeasurementFailed, ConnectionClosed) as error:
        arrivals.errors.append(f"stream {stream}: {error}")
