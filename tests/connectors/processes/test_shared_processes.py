"""Processes that all tenants share: in turns, each task's trouble its own, and an end that is clean."""

import asyncio
import os
import socket
from concurrent.futures import Future
from dataclasses import replace

import psutil
import pytest

from agents.errors import BeyondMeans, Permanent, Transient
from connectors.processes.exchange import AnswerEnd, AnswerPart, Ready, framed
from connectors.processes.shared_processes import SharedProcesses, close_all
from connectors.processes.template import Template
from connectors.readers.document_task import READING, document_of, document_part, document_task
from connectors.readers.parsing import FORMATS, parse
from streams.running.fair_queue import Bound, current_bound
from streams.running.world import Call
from tests.connectors.processes.processes import (
    LITTLE_MEMORY,
    LITTLE_TIME,
    ORDINARY,
    busy,
    gone,
    running,
    templates,
    until,
)
from tests.connectors.processes.programs import endless, halves, obeying, once, program, uninstalled
from tests.connectors.readers.hostile import HTML, PLAIN, attributes

SHORT = PLAIN, b"A page."
ENDLESS = HTML, attributes(4_000_000)
OBEYING = program(obeying)

pytestmark = pytest.mark.slow  # processes, and documents that take their time


def of(tenant):
    return Call(tenant=tenant, lane=0, request="r", session="d", event="e", topic="t", offset=0)


def shared(program, limits=ORDINARY, at_once=1):
    return SharedProcesses(program, limits, at_once, Template(program.load, limits))


def reading(limits=ORDINARY):
    return shared(READING, limits, 2)


async def ended(processes):
    await close_all(processes._template, processes)


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
    await ended(made)
    assert not [one for one in running() if one not in before]


def obedient():
    return running(program=OBEYING.load)


@pytest.fixture
async def obeyers():
    """Return processes that do what they are told; one at once."""
    made = shared(OBEYING, LITTLE_TIME)
    yield made
    await ended(made)
    assert not obedient()
    assert not templates(OBEYING.load)


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
    await ended(readers)


async def test_a_document_of_much_memory_fails_in_words_and_the_next_is_read():
    readers = reading(LITTLE_MEMORY)
    with pytest.raises(BeyondMeans, match=r"more than 60 MB of memory: split .*DOCUMENT_MEMORY_MB"):
        await read(readers, "a", (PLAIN, b"word " * 3_000_000))
    assert not (await read(readers, "a")).error
    await ended(readers)


async def test_what_is_too_much_by_the_programs_count_is_said_in_its_words():
    processes = shared(program(halves))
    with pytest.raises(BeyondMeans, match="that is too long"):
        await processes.ask(of("a"), b"x" * 101, bytes)
    await ended(processes)


async def test_an_error_of_the_program_is_told_without_its_message():
    processes = shared(OBEYING)
    with pytest.raises(Permanent, match=r"^doing a test failed \(KeyError at programs.py:\d+\)"):
        await obeyed(processes, b"raise")
    await ended(processes)


async def test_a_document_whose_process_is_killed_is_read_by_another(readers):
    document = "text/markdown", b"Some *text* and a [link](http://a.b).\n\n- item\n\n" * 20_000
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
    await ended(readers)
    how = await asyncio.gather(*working, return_exceptions=True)
    assert {type(one) for one in how} == {Transient}
    assert not [one for one in running() if one not in before]
    with pytest.raises(Transient, match="ending"):
        await read(readers, "a")
    await ended(readers)


async def test_closing_while_the_template_loads_ends_it_and_says_so():
    processes = shared(program(endless), replace(ORDINARY, loading_s=600))
    working = asyncio.create_task(obeyed(processes, b"pid"))
    [template] = await until(lambda: templates(program(endless).load))
    await ended(processes)
    with pytest.raises(Transient):
        await working
    assert not template.is_running()


async def test_a_process_that_has_just_loaded_when_all_is_closed_is_not_asked():
    processes = shared(OBEYING)
    asking = asyncio.create_task(obeyed(processes, b"pid"))
    process = await one_that_loads(processes)

    def close(_):
        processes._closed = True
        process.kill()

    process._loading.add_done_callback(close)  # whoever waits for it has not had its turn yet
    with pytest.raises(Transient, match="ending"):
        await asking
    await ended(processes)


async def test_where_no_process_can_be_started_the_document_may_come_again(monkeypatch):
    readers = reading()
    with monkeypatch.context() as patch:
        patch.setattr("sys.executable", "/nowhere/python")
        with pytest.raises(Transient, match="no process to read documents in: it can't be started"):
            await read(readers, "a")
    assert not (await read(readers, "a")).error
    await ended(readers)


async def test_what_is_not_installed_is_beyond_our_means_and_asked_again_when_it_is():
    processes = shared(program(uninstalled))
    processes._template.start()
    await processes._template.loaded()
    for _ in range(2):
        with pytest.raises(BeyondMeans, match="install it"):
            await obeyed(processes, b"pid")
    await ended(processes)


def test_readers_serve_one_event_loop_after_the_other():
    readers = reading()
    for _ in range(2):
        assert not asyncio.run(read(readers, "a")).error
    asyncio.run(ended(readers))


