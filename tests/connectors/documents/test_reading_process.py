"""A process that reads documents: the same answers, limits that hold, and an end that always comes."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from connectors.documents.reading_process import (
    NotStarted,
    OverLimit,
    ProcessDied,
    ReadingProcess,
)
from connectors.readers import parse
from connectors.readers.exchange import Task
from connectors.readers.process import NICENESS
from tests.connectors.documents.processes import (
    LITTLE_MEMORY,
    LITTLE_TIME,
    ORDINARY,
    begun,
    busy,
    gone,
    reading,
)
from tests.connectors.readers.hostile import HTML, OF_LIBRARIES, OURS, attributes
from tests.connectors.readers.test_parsing import SAMPLES

ENDLESS = Task(HTML, attributes(4_000_000))  # minutes of work, if it is let

pytestmark = pytest.mark.slow  # processes, and documents that take their time


def child_of(process):
    return psutil.Process(process._process.pid)


@pytest.fixture
async def process():
    started = await ReadingProcess.start(ORDINARY)
    yield started
    started.kill()
    await started.wait()


def test_it_gives_way_to_what_somebody_waits_for(process):
    assert child_of(process).nice() == min(19, os.nice(0) + NICENESS)


DOCUMENTS = [
    *((kind, text.encode()) for kind, text in SAMPLES.items()),
    ("text/markdown", b"# Title\n\nSome *text* here.\n\n" * 2_000),
    ("text/plain", "wide \U0001f680 text\n\n".encode() * 3_000),
    ("text/plain", b"x" * 300_000),
    ("text/plain", b""),
    ("text/plain", b"%PDF-1.7"),
    ("application/pdf", b"x"),
    ("", b"\0" * 100),
]


async def test_it_answers_as_the_readers_do(process):
    for media_type, content in DOCUMENTS:
        assert await process.read(Task(media_type, content)) == parse(media_type, content)


async def test_it_answers_for_ever_since_its_time_counts_from_each_document():
    process = await ReadingProcess.start(LITTLE_TIME)
    task = Task("text/markdown", b"# Title\n\nSome *text* here.\n\n" * 4_000)
    own = child_of(process)
    while own.cpu_times().user < 2.5:
        assert not (await process.read(task)).error
    process.kill()


@pytest.mark.parametrize("family", OF_LIBRARIES)
async def test_a_document_that_takes_too_much_time_ends_its_process(family):
    media_type, make = OF_LIBRARIES[family]
    process = await ReadingProcess.start(LITTLE_TIME)
    with pytest.raises(OverLimit, match="CPU time"):
        await process.read(Task(media_type, make(2_000_000)))
    assert process.gone
    assert process.ended


async def limit_met(process, task):
    """Let a process read a document; return which limit it met, or nothing."""
    try:
        await process.read(task)
    except OverLimit as limit:
        return limit.of
    return ""


@pytest.mark.parametrize("family", OURS)
async def test_what_is_linear_is_read_within_the_limit(family, process):
    media_type, make = OURS[family]
    assert await limit_met(process, Task(media_type, make(1_500_000))) in {"", "blocks"}


@pytest.mark.slow
@pytest.mark.parametrize("family", [*OURS, *OF_LIBRARIES])
async def test_sixteen_megabytes_of_any_family_end_in_time(family):
    media_type, make = (OURS | OF_LIBRARIES)[family]
    process = await ReadingProcess.start(ORDINARY)
    try:
        met = await limit_met(process, Task(media_type, make(16_777_216)))
        assert family in OF_LIBRARIES or met in {"", "blocks"}
    finally:
        process.kill()


@pytest.mark.parametrize(
    "task",
    [
        Task("text/plain", b"word " * 3_000_000),
        Task(HTML, b"<p>" + b"<i>hello</i>" * 300_000),
        Task("text/markdown", b"* a\n" * 200_000),
        Task("text/plain", "\U0001f680".encode() + b"\t" * 10_000_000),
    ],
)
async def test_a_document_that_takes_too_much_memory_is_ended_in_words(task):
    process = await ReadingProcess.start(LITTLE_MEMORY)
    with pytest.raises(OverLimit, match="memory"):
        await process.read(task)
    await process.wait()
    assert process.gone


async def test_a_process_that_grew_large_leaves_with_its_answer(process):
    task = Task("text/plain", "ü".encode() * 60_000_000)
    assert not (await process.read(task)).error
    assert process.gone
    await process.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
async def test_a_process_that_dies_says_how(process, number):
    working = asyncio.create_task(process.read(ENDLESS))
    (await busy()).send_signal(number)
    with pytest.raises(ProcessDied, match=number.name):
        await working
    assert process.gone
    assert process.ended


async def test_a_process_that_died_while_idle_says_so(process):
    child_of(process).kill()
    with pytest.raises(ProcessDied, match="SIGKILL"):
        await process.read(Task("text/plain", b"x" * 1_000_000))


async def test_who_stops_waiting_stops_the_work(process):
    working = asyncio.create_task(process.read(ENDLESS))
    child = await busy()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    await process.wait()
    assert not child.is_running()


async def test_ctrl_c_on_the_terminal_is_not_meant_for_it(process):
    child = child_of(process)
    assert os.getpgid(child.pid) != os.getpgid(0)
    child.send_signal(signal.SIGINT)  # nor is one sent to it
    assert not (await process.read(Task("text/plain", b"text"))).error


async def test_it_is_told_no_secret_and_has_no_file_of_ours(monkeypatch, tmp_path):
    monkeypatch.setenv("PLAYHEAD_MASTER_KEY", "secret")
    with (tmp_path / "keyring").open("w") as file:
        process = await ReadingProcess.start(ORDINARY)
        child = child_of(process)
        assert not [name for name in child.environ() if name.startswith("PLAYHEAD")]
        assert file.name not in [entry.path for entry in child.open_files()]
    process.kill()


async def test_memory_that_runs_out_ends_it_before_the_worker(process):
    score = Path(f"/proc/{child_of(process).pid}/oom_score_adj")
    assert await asyncio.to_thread(score.read_text) == "500\n"


async def test_where_none_can_be_started_that_is_said(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(NotStarted, match="No such file"):
        await ReadingProcess.start(ORDINARY)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(NotStarted, match="exit status 1"):
        await ReadingProcess.start(ORDINARY)


async def test_who_stops_waiting_for_the_start_leaves_no_process():
    before = reading()
    starting = asyncio.create_task(ReadingProcess.start(ORDINARY))
    child = await begun(before)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await gone(child)


ASKER = """
    import asyncio, os, signal
    from connectors.documents.reading_process import ReadingProcess
    from tests.connectors.documents.processes import MUCH_TIME, busy
    from tests.connectors.documents.test_reading_process import ENDLESS

    async def main():
        process = await ReadingProcess.start(MUCH_TIME)
        working = asyncio.create_task(process.read(ENDLESS))
        print((await busy()).pid, flush=True)
        {end}

    asyncio.run(main())
"""


@pytest.mark.parametrize(
    "end",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os._exit(0)",
        "os.kill(os.getpid(), signal.SIGINT); await asyncio.sleep(60)",
        "raise KeyError",
        "pass",
    ],
)
async def test_however_the_asker_ends_no_process_is_left(end):
    asker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(ASKER.format(end=end)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    number = int(await asker.stdout.readline())
    await asker.wait()
    with contextlib.suppress(psutil.NoSuchProcess):
        await gone(psutil.Process(number))
