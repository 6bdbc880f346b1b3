"""Who works when, where not all can: whoever is in a hurry, and tenants in turn."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import Transient
from schemas import Embed, Embedded
from streams.running.fair_queue import BULK_TURNS, FairQueue
from streams.running.world import Call, World

SOON = 2**62


@dataclass(frozen=True)
class Asking:
    tenant: str
    deadline: int = 0


class Bench:
    """Work that begins when it is its turn, and ends when it is told to."""

    def __init__(self, at_once=1):
        self.queue = FairQueue(at_once)
        self.began, self.ends, self.tasks = [], {}, {}

    async def ask(self, name, asker):
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._work(name, asker))
        await asyncio.sleep(0)

    async def _work(self, name, asker):
        async with self.queue.turn(asker):
            self.began.append(name)
            await self.ends[name].wait()

    async def end(self, name):
        self.ends[name].set()
        await settled()

    async def end_all(self):
        while left := [name for name in self.began if not self.ends[name].is_set()]:
            await self.end(left[0])
        return self.began


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_as_many_work_at_once_as_can():
    bench = Bench(at_once=2)
    for name in "abc":
        await bench.ask(name, Asking("acme"))
    assert bench.began == ["a", "b"]
    await bench.end("b")
    assert bench.began == ["a", "b", "c"]


async def test_tenants_take_turns():
    bench = Bench()
    for name in ("a1", "a2", "a3", "b1", "b2", "c1"):
        await bench.ask(name, Asking(name[0]))
    assert await bench.end_all() == ["a1", "a2", "b1", "c1", "a3", "b2"]


async def test_who_is_in_a_hurry_goes_first_and_a_turn_is_left_to_the_others():
    bench = Bench()
    await bench.ask("first", Asking("acme"))
    for number in range(2):
        await bench.ask(f"document {number}", Asking("acme"))
    for number in range(2 * BULK_TURNS):
        await bench.ask(f"question {number}", Asking("acme", SOON))
    began = await bench.end_all()
    documents = [began.index(f"document {number}") for number in range(2)]
    assert documents == [BULK_TURNS, 2 * BULK_TURNS]


async def test_who_is_cancelled_while_waiting_takes_no_turn():
    bench = Bench()
    for name in "abc":
        await bench.ask(name, Asking("acme"))
    bench.tasks["b"].cancel()
    await settled()
    assert await bench.end_all() == ["a", "c"]


async def test_who_is_cancelled_is_forgotten():
    bench = Bench()
    for name in range(100):
        await bench.ask(name, Asking("acme"))
    for name in range(1, 100):
        bench.tasks[name].cancel()
    await settled()
    assert not any(bench.queue._waiting.values())


async def test_a_turn_that_was_given_to_one_who_is_cancelled_at_that_moment_is_passed_on():
    bench = Bench()
    for name in "abc":
        await bench.ask(name, Asking("acme"))
    bench.ends["a"].set()
    await asyncio.sleep(0)  # `a` ends and hands its turn to `b`, which does not know it yet
    bench.tasks["b"].cancel()
    await settled()
    assert bench.began[-1] == "c"
    await bench.end("c")
    await bench.ask("d", Asking("acme"))
    assert bench.began[-1] == "d"


async def test_work_that_fails_gives_its_turn_back():
    queue = FairQueue(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with queue.turn(Asking("acme")):
                raise ZeroDivisionError


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30),
    st.integers(1, 3),
    st.sets(st.integers(0, 29)),
)
def test_everybody_gets_a_turn_and_no_more_work_than_can(askers, at_once, cancelled):
    async def run():
        bench = Bench(at_once)
        for number, (tenant, hurried) in enumerate(askers):
            await bench.ask(number, Asking(tenant, SOON if hurried else 0))
        for number in cancelled & set(range(len(askers))) - set(bench.began):
            bench.tasks[number].cancel()
        await settled()
        while left := [name for name in bench.began if not bench.ends[name].is_set()]:
            assert len(left) <= at_once
            await bench.end(left[-1])
        for tenant in "abc":
            for kind in (True, False):
                of_one = [n for n in bench.began if askers[n] == (tenant, kind)]
                assert of_one == sorted(of_one)
        return set(bench.began)

    began = asyncio.run(run())
    assert set(range(len(askers))) - began <= cancelled


# ---------------------------------------------------------------------- what a bound counts


class OneAtATime:
    """A connector that does one thing at a time, each of which takes a while; None: for ever."""

    def __init__(self, work_s):
        self.queue, self.work_s = FairQueue(1), work_s

    def handlers(self):
        return {Embed: self.embed}

    def stream_handlers(self):
        return {}

    async def embed(self, request, call):
        await asyncio.gather(*(self._part(call) for _ in request.texts))
        return Embedded(vectors=(), model="m", dimensions=0)

    async def _part(self, call):
        async with self.queue.turn(call):
            if self.work_s is None:
                await asyncio.Event().wait()
            await asyncio.sleep(self.work_s)

    async def close(self): ...


def asked(world, texts=("x",), deadline=0):
    return world.ask(
        Embed(texts=texts, kind="passage"), Call("acme", 0, "r", "s", "e", "topic", 0, deadline)
    )


async def test_what_waits_behind_others_has_not_failed():
    world = World((OneAtATime(0.02),), timeout_s=0.4)
    await asyncio.gather(*(asked(world) for _ in range(30)))


async def test_what_waits_in_several_parts_has_not_failed_either():
    world = World((OneAtATime(0.02),), timeout_s=0.4)
    await asyncio.gather(*(asked(world, ("x", "y", "z")) for _ in range(10)))


async def test_what_works_for_too_long_has_failed_however_long_it_waited():
    world = World((OneAtATime(None),), timeout_s=0.05)
    results = await asyncio.gather(*(asked(world) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [Transient] * 3


async def test_a_question_counts_what_it_waits():
    connector = OneAtATime(0.0)
    world = World((connector,), timeout_s=0.05)
    async with connector.queue.turn(Asking("other")):
        document = asyncio.create_task(asked(world))
        with pytest.raises(Transient):
            await asked(world, deadline=SOON)
        assert not document.done()
    await document
