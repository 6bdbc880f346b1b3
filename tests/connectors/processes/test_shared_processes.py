"""Processes that all tenants share: in turns, each task's trouble its own, and an end that is clean."""

import asyncio
import os
from contextlib import suppress

import psutil
import pytest

from agents.errors import BeyondMeans, Permanent, Transient
from connectors.processes.limited_process import LimitedProcess
from connectors.processes.shared_processes import SharedProcesses
from connectors.readers.document_task import READING, document_of, document_part, document_task
from connectors.readers.parsing import FORMATS, parse
from streams.running.fair_queue import Bound, current_bound
from streams.running.world import Call
from tests.connectors.processes.processes import (
    LITTLE_MEMORY,
    LITTLE_TIME,
    ORDINARY,
    begun,
    busy,
    gone,
    running,
    until,
)
from tests.connectors.processes.programs import halves, obeying, once, program, uninstalled
from tests.connectors.readers.hostile import HTML, PLAIN, attributes

SHORT = PLAIN, b"A page."
ENDLESS = HTML, attributes(4_000_000)
OBEYING = program(obeying)

pytestmark = pytest.mark.slow  # processes, and documents that take their time


def of(tenant):
    return Call(tenant=tenant, lane=0, request="r", session="d", event="e", topic="t", offset=0)


def reading(limits=ORDINARY):
    return SharedProcesses(READING, limits, 2, ahead=False)


async def read(processes, tenant, document=SHORT):
    """Have a document read, on behalf of a tenant."""
    parts = await processes.ask(of(tenant), document_task(*document, FORMATS), document_part)
    return document_of(parts)


async def obeyed(processes, order):
    [answer] = await processes.ask(of("a"), order, bytes)
    return answer


@pytest.fixture
async def readers():
    made = reading()
    before = running()
    yield made
    await made.close()
    assert not [one for one in running() if one not in before]


def obedient():
    return running(program=OBEYING.load)


@pytest.fixture
async def ahead():
    """Return processes that are started before they are needed; one at once."""
    made = SharedProcesses(OBEYING, LITTLE_TIME, 1, ahead=True)
    yield made
    await made.close()
    assert not obedient()


async def test_processes_are_started_when_they_are_needed_and_kept(readers):
    before = running()
    assert running() == before
    for _ in range(3):
        assert await read(readers, "a") == parse(PLAIN, b"A page.")
    assert len(running()) == len(before) + 1
    await asyncio.gather(*(read(readers, "a") for _ in range(9)))
    assert len(running()) == len(before) + 2


async def test_one_tenants_thousand_documents_let_anothers_one_pass(readers):
    order = []

    async def asking(tenant):
        await read(readers, tenant)
        order.append(tenant)

    many = [asyncio.create_task(asking("many")) for _ in range(1_000)]
    await asyncio.sleep(0)
    await asking("one")
    assert order.count("many") <= 4
    await asyncio.gather(*many)


async def test_a_document_of_much_work_fails_in_words_and_the_next_is_read():
    readers = reading(LITTLE_TIME)
    with pytest.raises(BeyondMeans, match=r"more than 1 s of CPU time: split .*DOCUMENT_CPU_S"):
        await read(readers, "a", ENDLESS)
    assert not (await read(readers, "a")).error
    await readers.close()


async def test_a_document_of_much_memory_fails_in_words_and_the_next_is_read():
    readers = reading(LITTLE_MEMORY)
    with pytest.raises(BeyondMeans, match=r"more than 60 MB of memory: split .*DOCUMENT_MEMORY_MB"):
        await read(readers, "a", (PLAIN, b"word " * 3_000_000))
    assert not (await read(readers, "a")).error
    await readers.close()


async def test_what_is_too_much_by_the_programs_count_is_said_in_its_words():
    processes = SharedProcesses(program(halves), ORDINARY, 1, ahead=False)
    with pytest.raises(BeyondMeans, match="that is too long"):
        await processes.ask(of("a"), b"x" * 101, bytes)
    await processes.close()


async def test_an_error_of_the_program_is_told_without_its_message():
    processes = SharedProcesses(OBEYING, ORDINARY, 1, ahead=False)
    with pytest.raises(Permanent, match=r"^doing a test failed \(KeyError at programs.py:\d+\)"):
        await obeyed(processes, b"raise")
    await processes.close()


async def test_a_document_whose_process_is_killed_is_read_by_another(readers):
    document = "text/markdown", b"Some *text* and a [link](http://a.b).\n\n- item\n\n" * 40_000
    working = asyncio.create_task(read(readers, "a", document))
    (await busy()).kill()
    assert await working == parse(*document)


async def test_a_document_whose_process_dies_twice_fails_in_words(readers):
    working = asyncio.create_task(read(readers, "a", ENDLESS))
    for _ in range(2):
        child = await busy()
        child.kill()
        await gone(child)
    with pytest.raises(BeyondMeans, match=r"ended 2 times \(SIGKILL, then SIGKILL\): give"):
        await working
    assert not (await read(readers, "a")).error


