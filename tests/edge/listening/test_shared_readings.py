"""Readings that several wait for: one of a lane, for as long as anybody waits."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace

import pytest

from agents.errors import Transient
from edge.listening.known_requests import known_from
from edge.listening.reading_turns import AT_ONCE, ReadingTurns
from edge.listening.shared_readings import TOGETHER_MAX, SharedReadings
from schemas import AnswerReleased, QuestionAsked
from tests.edge.answering.histories import QUESTION

REQUEST = known_from(QUESTION, 1_700_000_000_000)
KINDS = (QuestionAsked, AnswerReleased)
LONG_S = 60.0


class Log:
    """Finds of each request its name, once it may."""

    def __init__(self):
        self.turns = ReadingTurns(LONG_S)
        self.shared = SharedReadings(self.turns, self.read)
        self.readings = []
        self.may_read = threading.Event()
        self.unwanted = threading.Event()
        self.error = None

    def read(self, requests, kinds, unwanted):
        self.readings.append(([one.request for one in requests], kinds))
        until_s = time.monotonic() + LONG_S
        while not self.may_read.wait(0.001) and time.monotonic() < until_s:
            if unwanted():
                self.unwanted.set()
        if self.error:
            raise self.error
        return {one.whose: one.request for one in requests}

    def ask(self, name, lane=0, kinds=KINDS):
        request = replace(REQUEST, request=name, lane=lane)
        return asyncio.create_task(self.shared.read(request, kinds))

    async def begun(self, count):
        async with asyncio.timeout(LONG_S):
            while len(self.readings) < count:  # noqa: ASYNC110 - another thread makes it so
                await asyncio.sleep(0.001)


@pytest.fixture
async def log():
    return Log()


async def all_turns_held(log):
    """Hold all turns by readings of lanes of their own."""
    held = [log.ask("held", lane=100 + number) for number in range(AT_ONCE)]
    await log.begun(AT_ONCE)
    log.readings.clear()
    return held


async def test_who_comes_before_a_reading_begins_joins_it_and_who_comes_later_waits_for_the_next(
    log,
):
    first = log.ask("a"), log.ask("b")
    await log.begun(1)
    later = log.ask("c")
    log.may_read.set()
    assert await asyncio.gather(*first, later) == ["a", "b", "c"]
    assert log.readings == [(["a", "b"], KINDS), (["c"], KINDS)]


async def test_lanes_and_kinds_are_read_apart(log):
    held = await all_turns_held(log)
    asked = [log.ask("a"), log.ask("b", lane=1), log.ask("c", kinds=KINDS[:1]), log.ask("d")]
    await asyncio.sleep(0)
    log.may_read.set()
    assert await asyncio.gather(*asked) == ["a", "b", "c", "d"]
    read = [(["a", "d"], KINDS), (["b"], KINDS), (["c"], KINDS[:1])]
    assert sorted(log.readings, key=str) == sorted(read, key=str)
    await asyncio.gather(*held)


async def test_so_many_are_read_together_and_no_more(log):
    held = await all_turns_held(log)
    asked = [log.ask(f"r-{number}") for number in range(2 * TOGETHER_MAX + 1)]
    await asyncio.sleep(0)
    log.may_read.set()
    assert await asyncio.gather(*asked) == [f"r-{number}" for number in range(len(asked))]
    sizes = sorted(len(names) for names, _ in log.readings)
    assert sizes == [1, TOGETHER_MAX, TOGETHER_MAX]
    await asyncio.gather(*held)


async def test_who_leaves_does_not_end_it_for_the_others(log):
    stays, leaves = log.ask("a"), log.ask("b")
    await log.begun(1)
    leaves.cancel()
    await asyncio.gather(leaves, return_exceptions=True)
    log.may_read.set()
    assert await stays == "a"
    assert not log.unwanted.is_set()


async def test_once_the_last_has_left_it_is_told_and_nobody_joins_it(log):
    asked = [log.ask("a"), log.ask("b")]
    await log.begun(1)
    for one in asked:
        one.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    assert await asyncio.to_thread(log.unwanted.wait, LONG_S)
    log.may_read.set()
    assert await log.ask("c") == "c"


async def test_one_that_all_left_before_it_began_is_not_read(log):
    held = await all_turns_held(log)
    left = log.ask("a")
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    after = log.ask("b")
    await asyncio.sleep(0)
    log.may_read.set()
    assert await after == "b"
    await asyncio.gather(*held)
    assert log.readings == [(["b"], KINDS)]


async def test_all_who_wait_are_told_what_went_wrong(log):
    log.error = TimeoutError("silent")
    asked = [log.ask("a"), log.ask("b")]
    log.may_read.set()
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(error) for error in told] == [Transient, Transient]
