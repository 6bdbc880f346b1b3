"""Frames on their way out: in order, bounded, and nothing left where nothing is sent."""

from __future__ import annotations

import asyncio

import pytest

from edge.protocols.websocket.frames_out import FramesOut


class Way:
    """What takes the frames, and how many tasks were begun for it."""

    def __init__(self, most=4):
        self.sent, self.tasks = [], []
        self.more = True
        self.clear = asyncio.Event()
        self.clear.set()
        self.out = FramesOut(most, self.send, self.begin, lambda: self.more)

    async def send(self, frame):
        if not self.clear.is_set():  # else nothing is waited for, as on a socket with room
            await self.clear.wait()
        self.sent.append(frame)

    def begin(self, work):
        self.tasks.append(asyncio.create_task(work))

    async def settled(self):
        for _ in range(20):
            await asyncio.sleep(0)

    @property
    def under_way(self):
        return sum(not task.done() for task in self.tasks)


@pytest.fixture
async def way():
    way = Way()
    yield way
    for task in way.tasks:
        task.cancel()


async def test_frames_go_out_in_order_by_one_task_while_more_may_come(way):
    for number in range(3):
        await way.out.put(number)
        await way.settled()
    assert way.sent == [0, 1, 2]
    assert (len(way.tasks), way.under_way) == (1, 1)


async def test_nothing_is_left_once_no_more_may_come(way):
    await way.out.put(1)
    await way.settled()
    way.more = False
    way.out.look()
    await way.settled()
    assert way.under_way == 0
    way.out.look()  # of no account
    await way.out.put(2)
    await way.settled()
    assert way.sent == [1, 2]
    assert (len(way.tasks), way.under_way) == (2, 0)


async def test_a_look_while_frames_wait_loses_none(way):
    way.clear.clear()
    for number in range(5):
        await way.out.put(number)
        await way.settled()
    way.more = False
    way.out.look()  # there is no room for as much as a word
    way.clear.set()
    await way.settled()
    assert way.sent == [0, 1, 2, 3, 4]
    assert way.under_way == 0


async def test_so_many_wait_and_whoever_adds_more_waits_itself(way):
    way.clear.clear()
    for number in range(5):  # one in hand and four that wait
        await way.out.put(number)
        await way.settled()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await way.out.put("too many")
    way.clear.set()
    await way.settled()
    assert way.sent == [0, 1, 2, 3, 4]


async def test_what_waited_for_room_goes_out_though_no_more_may_come(way):
    way.clear.clear()
    way.more = False
    adding = [asyncio.create_task(way.out.put(number)) for number in range(12)]
    await way.settled()
    way.clear.set()
    await asyncio.gather(*adding)
    await way.settled()
    assert way.sent == list(range(12))
    assert way.under_way == 0