async def test_a_process_that_died_while_idle_fails_no_document(readers):
    before = running()
    await read(readers, "a")
    [child] = [one for one in running() if one not in before]
    child.kill()
    await gone(child)
    assert not (await read(readers, "a")).error


async def test_others_are_read_while_one_document_takes_long(readers):
    working = asyncio.create_task(read(readers, "a", ENDLESS))
    await busy()
    for _ in range(20):
        assert not (await read(readers, "b")).error
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working


async def test_who_stops_waiting_leaves_the_turn_to_others(readers):
    working = [asyncio.create_task(read(readers, "a", ENDLESS)) for _ in range(3)]
    await busy()
    for one in working:
        one.cancel()
    await asyncio.gather(*working, return_exceptions=True)
    assert not (await read(readers, "b")).error


async def test_closing_ends_what_is_read_and_what_waits():
    readers = reading()
    before = running()
    working = [asyncio.create_task(read(readers, "a", ENDLESS)) for _ in range(5)]
    await busy()
    await readers.close()
    ended = await asyncio.gather(*working, return_exceptions=True)
    assert {type(one) for one in ended} == {Transient}
    assert not [one for one in running() if one not in before]
    with pytest.raises(Transient, match="ending"):
        await read(readers, "a")
    await readers.close()


async def test_closing_while_a_process_loads_ends_it_and_says_so():
    readers = reading()
    before = running()
    working = asyncio.create_task(read(readers, "a"))
    child = await begun(before)
    await readers.close()
    with pytest.raises(Transient):
        await working
    await gone(child)
    assert not [one for one in running() if one not in before]


async def test_a_process_that_has_just_loaded_when_all_is_closed_is_not_asked():
    processes = SharedProcesses(OBEYING, ORDINARY, 1, ahead=True)
    [process] = processes._processes
    asking = asyncio.create_task(obeyed(processes, b"pid"))
    await until(lambda: process._loading)

    def close(_):
        processes._closed = True
        process.kill()

    process._loading.add_done_callback(close)  # whoever waits for it has not had its turn yet
    with pytest.raises(Transient, match="ending"):
        await asking
    await processes.close()


async def test_where_no_process_can_be_started_the_document_may_come_again(monkeypatch):
    readers = reading()
    with monkeypatch.context() as patch:
        patch.setattr("sys.executable", "/nowhere/python")
        with pytest.raises(Transient, match="no process to read documents in: it can't be started"):
            await read(readers, "a")
    assert not (await read(readers, "a")).error
    await readers.close()


async def test_what_is_not_installed_is_beyond_our_means_and_asked_again_when_it_is():
    processes = SharedProcesses(program(uninstalled), ORDINARY, 1, ahead=True)
    await processes.loaded()
    for _ in range(2):
        with pytest.raises(BeyondMeans, match="install it"):
            await obeyed(processes, b"pid")
    await processes.close()


def test_readers_serve_one_event_loop_after_the_other():
    readers = reading()
    for _ in range(2):
        assert not asyncio.run(read(readers, "a")).error
    asyncio.run(readers.close())


# ---------------------------------------------------------------------- ahead of whoever asks


async def test_a_process_is_there_before_anybody_asks(ahead):
    await ahead.loaded()
    [child] = obedient()
    assert await obeyed(ahead, b"pid") == str(child.pid).encode()
    assert [one.pid for one in obedient()] == [child.pid]


async def test_who_asks_first_waits_for_the_process_that_loads(ahead):
    [process] = ahead._processes
    assert int(await obeyed(ahead, b"pid")) == process._process.pid


async def replaced(processes, old):
    """Wait until there is a process ahead of whoever asks, and say whether that one answers."""
    [ahead] = await until(lambda: [one for one in processes._loading if not one.gone])
    assert ahead._process.pid != old
    assert int(await obeyed(processes, b"pid")) == ahead._process.pid
    return True


@pytest.mark.parametrize("trouble", [b"compute", b"end", b"raise"])
async def test_a_process_that_a_task_ended_is_replaced_before_anybody_asks(ahead, trouble):
    old = int(await obeyed(ahead, b"pid"))
    with suppress(Permanent):
        await obeyed(ahead, trouble)
    assert await replaced(ahead, old)


async def test_a_limit_that_the_first_task_passes_has_its_process_replaced(ahead):
    with pytest.raises(BeyondMeans, match="CPU time"):
        await obeyed(ahead, b"compute")
    assert await replaced(ahead, 0)


async def grown(processes):
    """Have the one process grow large, and return its id."""
    old = await obeyed(processes, b"pid")
    for _ in range(3):
        assert await obeyed(processes, b"keep 80000000") == b"kept"
    return old


