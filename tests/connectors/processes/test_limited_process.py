"""A process that does tasks: the same answers, limits that hold, and an end that always comes.

Reading documents is the task here.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from connectors.processes.exchange import (
    ANSWER_BYTES_MAX,
    LENGTH,
    AnswerEnd,
    AnswerPart,
    Ready,
    frame,
    framed,
)
from connectors.processes.limited_process import (
    LimitedProcess,
    OverLimit,
    ProcessDied,
    TaskBroke,
    Unloadable,
)
from connectors.processes.template import NotStarted
from connectors.readers.document_task import READING, document_of, document_part, document_task
from connectors.readers.parsing import FORMATS, parse
from tests.connectors.processes.processes import (
    LITTLE_MEMORY,
    LITTLE_TIME,
    ORDINARY,
    a_process,
    busy,
    end_templates,
    gone,
    no_more_files,
    running,
)
from tests.connectors.processes.programs import endless, halves, obeying, program, uninstalled
from tests.connectors.readers.hostile import HTML, OF_LIBRARIES, OURS, attributes
from tests.connectors.readers.test_parsing import SAMPLES

ENDLESS = HTML, attributes(4_000_000)  # minutes of work, if it is let

pytestmark = pytest.mark.slow  # processes, and documents that take their time


@pytest.fixture(autouse=True)
async def _no_template_stays():
    yield
    await end_templates()


def child_of(process):
    return psutil.Process(process._fork.pid.result(60))


async def started(limits):
    process = a_process(READING.load, limits)
    await process.loaded()
    return process


async def read(process, media_type, content):
    """Have a process read a document."""
    return document_of(
        await process.ask(document_task(media_type, content, FORMATS), document_part)
    )


@pytest.fixture
async def process():
    process = await started(ORDINARY)
    yield process
    process.kill()
    await process.wait()


async def test_it_gives_way_as_far_as_it_is_told():
    process = a_process(program(obeying).load, replace(ORDINARY, niceness=7))
    await process.loaded()
    assert child_of(process).nice() == min(19, os.nice(0) + 7)
    process.kill()


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
        assert await read(process, media_type, content) == parse(media_type, content)


async def test_it_answers_for_ever_since_its_time_counts_from_each_document():
    process = await started(LITTLE_TIME)
    task = ("text/markdown", b"# Title\n\nSome *text* here.\n\n" * 4_000)
    own = child_of(process)
    while own.cpu_times().user < 2.5:
        assert not (await read(process, *task)).error
    process.kill()


@pytest.mark.parametrize("family", OF_LIBRARIES)
async def test_a_document_that_takes_too_much_time_ends_its_process(family):
    media_type, make = OF_LIBRARIES[family]
    process = await started(LITTLE_TIME)
    with pytest.raises(OverLimit, match="CPU time"):
        await read(process, media_type, make(2_000_000))
    assert process.gone
    assert process.end.done()


async def limit_met(process, task):
    """Let a process read a document; return which limit it met, or nothing."""
    try:
        await read(process, *task)
    except OverLimit as limit:
        return limit.of
    return ""


@pytest.mark.parametrize("family", OURS)
async def test_what_is_linear_is_read_within_the_limit(family, process):
    media_type, make = OURS[family]
    assert await limit_met(process, (media_type, make(1_500_000))) in {"", "blocks"}


@pytest.mark.slow
@pytest.mark.parametrize("family", [*OURS, *OF_LIBRARIES])
async def test_sixteen_megabytes_of_any_family_end_in_time(family):
    media_type, make = (OURS | OF_LIBRARIES)[family]
    # what only a limit ends works for as long as it may
    process = await started(ORDINARY if family in OURS else replace(ORDINARY, cpu_s=3))
    try:
        met = await limit_met(process, (media_type, make(16_777_216)))
        assert family in OF_LIBRARIES or met in {"", "blocks"}
    finally:
        process.kill()


@pytest.mark.parametrize(
    "task",
    [
        ("text/plain", b"word " * 3_000_000),
        (HTML, b"<p>" + b"<i>hello</i>" * 300_000),
        ("text/markdown", b"* a\n" * 200_000),
        ("text/plain", "\U0001f680".encode() + b"\t" * 10_000_000),
    ],
)
async def test_a_document_that_takes_too_much_memory_is_ended_in_words(task):
    process = await started(LITTLE_MEMORY)
    with pytest.raises(OverLimit, match="memory"):
        await read(process, *task)
    await process.wait()
    assert process.gone


async def test_a_process_that_grew_large_says_so_with_its_answer():
    process = a_process(program(obeying).load, ORDINARY)
    await process.loaded()
    for _ in range(2):
        assert await process.ask(b"keep 80000000", bytes) == [b"kept"]
        assert not process.grown
    assert await process.ask(b"keep 80000000", bytes) == [b"kept"]
    assert process.grown
    process.kill()
    await process.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
async def test_a_process_that_dies_says_how(process, number):
    working = asyncio.create_task(read(process, *ENDLESS))
    (await busy()).send_signal(number)
    with pytest.raises(ProcessDied, match=number.name):
        await working
    assert process.gone
    assert process.end.done()


async def test_a_process_that_died_while_idle_says_so(process):
    child_of(process).kill()
    with pytest.raises(ProcessDied, match="SIGKILL"):
        await read(process, "text/plain", b"x" * 1_000_000)


async def test_a_process_that_ended_before_it_was_asked_says_so(process):
    process.kill()
    with pytest.raises(ProcessDied, match=r"SIGKILL|exit status 0"):  # or it hears of its asker
        await read(process, "text/plain", b"words")


async def test_who_stops_waiting_stops_the_work(process):
    working = asyncio.create_task(read(process, *ENDLESS))
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
    assert not (await read(process, "text/plain", b"text")).error


async def test_it_is_told_no_secret_and_has_no_file_of_ours(monkeypatch, tmp_path):
    monkeypatch.setenv("PLAYHEAD_MASTER_KEY", "secret")
    with (tmp_path / "keyring").open("w") as file:
        process = await started(ORDINARY)
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
        a_process(READING.load, ORDINARY)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    # whether it has ended when it is asked is chance
    with pytest.raises(NotStarted, match=r"exit status 1|ended before it was asked"):
        await started(ORDINARY)


async def test_a_process_goes_on_loading_when_nobody_waits_any_longer():
    process = a_process(READING.load, ORDINARY)
    starting = asyncio.create_task(process.loaded())
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await process.loaded()
    assert not (await read(process, "text/plain", b"text")).error
    process.kill()


async def test_a_process_that_is_ended_before_it_is_there_leaves_nothing():
    others = running()  # of tests before, whose connectors are still there
    process = a_process(READING.load, ORDINARY)
    process.kill()
    await process.wait()
    assert [one for one in running() if one not in others] == []
    with pytest.raises(NotStarted):
        await process.loaded()


async def test_what_does_not_end_loading_is_ended_and_said():
    with pytest.raises(NotStarted, match="SIGXCPU"):
        await a_process(program(endless).load, replace(ORDINARY, loading_s=1)).loaded()


async def test_what_lacks_something_says_what_to_do():
    with pytest.raises(Unloadable, match="install it"):
        await a_process(program(uninstalled).load, ORDINARY).loaded()


async def test_parts_come_in_order_each_as_it_is_read():
    process = a_process(program(halves).load, ORDINARY)
    await process.loaded()
    assert await process.ask(b"abcd", bytes.decode) == ["ab", "cd"]
    assert await process.ask(b"", bytes.decode) == ["", ""]
    process.kill()


async def test_an_error_tells_where_and_not_what():
    process = a_process(program(obeying).load, ORDINARY)
    await process.loaded()
    with pytest.raises(TaskBroke, match=r"KeyError at programs.py:\d+$"):
        await process.ask(b"raise", bytes)
    assert process.gone


ASKER = """
    import asyncio, os, signal
    from tests.connectors.processes.processes import MUCH_TIME, busy
    from tests.connectors.processes.test_limited_process import ENDLESS, read, started

    async def main():
        process = await started(MUCH_TIME)
        working = asyncio.create_task(read(process, *ENDLESS))
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