async def one_that_loads(processes):
    """Return a process that somebody waits for, in the very step of the loop that finds it so.

    Another step, or a look at the child itself, might find it further on.
    """
    while True:
        for one in processes._processes:
            if one._loading and not one._loading.done():
                return one
        await asyncio.sleep(0)


# ---------------------------------------------------------------------- forks of one template


async def test_all_processes_are_forks_of_one_template(obeyers):
    others = SharedProcesses(OBEYING, ORDINARY, 1, obeyers._template)
    pids = {int(await obeyed(some, b"pid")) for some in (obeyers, others)}
    assert {one.pid for one in obedient()} == pids
    assert len(templates(OBEYING.load)) == 1
    await others.close()


@pytest.mark.parametrize("trouble", [b"compute", b"end", b"raise", b"exhaust"])
async def test_a_process_that_a_task_ended_has_another_fork_in_its_place(obeyers, trouble):
    old = int(await obeyed(obeyers, b"pid"))
    [template] = templates(OBEYING.load)
    with pytest.raises(Permanent):
        await obeyed(obeyers, trouble)
    assert int(await obeyed(obeyers, b"pid")) != old
    assert templates(OBEYING.load) == [template]


async def test_a_process_that_grew_large_is_ended_and_another_takes_its_place(obeyers):
    old = await obeyed(obeyers, b"pid")
    for _ in range(3):
        assert await obeyed(obeyers, b"keep 80000000") == b"kept"
    await until(lambda: not obedient())
    assert await obeyed(obeyers, b"pid") != old


async def test_a_process_whose_asker_stops_waiting_ends_and_leaves_its_turn_to_others(obeyers):
    old = int(await obeyed(obeyers, b"pid"))
    asking = asyncio.create_task(obeyed(obeyers, b"wait /nowhere"))
    await until(lambda: any(one._busy for one in obeyers._processes))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert int(await obeyed(obeyers, b"pid")) != old


async def test_a_task_whose_template_dies_is_done_by_a_fork_of_the_next(obeyers, tmp_path):
    old = int(await obeyed(obeyers, b"pid"))
    [template] = templates(OBEYING.load)
    asking = asyncio.create_task(obeyed(obeyers, b"wait " + os.fsencode(tmp_path / "file")))
    await until(lambda: any(one._busy for one in obeyers._processes))
    template.kill()
    await gone(psutil.Process(old))
    (tmp_path / "file").touch()
    assert await asking == b"waited"
    assert templates(OBEYING.load) != [template]


async def test_who_stops_waiting_while_a_process_loads_leaves_it_to_the_next():
    processes = shared(OBEYING)
    asking = asyncio.create_task(obeyed(processes, b"pid"))
    left = await one_that_loads(processes)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert processes._loading == [left]
    assert await obeyed(processes, b"pid")
    assert processes._processes == {left}
    await ended(processes)


async def test_loading_does_not_count_against_the_bound_of_a_call():
    processes = shared(OBEYING)
    async with asyncio.timeout(3_600) as timeout:
        token = current_bound.set(Bound(timeout))
        asking = asyncio.create_task(obeyed(processes, b"pid"))
        await one_that_loads(processes)
        assert timeout.when() is None
        await asking
        assert timeout.when()
        current_bound.reset(token)
    await ended(processes)


async def test_a_program_that_loads_only_once_says_so_afterwards(tmp_path, monkeypatch):
    file = tmp_path / "there"
    file.touch()
    monkeypatch.setenv("PYTHON_TEST_FILE", os.fspath(file))
    processes = shared(program(once))
    assert await obeyed(processes, b"pid")
    [template] = templates(program(once).load)
    template.kill()
    await gone(template)
    await until(lambda: not running(program=program(once).load))
    with pytest.raises(Transient, match=r"ended while it loaded \(exit status 1\)"):
        await obeyed(processes, b"pid")  # and once more
    await ended(processes)


class MortalTemplate:
    """Gives processes that have answered one task, and die with it."""

    def __init__(self):
        self.forks = []

    def fork(self, descriptor, _limits):
        self.forks.append(made := MortalFork(socket.socket(fileno=os.dup(descriptor))))
        return made


class MortalFork:
    """A process that has answered."""

    def __init__(self, ours):
        self.ours, self.end, self.is_over = ours, Future(), False
        for said in (Ready(), AnswerPart(b"done"), AnswerEnd(False)):
            ours.sendall(framed(said))

    def kill(self):
        self.is_over = True
        self.ours.close()
        if not self.end.done():
            self.end.set_result(-9)


async def test_processes_that_died_with_their_template_count_for_no_try():
    """Both that were idle are over, though of one nobody has been told; a document was given up for that."""
    template = MortalTemplate()
    processes = SharedProcesses(OBEYING, ORDINARY, 2, template)
    assert await asyncio.gather(*(obeyed(processes, b"x") for _ in range(2))) == [b"done"] * 2
    told, untold = reversed(template.forks)
    for one in (told, untold):
        one.is_over = True
        one.ours.close()
    told.end.set_result(-9)
    asyncio.get_running_loop().call_later(0.05, untold.kill)
    assert await obeyed(processes, b"x") == b"done"
    assert len(template.forks) == 3
    await processes.close()
