"""Shared rounds: many are served at once, each by a round that began after they asked."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import Permanent
from connectors.shared_rounds import SharedRounds


class Work:
    """What is done in rounds: each takes a few turns of the loop; what is poisoned is refused."""

    def __init__(self, poisoned=(), error=Permanent):
        self.poisoned, self.error = set(poisoned), error
        self.rounds, self.began, self.served = [], 0, set()
        self.under_way = 0

    async def __call__(self, asked):
        self.began += 1
        number, asked = self.began, list(asked)
        self.rounds.append(asked)
        self.under_way += 1
        assert self.under_way == 1
        try:
            for _ in range(3):
                await asyncio.sleep(0)
            if self.poisoned & set(asked):
                raise self.error("refused")
        finally:
            self.under_way -= 1
        self.served.update(asked)
        return number


async def after(turns, rounds, work, what):
    for _ in range(turns):
        await asyncio.sleep(0)
    began = work.began
    return began, await rounds.ask(what)


@given(st.lists(st.integers(0, 12), max_size=40))
def test_each_is_served_by_a_round_that_began_after_it_asked_and_waits_for_two_at_most(turns):
    work = Work()
    rounds = SharedRounds(work)

    async def all_of_them():
        asking = [after(turn, rounds, work, number) for number, turn in enumerate(turns)]
        return await asyncio.gather(*asking)

    for began, number in asyncio.run(all_of_them()):
        assert began < number <= began + 2
    assert sorted(one for asked in work.rounds for one in asked) == list(range(len(turns)))


async def test_who_comes_while_a_round_is_under_way_shares_the_next():
    work = Work()
    rounds = SharedRounds(work)
    await asyncio.gather(*(rounds.ask(number) for number in range(50)))
    assert [len(asked) for asked in work.rounds] == [1, 49]


@given(st.sets(st.integers(0, 9)), st.lists(st.integers(0, 6), min_size=10, max_size=10))
def test_what_is_refused_takes_none_along(poisoned, turns):
    work = Work(poisoned)
    rounds = SharedRounds(work)

    async def all_of_them():
        asking = [after(turn, rounds, work, number) for number, turn in enumerate(turns)]
        return await asyncio.gather(*asking, return_exceptions=True)

    answers = asyncio.run(all_of_them())
    refused = {n for n, answer in enumerate(answers) if isinstance(answer, Permanent)}
    assert (refused, work.served) == (poisoned, set(range(10)) - poisoned)


async def test_what_fails_on_the_way_is_tried_again_by_the_others_and_not_by_who_was_told():
    work = Work({0}, ConnectionError)
    rounds = SharedRounds(work)
    first = asyncio.create_task(rounds.ask(9))
    await asyncio.sleep(0)
    rest = [asyncio.create_task(rounds.ask(number)) for number in range(3)]
    answers = await asyncio.gather(first, *rest, return_exceptions=True)
    assert [type(one) for one in answers] == [int, ConnectionError, int, int]
    assert work.rounds == [[9], [0, 1, 2], [1, 2]]


@pytest.mark.parametrize("turns", range(8))
async def test_who_leaves_takes_nothing_from_the_others(turns):
    work = Work()
    rounds = SharedRounds(work)
    asking = [asyncio.create_task(rounds.ask(number)) for number in range(4)]
    for _ in range(turns):
        await asyncio.sleep(0)
    asking[0].cancel()
    asking[2].cancel()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(answers[number], int) for number in (1, 3))
    assert work.served >= {1, 3}
    assert await rounds.ask(7) == work.began
    assert work.rounds[-1] == [7]
