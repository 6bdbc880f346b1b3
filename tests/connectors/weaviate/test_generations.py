"""The index: generations, the alias that puts one in force, and making what is missing."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import Permanent, Transient
from connectors.weaviate.generations import ASKED_AGAIN_S, GENERATION_S, Index
from connectors.weaviate.schema import (
    ALIAS,
    chunks_name,
    create_missing,
    documents_name,
    generation_of,
    tenant_name,
    vectors_name,
)
from streams.settings import Settings
from tests.connectors.weaviate.memory import MemoryWeaviate


@pytest.fixture
def server():
    return MemoryWeaviate()


def opened(server, generation=None):
    return Index(Settings(), generation, server)


async def test_the_first_to_ask_makes_a_generation_and_puts_it_in_force(server):
    index = opened(server)
    assert await index.number() == 1
    assert set(server.data) == {chunks_name(1), documents_name(1), vectors_name(1)}
    assert server.pointers == {ALIAS: chunks_name(1)}
    assert await index.generations() == (1,)


async def test_who_only_reads_makes_nothing(server):
    reading = opened(server)
    reading.creates_missing = False
    with pytest.raises(Transient, match="no alias"):
        await reading.number()
    aside = opened(server, 9)
    aside.creates_missing = False
    await aside.chunks_of("acme")
    assert (dict(server.data), server.pointers) == ({}, {})


async def test_many_that_start_at_once_make_one_generation(server):
    indexes = [opened(server) for _ in range(5)]
    assert await asyncio.gather(*(index.number() for index in indexes)) == [1] * 5
    assert len(server.data) == 3


async def test_what_another_process_made_in_the_meantime_stands(server):
    client = server(Settings())
    exists = client.collections.exists
    answers = iter([False, True] * 3)

    async def lag(name):
        await exists(name)
        return next(answers)

    await create_missing(server(Settings()), 1)
    client.collections.exists = lag  # it did not exist a moment ago
    await create_missing(client, 1)
    assert len(server.data) == 3


async def test_one_generation_is_filled_while_another_is_in_force(server):
    live, aside = opened(server), opened(server, 2)
    assert (await live.number(), await aside.number()) == (1, 2)
    await aside.chunks_of("acme")
    assert await live.generations() == (1, 2)
    await aside.put_in_force()
    assert await aside.generations() == (2, 1)
    assert await opened(server).number() == 2


async def test_a_swap_is_followed_when_the_alias_is_read_again(server):
    live, aside = opened(server), opened(server, 2)
    assert await live.number() == 1
    await aside.put_in_force()
    assert await live.number() == 1  # trusted for some time
    live._generation = (0.0, 1)
    assert await live.number() == 2
    until, _ = live._generation
    assert until <= asyncio.get_running_loop().time() + GENERATION_S


def counting(server, index):
    """Count how often the alias is asked for, and hold the answers back until they may come."""
    asked, go_on = [], asyncio.Event()

    def made(settings):
        client = server(settings)
        get = client.alias.get

        async def slow(**which):
            asked.append(which)
            await go_on.wait()
            return await get(**which)

        client.alias.get = slow
        return client

    index._new_client = made
    return asked, go_on


async def test_many_that_must_wait_for_the_alias_wait_for_one_answer(server):
    index = opened(server)
    asked, go_on = counting(server, index)
    go_on.set()
    await index.generations()
    asked.clear()
    go_on.clear()
    waiting = [asyncio.create_task(index.number()) for _ in range(9)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # who leaves does not take the answer from the others
    await asyncio.sleep(0.01)
    go_on.set()
    assert await asyncio.gather(*waiting[1:]) == [1] * 8
    assert len(asked) == 1


async def test_an_answer_that_grows_old_is_asked_for_again_while_it_is_trusted(server):
    index, aside = opened(server), opened(server, 2)
    asked, go_on = counting(server, index)
    go_on.set()
    assert await index.number() == 1
    await aside.put_in_force()
    now = asyncio.get_running_loop().time()
    index._generation = (now + GENERATION_S - ASKED_AGAIN_S, 1)
    asked.clear()
    go_on.clear()
    assert [await index.number() for _ in range(3)] == [1] * 3  # nobody waits
    go_on.set()
    await index._asking
    assert await index.number() == 2
    assert len(asked) == 1


async def test_an_answer_that_fails_beside_the_work_is_told_when_it_must_be_waited_for(server):
    index = opened(server)
    await index.number()
    server.pointers.clear()
    index._generation = (asyncio.get_running_loop().time() + 0.5, 1)
    assert await index.number() == 1
    await asyncio.sleep(0.01)
    assert await index.number() == 1
    index._generation = (0.0, 1)
    with pytest.raises(Transient, match="no alias"):
        await index.number()
    await index.close()


async def test_an_alias_that_is_gone_is_worth_another_try_and_says_what_to_do(server):
    index = opened(server)
    await index.chunks_of("acme")
    server.pointers.clear()
    index._generation = (0.0, 0)
    with pytest.raises(Transient, match=f"no alias {ALIAS}: restart the worker"):
        await index.number()


async def test_the_generation_in_force_can_not_be_dropped(server):
    live, aside = opened(server), opened(server, 2)
    await live.number()
    await aside.chunks_of("acme")
    with pytest.raises(Permanent, match="generation 1 is in force: put another one"):
        await live.drop(1)
    await live.drop(2)
    assert await live.generations() == (1,)
    assert len(server.data) == 3


async def test_only_a_given_generation_can_be_put_in_force(server):
    with pytest.raises(Permanent, match="was given a generation"):
        await opened(server).put_in_force()


async def test_a_client_whose_collections_can_not_be_made_is_closed_and_made_again(server):
    made = []

    def failing(settings):
        client = server(settings)
        made.append(client)
        if len(made) == 1:

            async def away(**_):
                raise OSError("away")

            client.alias.get = away

        async def close():
            client.closed = True

        client.close, client.closed = close, False
        return client

    index = Index(Settings(), None, failing)
    with pytest.raises(Transient, match="does not answer"):
        await index.generations()
    assert made[0].closed
    assert await index.generations() == (1,)
    await index.close()
    assert made[1].closed
    await index.close()  # a second time is nothing


@pytest.mark.parametrize("name", [chunks_name, documents_name, vectors_name])
@given(generation=st.integers(1, 10_000))
def test_a_collections_name_tells_its_generation(name, generation):
    assert generation_of(name(generation)) == generation


@pytest.mark.parametrize(
    ("tenant", "name"),
    [
        ("acme", "acme"),
        ("a" * 62, "a" * 62),
        ("a" * 63, "sha-7d3e74a05d7db15bce4ad9ec0658ea98e3f06eee"),
        ("Größe & Söhne", "sha-b2388e651db821a22cce5cf168963d9d4968a944"),
    ],
)
def test_a_tenant_keeps_its_name_where_weaviate_allows_it(tenant, name):
    assert tenant_name(tenant) == name


@given(st.lists(st.text(max_size=80), unique=True, max_size=6))
def test_no_two_tenants_share_a_name_and_weaviate_allows_each(tenants):
    names = [tenant_name(tenant) for tenant in tenants]
    assert len(set(names)) == len(tenants)
    assert all(0 < len(name) <= 64 and name.isascii() for name in names)