# ---------------------------------------------------------------------- what a process may say


class SayingTemplate:
    """Gives processes that have said something, and then do nothing."""

    def __init__(self, said):
        self.said = said

    def fork(self, descriptor, _limits):
        with socket.socket(fileno=os.dup(descriptor)) as theirs:
            theirs.sendall(self.said)
        return SaidProcess(os.dup(descriptor))


class SaidProcess:
    """A process that has said what it says."""

    is_over = False

    def __init__(self, descriptor):
        self._descriptor = descriptor
        self.end = Future()

    def kill(self):
        os.close(self._descriptor)
        self.end.set_result(-9)


WORDS = [
    pytest.param(LENGTH.pack(2**32 - 1), "4294967295 bytes at once", id="length"),
    pytest.param(LENGTH.pack(ANSWER_BYTES_MAX + 1), f"of {ANSWER_BYTES_MAX} at most", id="bound"),
    pytest.param(frame(b"\xc1"), "none of its words", id="word"),
]


@pytest.mark.parametrize(("said", "words"), WORDS)
async def test_a_process_that_says_what_it_may_not_is_ended_and_nothing_allocated(said, words):
    process = LimitedProcess(SayingTemplate(framed(Ready()) + said), ORDINARY)
    await process.loaded()
    with pytest.raises(TaskBroke, match=words):
        await process.ask(b"", bytes)
    assert process.gone
    await process.wait()


@pytest.mark.parametrize(("said", "words"), WORDS)
async def test_a_process_that_begins_with_what_it_may_not_say_has_not_started(said, words):
    process = LimitedProcess(SayingTemplate(said), ORDINARY)
    with pytest.raises(NotStarted, match=words):
        await process.loaded()
    assert process.gone
    await process.wait()


@pytest.mark.parametrize(("count", "is_too_much"), [(2, False), (3, True)])
async def test_an_answer_is_no_larger_than_the_process_may_be(count, is_too_much):
    """One that hostile bytes rule could answer without end, and the worker would hold it all."""
    said = framed(Ready()) + framed(AnswerPart(b"x" * 500)) * count + framed(AnswerEnd(False))
    process = LimitedProcess(SayingTemplate(said), replace(ORDINARY, memory_bytes=1_000))
    await process.loaded()
    if not is_too_much:
        assert await process.ask(b"", len) == [500] * count
        process.kill()
    else:
        with pytest.raises(OverLimit, match="memory"):
            await process.ask(b"", len)
    assert process.gone
    await process.wait()


async def test_where_no_file_can_be_opened_none_is_started():
    with no_more_files(), pytest.raises(NotStarted, match="Too many open files"):
        LimitedProcess(SayingTemplate(b""), ORDINARY)
