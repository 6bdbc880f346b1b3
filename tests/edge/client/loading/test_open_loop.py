"""The open loop: it never waits for an answer, counts each question once, and gives none up in silence."""

from __future__ import annotations

import asyncio

import pytest

from edge.client.loading.load_arrivals import LoadArrival
from edge.client.loading.load_askers import COMPLETED, LATE
from edge.client.loading.open_loop import NOT_SENT, STOPPED, LoadPlan, OpenLoop


class ScriptedAsker:
    """Answers when it is let go; stands for a gateway that takes its time."""

    def __init__(self):
        self.let_go = asyncio.Event()
        self.questions = []
        self.closed = False

    async def ask(self, question, asked):
        self.questions.append((question, asked.max_tokens))
        await self.let_go.wait()
        asked.add("x")
        asked.outcome = COMPLETED

    async def close(self):
        self.closed = True


def a_plan(**fields):
    return LoadPlan(
        **{"questions": ("a", "b"), "max_tokens": 8, "in_flight_max": 9, "patience_s": 60, **fields}
    )


async def until(what):
    async with asyncio.timeout(60):
        while not what():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)


async def test_it_asks_on_while_no_answer_comes_and_waits_for_all_at_the_end():
    asker = ScriptedAsker()
    loop = OpenLoop(asker, a_plan())
    running = asyncio.create_task(
        loop.run([LoadArrival(0.0), LoadArrival(0.0, 48), LoadArrival(0.01)])
    )
    await until(lambda: len(asker.questions) == 3)
    assert asker.questions == [("a", 8), ("b", 48), ("a", 8)]
    assert not running.done()
    asker.let_go.set()
    await running
    assert [one.outcome for one in loop.asked] == [COMPLETED] * 3
    assert asker.closed
    for one in loop.asked:
        assert one.due_s <= one.sent_s <= one.parts_s[0] <= one.ended_s


async def test_one_that_finds_no_room_is_counted_and_not_asked():
    asker = ScriptedAsker()
    loop = OpenLoop(asker, a_plan(in_flight_max=2))
    running = asyncio.create_task(loop.run([LoadArrival(0.0)] * 5))
    await until(lambda: len(loop.asked) == 5)
    asker.let_go.set()
    await running
    assert [one.outcome for one in loop.asked] == [COMPLETED] * 2 + [NOT_SENT] * 3


async def test_an_answer_without_end_is_given_up_after_the_patience_and_said_so():
    loop = OpenLoop(ScriptedAsker(), a_plan(patience_s=0.01))
    await loop.run([LoadArrival(0.0)])
    assert [one.outcome for one in loop.asked] == [LATE]


async def test_what_is_in_flight_when_it_is_stopped_counts_as_stopped():
    asker = ScriptedAsker()
    loop = OpenLoop(asker, a_plan())
    running = asyncio.create_task(loop.run([LoadArrival(0.0), LoadArrival(3_600)]))
    await until(lambda: asker.questions)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [one.outcome for one in loop.asked] == [STOPPED]
    assert asker.closed
