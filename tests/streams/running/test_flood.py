"""Twenty tenants chat beside the crowd of another one, in a time that only passes where all wait.

One core answers a question in 0.6 s, and all that are under way share it: so it is with the chat model of the local
stack, where four answers at once take four times as long as one (measured). What is counted is how long tenants wait who
ask one question at a time. Nothing here depends on the machine.
"""

import asyncio
import contextlib
import random
from dataclasses import dataclass

import pytest

from bench.spread import percentiles
from connectors.triton.connector import RESERVED
from streams.running.fair_queue import FairQueue
from streams.settings import Settings

ANSWER_S = 0.6
SLICE_S = 0.02  # of the core, for one answer after the other
WATCHED_S = 600.0
WINDOW = 16  # of the crowd's questions that wait at once; more wait before them


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time goes on to the next thing to do, instead of waiting for it."""

    now_s = 0.0

    def time(self):
        return self.now_s

    def _run_once(self):
        if not self._ready and self._scheduled:
            self.now_s = max(self.now_s, self._scheduled[0].when())
        super()._run_once()


@dataclass(frozen=True)
class Question:
    tenant: str
    request: str
    deadline: int = 1


class FirstCome:
    """What stood there before: places, taken in the order of asking."""

    def __init__(self, at_once):
        self._places = asyncio.Semaphore(at_once)

    @contextlib.asynccontextmanager
    async def turn(self, _asker):
        async with self._places:
            yield


def fair():
    most = Settings().generations
    clock = asyncio.get_running_loop().time
    return FairQueue(most, reserved=max(1, most // RESERVED), clock=clock)


class Machine:
    """A core behind a queue, and tenants who ask."""

    def __init__(self, queue):
        self._queue, self._core = queue, asyncio.Lock()
        self._clock = asyncio.get_running_loop().time
        self.waited_s, self.of_the_crowd = [], 0

    async def _answer(self, question):
        async with self._queue.turn(question):
            for _ in range(round(ANSWER_S / SLICE_S)):
                async with self._core:
                    await asyncio.sleep(SLICE_S)

    async def chat(self, tenant, think_s, chance):
        while self._clock() < WATCHED_S:
            await asyncio.sleep(chance.uniform(0, 2 * think_s))
            asked_s = self._clock()
            await self._answer(Question(tenant, f"{tenant} at {asked_s}"))
            self.waited_s.append(self._clock() - asked_s)

    async def crowd(self, number):
        while True:
            await self._answer(Question("crowd", str(number)))
            self.of_the_crowd += 1


def figures(queue, *, tenants, think_s, crowd):
    """Return the 95th of 100 waits of those who chat, and how many answers the crowd got."""

    async def run():
        machine = Machine(queue())
        chance = random.Random(7)
        crowding = [asyncio.create_task(machine.crowd(n)) for n in range(WINDOW if crowd else 0)]
        chats = (machine.chat(f"tenant {n}", think_s, chance) for n in range(tenants))
        await asyncio.gather(asyncio.sleep(WATCHED_S), *chats)
        for task in crowding:
            task.cancel()
        await asyncio.gather(*crowding, return_exceptions=True)
        p95_s = percentiles(machine.waited_s)[1] if tenants else 0.0
        return p95_s, machine.of_the_crowd

    with contextlib.closing(JumpingLoop()) as loop:
        return loop.run_until_complete(run())


@pytest.mark.parametrize(
    ("tenants", "think_s", "at_most"),
    [
        (20, 25.0, 1.55),  # half of what the core can do
        (3, 0.0, 1.4),  # more than it can do: one more tenant, one more share
        (1, 2.0, 2.0),  # on top of its own answer, one that was begun before it asked
    ],
)
def test_a_crowd_delays_no_other_tenants_question_by_more_than_an_answer(tenants, think_s, at_most):
    quiet, _ = figures(fair, tenants=tenants, think_s=think_s, crowd=False)
    beside, answers = figures(fair, tenants=tenants, think_s=think_s, crowd=True)
    assert beside <= at_most * quiet
    assert answers * ANSWER_S >= WATCHED_S / 8 - 2 * ANSWER_S


def test_a_core_that_is_not_needed_by_others_is_the_crowds():
    _, answers = figures(fair, tenants=0, think_s=0.0, crowd=True)
    assert answers >= WATCHED_S / ANSWER_S - 1


def test_first_come_first_served_would_be_seen_here():
    quiet, _ = figures(lambda: FirstCome(4), tenants=20, think_s=25.0, crowd=False)
    beside, _ = figures(lambda: FirstCome(4), tenants=20, think_s=25.0, crowd=True)
    assert beside > 5 * quiet
