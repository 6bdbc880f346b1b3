"""Turns at reading back: few at once, each for as long as its thread reads, and none for nobody."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from confluent_kafka import KafkaException

from agents.errors import Transient
from edge.listening.reading_turns import AT_ONCE, WAITING_MAX, ReadingTurns

LONG_S = 60.0


class Reading:
    """A reading on a thread, that goes on until it may end or nobody wants it."""

    def __init__(self, turns, found="found"):
        self.begun, self.may_end, self.ended = (threading.Event() for _ in range(3))
        self.was_unwanted = False
        self.task = asyncio.create_task(turns.read(lambda: self.read))
        self._found = found

    def read(self, unwanted):
        self.begun.set()
        until_s = time.monotonic() + LONG_S
        while not self.may_end.wait(0.001) and time.monotonic() < until_s:
            self.was_unwanted |= unwanted()
        self.ended.set()
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


async def until(event):
    assert await asyncio.to_thread(event.wait, LONG_S)


async def begun(turns, count=AT_ONCE):
    readings = [Reading(turns) for _ in range(count)]
    for one in readings:
        await until(one.begun)
    return readings


async def ended(readings):
    for one in readings:
        one.may_end.set()
    return await asyncio.gather(*(one.task for one in readings), return_exceptions=True)


async def test_few_read_at_once_and_the_next_begins_when_one_has_ended():
    turns = ReadingTurns(LONG_S)
    first = await begun(turns)
    last = Reading(turns, "last")
    await asyncio.sleep(0.01)
    assert not last.begun.is_set()
    first[0].may_end.set()
    await until(last.begun)
    assert await ended([last]) == ["last"]
    assert await ended(first) == ["found"] * AT_ONCE


async def test_a_turn_lasts_as_long_as_its_thread_reads_though_nobody_waits_for_it():
    turns = ReadingTurns(LONG_S)
    first = await begun(turns)
    for one in first:
        one.task.cancel()
    await asyncio.gather(*(one.task for one in first), return_exceptions=True)
    last = Reading(turns)
    await asyncio.sleep(0.01)
    assert not last.begun.is_set()
    first[0].may_end.set()
    await until(last.begun)
    await ended([*first[1:], last])


async def test_a_reading_is_told_when_nobody_waits_for_it_any_more():
    turns = ReadingTurns(LONG_S)
    [left, awaited] = await begun(turns, 2)
    left.task.cancel()
    await asyncio.gather(left.task, return_exceptions=True)
    async with asyncio.timeout(LONG_S):
        while not left.was_unwanted:  # noqa: ASYNC110 - another thread makes it so
            await asyncio.sleep(0.001)
    assert not awaited.was_unwanted
    await ended([left, awaited])


async def test_whoever_waits_for_long_is_told_to_come_again_and_takes_no_turn():
    turns = ReadingTurns(0.0)
    first = await begun(turns)
    with pytest.raises(Transient, match="others are being read back"):
        await turns.read(lambda: pytest.fail("it is nobody's turn"))
    await ended(first)
    assert await ended(await begun(turns)) == ["found"] * AT_ONCE


async def test_whoever_comes_while_many_wait_is_told_to_come_again():
    turns = ReadingTurns(LONG_S)
    first = await begun(turns)
    waiting = [Reading(turns) for _ in range(WAITING_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(Transient, match="64 others wait"):
        await turns.read(lambda: pytest.fail("it is nobody's turn"))
    assert await ended([*first, *waiting]) == ["found"] * (AT_ONCE + WAITING_MAX)
    assert await ended([Reading(turns)]) == ["found"]


@pytest.mark.parametrize("error", [KafkaException("away"), TimeoutError("silent")])
async def test_a_log_that_can_not_be_read_is_transient_and_its_turn_is_over(error):
    turns = ReadingTurns(LONG_S)
    for _ in range(2 * AT_ONCE):
        [failed] = await ended([Reading(turns, error)])
        assert isinstance(failed, Transient)
        assert type(error).__name__ in str(failed)


async def test_what_can_not_begin_takes_no_turn():
    turns = ReadingTurns(LONG_S)
    for _ in range(2 * AT_ONCE):
        with pytest.raises(ZeroDivisionError):
            await turns.read(lambda: 1 // 0)
