"""All connections are looked after by one task."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from edge.callers.standing import Standing
from edge.protocols.websocket.open_connections import OpenConnections


class Held:
    def __init__(self, told):
        self.standing = Standing()
        self._told = told

    def begin_to_end(self):
        self._told.append(self)


async def test_each_is_told_once_that_its_key_ended_and_all_that_the_gateway_stops():
    told, stopping = [], []
    open_connections = OpenConnections(lambda: bool(stopping))
    first, second, third = (Held(told) for _ in range(3))
    with ExitStack() as held:
        for one in (first, second, third):
            held.enter_context(open_connections.hold(one))
        second.standing.ended = "revoked"
        for _ in range(2):
            open_connections.look()
        assert told == [second]
        stopping.append(True)
        for _ in range(2):
            open_connections.look()
        assert told[0] is second
        assert set(told[1:]) == {first, third}
        assert len(told) == 3


async def test_who_left_is_told_nothing():
    told = []
    open_connections = OpenConnections(lambda: True)
    with open_connections.hold(Held(told)):
        pass
    open_connections.look()
    assert told == []


async def test_one_task_looks_after_all_of_them_and_none_after_nobody(monkeypatch):
    monkeypatch.setattr("edge.protocols.websocket.open_connections.POLL_S", 0.001)
    told, before = [], len(asyncio.all_tasks())
    open_connections = OpenConnections(lambda: False)
    for _ in range(2):
        with ExitStack() as held:
            connections = [Held(told) for _ in range(10)]
            for one in connections:
                held.enter_context(open_connections.hold(one))
            assert len(asyncio.all_tasks()) == before + 1
            connections[3].standing.ended = "expired"
            async with asyncio.timeout(60):
                while not told:  # noqa: ASYNC110 - the task that looks has no event
                    await asyncio.sleep(0.001)
            assert told.pop() is connections[3]
        async with asyncio.timeout(60):
            while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - nor has its end
                await asyncio.sleep(0.001)
