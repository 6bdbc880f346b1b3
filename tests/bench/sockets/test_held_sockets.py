"""Sockets held open, and tokens that stream to some of them."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.server import serve

from bench.child import MeasurementFailed
from bench.sockets.held_sockets import HeldSockets, streamed


class Server:
    """Counts who comes with which key, and sends back what it is told to."""

    def __init__(self, answer=lambda text: [text], most=99):
        self.keys, self._answer, self._most = [], answer, most

    async def __call__(self, socket):
        self.keys.append(socket.request.headers.get("Authorization"))
        if len(self.keys) > self._most:
            await socket.close(1013)
            return
        async for text in socket:
            for frame in self._answer(text):
                await socket.send(frame)


class Numbers:
    """Tokens that are plain numbers; `lose` are never sent."""

    def __init__(self, sockets, lose=()):
        self._sockets, self._lose = sockets, lose

    async def say(self, stream, number):
        if (stream, number) not in self._lose:
            await self._sockets[stream].send(str(number))

    def number_in(self, frame):
        if frame == "error":
            raise MeasurementFailed("the server says so")
        return int(frame) if frame.isdigit() else None


class Run:
    """A server and its address."""

    def __init__(self, **more):
        self.server = Server(**more)

    async def __aenter__(self):
        self._serving = await serve(self.server, "127.0.0.1", 0)
        port = self._serving.sockets[0].getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/"
        return self

    async def __aexit__(self, *_):
        self._serving.close()


async def test_sockets_come_by_keys_in_turn_and_those_that_end_are_counted():
    async with Run() as run:
        held = HeldSockets(run.url, ("a", "b"))
        assert len(await held.open(2)) == 2
        new = await held.open(53)
        assert len(new) == 53
        assert held.lost == 0
        assert sorted(run.server.keys) == ["Bearer a"] * 28 + ["Bearer b"] * 27
        await new[0].close()
        assert held.lost == 1
        held.cut()
        assert held.lost == 0


async def test_who_is_refused_ends_the_measurement_and_says_how_many_are_open():
    async with Run() as run:
        held = HeldSockets(run.url)
        await held.open(3)
        held._url = "ws://127.0.0.1:9/"
        with pytest.raises(MeasurementFailed, match="3 sockets are open, no more"):
            await held.open(1)
        held.cut()


async def stream(answer, tokens=4, **more):
    async with Run(answer=answer) as run:
        held = HeldSockets(run.url)
        sockets = await held.open(3)
        arrivals = await streamed(sockets, Numbers(sockets, **more), tokens, 0.01)
        held.cut()
        return arrivals


async def test_each_token_is_timed_from_its_sending_to_its_reading():
    arrivals = await stream(lambda text: ["no token", text])
    assert (len(arrivals.latencies_s), arrivals.errors, arrivals.sent) == (12, [], {})
    assert all(0 < latency < 60 for latency in arrivals.latencies_s)


@pytest.mark.parametrize(
    ("answer", "told"),
    [(lambda text: [text, text], "came twice"), (lambda _: ["error"], "the server says so")],
)
async def test_what_goes_wrong_is_an_error_of_the_run(answer, told, monkeypatch):
    monkeypatch.setattr("bench.sockets.held_sockets.SILENCE_S", 0.1)
    arrivals = await stream(answer)
    assert any(told in error for error in arrivals.errors)


async def test_tokens_that_never_come_are_told(monkeypatch):
    monkeypatch.setattr("bench.sockets.held_sockets.SILENCE_S", 0.1)
    arrivals = await stream(lambda text: [text], lose=((1, 2), (2, 3)))
    assert arrivals.errors == ["2 tokens never came"]
    assert len(arrivals.latencies_s) == 10


async def test_a_socket_that_the_server_closes_is_lost():
    async with Run(most=2) as run:
        held = HeldSockets(run.url)
        await held.open(3)
        async with asyncio.timeout(60):
            while not held.lost:  # noqa: ASYNC110 - the socket has no event for it
                await asyncio.sleep(0.01)
        assert held.lost == 1
        held.cut()