async def test_a_process_that_grew_large_is_asked_until_the_one_in_its_place_has_loaded(
    ahead, monkeypatch
):
    may_load = asyncio.Event()
    loaded = LimitedProcess.loaded

    async def held_up(process):
        await may_load.wait()
        await loaded(process)

    await ahead.loaded()
    old = await obeyed(ahead, b"pid")
    monkeypatch.setattr(LimitedProcess, "loaded", held_up)
    assert await grown(ahead) == old
    assert await obeyed(ahead, b"pid") == old
    await until(lambda: len(obedient()) == 2)
    may_load.set()
    await until(
        lambda: [one.pid for one in obedient()] not in ([], [int(old)]) and len(obedient()) == 1
    )
    assert await obeyed(ahead, b"pid") != old
    assert len(obedient()) == 1


async def test_a_process_that_grew_large_goes_at_once_where_none_is_kept_ahead():
    processes = SharedProcesses(OBEYING, ORDINARY, 1, ahead=False)
    old = await grown(processes)
    await until(lambda: not obedient())
    assert await obeyed(processes, b"pid") != old
    await processes.close()


async def test_closing_while_a_successor_loads_leaves_none_of_the_two(ahead):
    await grown(ahead)
    await ahead.close()
    assert not obedient()


async def stopped(processes, order, asker="a"):
    """Have something done by a process, and stop waiting once it is asked."""
    asking = asyncio.create_task(processes.ask(of(asker), order, bytes))
    await until(lambda: any(one._busy and one.asked for one in processes._processes))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_process_whose_asker_stops_waiting_ends_the_task_and_is_kept(ahead, tmp_path):
    old = await obeyed(ahead, b"pid")
    for name in "abc":
        file = tmp_path / name
        await stopped(ahead, b"wait " + os.fsencode(file))
        asking = asyncio.create_task(obeyed(ahead, b"pid"))
        await asyncio.sleep(0)
        assert ahead._queue._running == 1  # the turn of what nobody waits for
        file.touch()
        assert await asking == old
    assert not ahead._unwanted


async def test_an_unwanted_task_that_does_not_end_has_its_process_replaced(ahead, monkeypatch):
    monkeypatch.setattr("connectors.processes.shared_processes.UNWANTED_S", 0.0)
    old = int(await obeyed(ahead, b"pid"))
    await stopped(ahead, b"wait /nowhere")
    assert await replaced(ahead, old)


async def test_an_unwanted_task_that_passes_a_limit_leaves_its_turn_to_others(ahead):
    await obeyed(ahead, b"pid")
    await stopped(ahead, b"compute")
    assert await obeyed(ahead, b"pid")
    assert not ahead._unwanted


async def test_closing_ends_what_nobody_waits_for(ahead):
    await obeyed(ahead, b"pid")
    await stopped(ahead, b"wait /nowhere")
    await ahead.close()
    assert not ahead._unwanted


async def test_a_process_that_dies_idle_is_replaced_if_it_was_ever_asked(ahead):
    old = int(await obeyed(ahead, b"pid"))
    psutil.Process(old).kill()
    assert await replaced(ahead, old)


async def test_a_process_that_dies_before_it_was_asked_is_replaced_when_somebody_asks(ahead):
    await ahead.loaded()
    [process] = ahead._processes
    ahead._loop = asyncio.get_running_loop()
    process._process.kill()
    await until(lambda: not ahead._processes)
    assert not ahead._loading  # where memory has run out, no further process is what is missing
    assert await obeyed(ahead, b"pid")


async def test_who_stops_waiting_while_a_process_loads_leaves_it_to_the_next():
    processes = SharedProcesses(OBEYING, ORDINARY, 1, ahead=False)
    asking = asyncio.create_task(obeyed(processes, b"pid"))
    child = await until(lambda: next(iter(obedient()), None))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert int(await obeyed(processes, b"pid")) == child.pid
    await processes.close()


async def test_loading_does_not_count_against_the_bound_of_a_call():
    processes = SharedProcesses(OBEYING, ORDINARY, 1, ahead=True)
    async with asyncio.timeout(3_600) as timeout:
        token = current_bound.set(Bound(timeout))
        asking = asyncio.create_task(obeyed(processes, b"pid"))
        [process] = processes._processes
        await until(lambda: process._loading)
        assert timeout.when() is None
        await asking
        assert timeout.when()
        current_bound.reset(token)
    await processes.close()


async def test_a_program_that_loads_only_once_says_so_afterwards(tmp_path, monkeypatch):
    file = tmp_path / "there"
    file.touch()
    monkeypatch.setenv("PYTHON_TEST_FILE", os.fspath(file))
    processes = SharedProcesses(program(once), ORDINARY, 1, ahead=True)
    assert await obeyed(processes, b"pid")
    with pytest.raises(Transient, match=r"ended while it loaded \(exit status 1\)"):
        await obeyed(processes, b"end")  # and once more
    await processes.close()
