"""Readers that all tenants share: in turns, each document's trouble its own, and an end that is clean."""

import asyncio

import pytest

from agents.errors import BeyondMeans, Transient
from connectors.documents.shared_readers import PROCESSES, SharedReaders
from connectors.readers import parse
from connectors.readers.exchange import Task
from streams.running.world import Call
from tests.connectors.documents.processes import (
    LITTLE_MEMORY,
    LITTLE_TIME,
    ORDINARY,
    busy,
    gone,
    reading,
)
from tests.connectors.readers.hostile import HTML, PLAIN, attributes

SHORT = Task(PLAIN, b"A page.")
ENDLESS = Task(HTML, attributes(4_000_000))

pytestmark = pytest.mark.slow  # processes, and documents that take their time


def of(tenant):
    return Call(tenant=tenant, lane=0, request="r", session="d", event="e", topic="t", offset=0)


@pytest.fixture
async def readers():
    made = SharedReaders(ORDINARY)
    before = reading()
    yield made
    await made.close()
    assert not [one for one in reading() if one not in before]


async def test_processes_are_started_when_they_are_needed_and_kept(readers):
    before = reading()
    assert reading() == before
    for _ in range(3):
        assert await readers.read(of("a"), SHORT) == parse(PLAIN, b"A page.")
    assert len(reading()) == len(before) + 1
    await asyncio.gather(*(readers.read(of("a"), SHORT) for _ in range(9)))
    assert len(reading()) == len(before) + PROCESSES


async def test_one_tenants_thousand_documents_let_anothers_one_pass(readers):
    order = []

    async def read(tenant):
        await readers.read(of(tenant), SHORT)
        order.append(tenant)

    many = [asyncio.create_task(read("many")) for _ in range(1_000)]
    await asyncio.sleep(0)
    await read("one")
    assert order.count("many") <= 2 * PROCESSES
    await asyncio.gather(*many)


async def test_a_document_of_much_work_fails_in_words_and_the_next_is_read():
    readers = SharedReaders(LITTLE_TIME)
    with pytest.raises(BeyondMeans, match=r"more than 1 s of CPU time: split .*DOCUMENT_CPU_S"):
        await readers.read(of("a"), ENDLESS)
    assert not (await readers.read(of("a"), SHORT)).error
    await readers.close()


async def test_a_document_of_much_memory_fails_in_words_and_the_next_is_read():
    readers = SharedReaders(LITTLE_MEMORY)
    with pytest.raises(BeyondMeans, match=r"more than 60 MB of memory: split .*DOCUMENT_MEMORY_MB"):
        await readers.read(of("a"), Task(PLAIN, b"word " * 3_000_000))
    assert not (await readers.read(of("a"), SHORT)).error
    await readers.close()


async def test_a_document_whose_process_is_killed_is_read_by_another(readers):
    task = Task("text/markdown", b"Some *text* and a [link](http://a.b).\n\n- item\n\n" * 40_000)
    working = asyncio.create_task(readers.read(of("a"), task))
    (await busy()).kill()
    assert await working == parse(task.media_type, task.content)


async def test_a_document_whose_process_dies_twice_fails_in_words(readers):
    working = asyncio.create_task(readers.read(of("a"), ENDLESS))
    for _ in range(2):
        child = await busy()
        child.kill()
        await gone(child)
    with pytest.raises(BeyondMeans, match=r"ended 2 times \(SIGKILL, then SIGKILL\): give"):
        await working
    assert not (await readers.read(of("a"), SHORT)).error


async def test_a_process_that_died_while_idle_fails_no_document(readers):
    before = reading()
    await readers.read(of("a"), SHORT)
    [child] = [one for one in reading() if one not in before]
    child.kill()
    await gone(child)
    assert not (await readers.read(of("a"), SHORT)).error


async def test_others_are_read_while_one_document_takes_long(readers):
    working = asyncio.create_task(readers.read(of("a"), ENDLESS))
    await busy()
    for _ in range(20):
        assert not (await readers.read(of("b"), SHORT)).error
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working


async def test_who_stops_waiting_leaves_the_turn_to_others(readers):
    working = [asyncio.create_task(readers.read(of("a"), ENDLESS)) for _ in range(PROCESSES + 1)]
    await busy()
    for one in working:
        one.cancel()
    await asyncio.gather(*working, return_exceptions=True)
    assert not (await readers.read(of("b"), SHORT)).error


async def test_closing_ends_what_is_read_and_what_waits():
    readers = SharedReaders(ORDINARY)
    before = reading()
    working = [asyncio.create_task(readers.read(of("a"), ENDLESS)) for _ in range(5)]
    await busy()
    await readers.close()
    ended = await asyncio.gather(*working, return_exceptions=True)
    assert {type(one) for one in ended} == {Transient}
    assert not [one for one in reading() if one not in before]
    with pytest.raises(Transient, match="closed"):
        await readers.read(of("a"), SHORT)
    await readers.close()


async def test_where_no_process_can_be_started_the_document_may_come_again(monkeypatch):
    readers = SharedReaders(ORDINARY)
    with monkeypatch.context() as patch:
        patch.setattr("sys.executable", "/nowhere/python")
        with pytest.raises(Transient, match="no process to read documents in"):
            await readers.read(of("a"), SHORT)
    assert not (await readers.read(of("a"), SHORT)).error
    await readers.close()


def test_readers_serve_one_event_loop_after_the_other():
    readers = SharedReaders(ORDINARY)
    for _ in range(2):
        assert not asyncio.run(readers.read(of("a"), SHORT)).error
    asyncio.run(readers.close())
