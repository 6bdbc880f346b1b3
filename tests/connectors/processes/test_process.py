"""What runs in a process, run here: each task is answered, whatever the work raises."""

import resource
import socket
import threading
from contextlib import suppress

import pytest

from connectors.processes import process
from connectors.processes.exchange import (
    LENGTH,
    AnswerEnd,
    AnswerPart,
    Broken,
    ForkWanted,
    Ready,
    answer_of,
    frame,
)
from connectors.processes.process import do_tasks
from tests.connectors.processes.programs import halves, obeying


@pytest.fixture(autouse=True)
def limits(monkeypatch):
    """Keep the limits of this process as they are; return which were asked for."""
    asked = []
    monkeypatch.setattr(process, "limit", lambda what, value: asked.append((what, value)))
    return asked


def answers(load, *tasks, memory_bytes=10**9):
    """Return what a process answers, from its first word to the end of what it is asked."""
    ours, theirs = socket.socketpair()
    wanted = ForkWanted(number=1, cpu_ms=2_000, memory_bytes=memory_bytes, niceness=0)

    def do():
        with theirs:
            do_tasks(theirs, load(), wanted)

    running = threading.Thread(target=do)
    running.start()
    with ours:
        with suppress(OSError):  # it has left already
            ours.sendall(b"".join(map(frame, tasks)))
            ours.shutdown(socket.SHUT_WR)
        running.join()
        data = bytearray()
        while part := received(ours):
            data += part
    words = []
    while data:
        (length,) = LENGTH.unpack(data[: LENGTH.size])
        words.append(answer_of(data[LENGTH.size : LENGTH.size + length]))
        del data[: LENGTH.size + length]
    return words


def received(ours):
    try:
        return ours.recv(65_536)
    except ConnectionResetError:  # it left a task unread
        return b""


def test_it_says_that_it_is_ready_and_answers_each_task():
    assert answers(halves, b"abcd", b"") == [
        Ready(),
        AnswerPart(b"ab"),
        AnswerPart(b"cd"),
        AnswerEnd(grown=False),
        AnswerPart(b""),
        AnswerPart(b""),
        AnswerEnd(grown=False),
    ]


@pytest.mark.parametrize(
    ("load", "task", "last"),
    [
        (halves, b"x" * 101, Broken("bytes")),
        (obeying, b"exhaust", Broken("memory")),
    ],
)
def test_what_can_not_be_done_is_the_last_task(load, task, last):
    assert answers(load, task, b"pid") == [Ready(), last]


def test_an_error_is_told_by_its_place_without_its_message():
    [_, broken] = answers(obeying, b"raise", b"pid")
    assert broken.cause == "error"
    assert broken.where.startswith("KeyError at programs.py:")


def test_what_has_grown_says_so_and_goes_on(monkeypatch):
    sizes = iter([100, 100 + process.GROWN_BYTES, *[101 + process.GROWN_BYTES] * 2])
    monkeypatch.setattr(process, "_own_bytes", lambda: next(sizes))
    assert [word.grown for word in answers(halves, *[b""] * 3) if isinstance(word, AnswerEnd)] == [
        False,
        True,
        True,
    ]


def test_a_process_and_each_of_its_tasks_have_limits_of_work(limits, monkeypatch):
    monkeypatch.setattr(process.time, "process_time", lambda: 7.5)
    answers(halves, b"", b"", memory_bytes=5)
    assert limits == [
        (resource.RLIMIT_AS, 5),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, 10),
        (resource.RLIMIT_CPU, 10),
    ]
