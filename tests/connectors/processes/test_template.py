"""A template and its forks: limits hold in each, the death of one is no other's, and none stays."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from connectors.processes.limited_process import (
    LimitedProcess,
    OverLimit,
    ProcessDied,
    TaskBroke,
    Unloadable,
)
from connectors.processes.program import Limits
from connectors.processes.template import NotStarted, Template
from tests.connectors.processes.processes import (
    LITTLE_TIME,
    ORDINARY,
    gone,
    no_more_files,
    running,
    templates,
    until,
)
from tests.connectors.processes.programs import obeying, program, threaded, uninstalled
from tests.standing_process import standing

OBEYING = program(obeying)
LITTLE_MEMORY = Limits(cpu_s=18, memory_bytes=150_000_000)

pytestmark = pytest.mark.slow  # processes


@pytest.fixture
async def template():
    template = Template(OBEYING.load, ORDINARY)
    yield template
    template.end()
    await template.wait()
    await until(lambda: not templates(OBEYING.load))


async def forked(template, limits=ORDINARY):
    """Return a process that can be asked, and its id."""
    process = LimitedProcess(template, limits)
    await process.loaded()
    return process, process._fork.pid.result(60)


async def told(process, order):
    [answer] = await process.ask(order, bytes)
    return answer


async def the_template():
    [one] = templates(OBEYING.load)
    return one


async def test_a_fork_is_ended_at_its_limit_of_work_and_the_template_goes_on(template):
    other, _ = await forked(template)
    process, _ = await forked(template, LITTLE_TIME)
    before = await the_template()
    with pytest.raises(OverLimit, match="CPU time"):
        await told(process, b"compute")
    assert process.end.result(60) == -signal.SIGXCPU
    assert await told(other, b"pid")
    _, pid = await forked(template, LITTLE_TIME)
    assert psutil.Process(pid).parent() == before == await the_template()


async def test_a_fork_meets_its_limit_of_memory_and_another_has_its_own(template):
    other, _ = await forked(template)
    process, _ = await forked(template, LITTLE_MEMORY)
    with pytest.raises(OverLimit, match="memory"):
        await told(process, b"keep 200000000")
    assert await told(other, b"keep 200000000") == b"kept"


@pytest.mark.parametrize("order", [b"end", b"raise", b"exhaust"])
async def test_what_ends_a_fork_harms_neither_the_template_nor_another_fork(template, order):
    other, _ = await forked(template)
    process, _ = await forked(template)
    before = await the_template()
    with pytest.raises((ProcessDied, TaskBroke, OverLimit)):
        await told(process, order)
    await process.wait()
    assert await told(other, b"pid")
    assert (await told((await forked(template))[0], b"pid")).isdigit()
    assert before == await the_template()


async def test_a_fork_that_is_killed_is_buried(template):
    process, pid = await forked(template)
    psutil.Process(pid).kill()
    await process.wait()
    await until(lambda: not psutil.pid_exists(pid))


async def test_a_template_that_was_of_use_and_dies_is_made_anew_before_anybody_asks(template):
    process, pid = await forked(template)
    before = await the_template()
    before.kill()
    with pytest.raises(ProcessDied, match="SIGKILL"):
        await told(process, b"wait /nowhere")
    await until(lambda: not psutil.pid_exists(pid))
    after = await until(lambda: next((o for o in templates(OBEYING.load) if o != before), None))
    await until(lambda: template.is_loaded)
    another, pid = await forked(template)
    assert psutil.Process(pid).parent() == after
    assert await told(another, b"pid")  # it is held on to meanwhile: else it ends


async def test_a_template_that_dies_and_was_not_asked_is_made_anew_for_who_asks(template):
    template.start()
    await template.loaded()
    thread = template._thread
    (await the_template()).kill()
    await asyncio.to_thread(thread.join)
    assert not templates(OBEYING.load)
    assert await told((await forked(template))[0], b"pid")


async def test_a_template_that_takes_nothing_any_more_ends_with_its_forks(template):
    process, pid = await forked(template)
    before = await the_template()
    with standing(before.pid), suppress(psutil.NoSuchProcess):
        while before.status() == psutil.STATUS_STOPPED:
            template._life.kill_fork(0)  # until what it is told has no room
    await until(lambda: not psutil.pid_exists(pid))
    await process.wait()


async def test_a_fork_holds_no_file_and_no_socket_but_its_own(template, tmp_path):
    with ExitStack() as held:
        held.enter_context((tmp_path / "keyring").open("w"))
        ours, theirs = map(held.enter_context, socket.socketpair())
        for one in (ours, theirs):
            os.set_inheritable(one.fileno(), True)  # as a careless library may have it
        processes = [(await forked(template))[0] for _ in range(3)]
        for process in processes:
            files = (await told(process, b"files")).decode().split()
            assert files[:2] == ["/dev/null", "/dev/null"]
            assert sum(one.startswith("socket:") for one in files) == 1
            assert not [one for one in files if "keyring" in one or "anon_inode" in one]
            assert f"socket:[{os.fstat(ours.fileno()).st_ino}]" not in files


async def test_a_fork_leaves_no_file_behind(template, tmp_path):
    with suppress(ProcessDied, TaskBroke):  # SIGXFSZ, or an error
        await told((await forked(template))[0], b"write " + os.fsencode(tmp_path / "file"))
    assert not (tmp_path / "file").exists() or not (tmp_path / "file").stat().st_size


async def test_the_template_and_its_forks_outlast_the_thread_that_asked_for_them(template):
    made = []
    asking = threading.Thread(target=lambda: made.append(LimitedProcess(template, ORDINARY)))
    asking.start()
    await asyncio.to_thread(asking.join)
    [process] = made
    await process.loaded()
    assert await told(process, b"pid")


async def test_what_begins_threads_is_refused():
    template = Template(program(threaded).load, ORDINARY)
    with pytest.raises(Unloadable, match="begins 1 threads while it is loaded"):
        await forked(template)
    template.end()
    await template.wait()


async def test_what_lacks_something_says_so_to_each_who_asks():
    template = Template(program(uninstalled).load, ORDINARY)
    processes = [LimitedProcess(template, ORDINARY) for _ in range(3)]
    for process in processes:
        with pytest.raises(Unloadable, match="install it"):
            await process.loaded()
    template.end()
    await template.wait()


async def test_one_that_was_ended_starts_none(template):
    await forked(template)
    template.end()
    await template.wait()
    with pytest.raises(NotStarted, match="ended before it was needed"):
        LimitedProcess(template, ORDINARY)
    assert not running(program=OBEYING.load)


ASKER = """
    import asyncio, os, signal
    from connectors.processes.limited_process import LimitedProcess
    from connectors.processes.template import Template
    from tests.connectors.processes.processes import ORDINARY
    from tests.connectors.processes.programs import obeying, program

    async def main():
        template = Template(program(obeying).load, ORDINARY)
        forks = [LimitedProcess(template, ORDINARY) for _ in range(2)]
        for fork in forks:
            await fork.loaded()
        asking = asyncio.create_task(forks[0].ask(b"compute", bytes))
        await asyncio.sleep(0)
        print(template._life.pid, *(fork._fork.pid.result(60) for fork in forks), flush=True)
        {end}

    asyncio.run(main())
"""


@pytest.mark.parametrize(
    "end",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "os._exit(0)",
        "raise KeyError",
    ],
)
async def test_however_the_asker_ends_neither_template_nor_fork_is_left(end):
    asker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(ASKER.format(end=end)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    pids = list(map(int, (await asker.stdout.readline()).split()))
    assert len(pids) == 3
    await asker.wait()
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            await gone(psutil.Process(pid))


def test_the_models_of_the_detector_begin_no_thread():
    code = (
        "import os; from connectors.presidio.detection_task import load; load();"
        "print(len(os.listdir('/proc/self/task')))"
    )
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, env=environment,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.stdout == "1\n"


def test_where_no_file_can_be_opened_none_is_started():
    """It is tried again: any other error would give the document up."""
    template = Template(program(obeying).load, ORDINARY)
    with no_more_files(), pytest.raises(NotStarted, match="Too many open files"):
        template.start()
    assert not template.is_loaded
