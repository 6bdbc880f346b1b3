"""Turns: so many at once, and tenants one after the other."""

import asyncio

import pytest

from connectors.documents.turns import Turns


class Stage:
    """Callers that say when they come on, and leave when they are told to."""

    def __init__(self, at_once):
        self.turns = Turns(at_once)
        self.came: list[str] = []
        self.leave: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task] = {}

    async def enter(self, *names):
        """Let callers in, each named by its tenant and a number: `a1`."""
        for name in names:
            self.leave[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._call(name))
            await settle()

    async def _call(self, name):
        async with self.turns.turn(name[0]):
            self.came.append(name)
            await self.leave[name].wait()

    async def let_go(self, *names):
        for name in names:
            self.leave[name].set()
            await settle()

    async def cancel(self, name):
        self.tasks[name].cancel()
        await settle()

    async def all_leave(self):
        for event in self.leave.values():
            event.set()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("at_once", [1, 2, 3])
async def test_so_many_come_on_at_once(at_once):
    stage = Stage(at_once)
    await stage.enter("a1", "a2", "b1", "c1")
    assert len(stage.came) == at_once
    await stage.all_leave()
    assert len(stage.came) == 4


async def test_one_tenants_many_let_anothers_one_pass():
    stage = Stage(2)
    await stage.enter(*(f"a{number}" for number in range(1_000)))
    await stage.enter("b1")
    await stage.let_go("a0", "a1")
    assert stage.came == ["a0", "a1", "a2", "b1"]
    await stage.all_leave()


async def test_tenants_come_in_rounds_each_in_its_own_order():
    stage = Stage(1)
    await stage.enter("x0", "a1", "a2", "a3", "b1", "b2", "c1")
    await stage.let_go("x0", "a1", "b1", "c1", "a2", "b2", "a3")
    assert stage.came == ["x0", "a1", "b1", "c1", "a2", "b2", "a3"]


async def test_who_stops_waiting_is_passed_over():
    stage = Stage(1)
    await stage.enter("x0", "a1", "a2", "b1")
    await stage.cancel("a1")
    await stage.cancel("b1")
    await stage.let_go("x0", "a2")
    assert stage.came == ["x0", "a2"]
    await stage.enter("c1")
    assert stage.came[-1] == "c1"  # the turn was not lost
    await stage.all_leave()


async def test_who_is_cancelled_with_the_turn_in_hand_passes_it_on():
    stage = Stage(1)
    async with stage.turns.turn("x"):
        await stage.enter("a1", "b1")
    stage.tasks["a1"].cancel()  # it has been given the turn, and has not run since
    await settle()
    assert stage.came == ["b1"]
    await stage.all_leave()


async def test_a_turn_ends_with_an_error_too():
    turns = Turns(1)
    for _ in range(3):
        with pytest.raises(KeyError):
            async with turns.turn("a"):
                raise KeyError
    async with turns.turn("b"):
        pass
