"""What runs in a process: one task after the other, by `python -m connectors.processes.process`.

It is told its program (`module:function`), its socket, its parent, the work that loading and a task
may take (milliseconds of CPU time), the memory that it may use (bytes of address space) and its
niceness. The kernel holds the limits: past one of work it ends the process (SIGXCPU), whatever code
is running; past that of memory an allocation fails, which is answered. Few files may be open, and
once the program is loaded none may be written to. CPU time is what counts, so
that a busy machine fails no task.

Why it is so: libraries that read hostile bytes take quadratic time over some, and nothing stops
them from within; one that crashes takes its process along. So they have a process of their own,
which holds no key or connection, and nothing of another, and which anyone may kill.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import math
import os
import resource
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from connectors.processes.exchange import (
    LENGTH,
    AnswerEnd,
    AnswerPart,
    Broken,
    NotLoaded,
    Ready,
    framed,
)
from connectors.processes.program import NotInstalled, TooMuch, Work

GROWN_BYTES = 160 * 2**20
"""Beyond what it had when it was ready, at which a process says that another should take its place:
its allocator keeps what a large task took, and a new one is 35 to 150 MiB."""
OPEN_FILES_MAX = 64  # at once: a process that loads a model has up to ten open
_PR_SET_PDEATHSIG = 1  # from linux/prctl.h


def main(arguments: list[str]) -> None:
    """Do tasks until nobody is left who asks."""
    program, *numbers = arguments
    descriptor, parent, loading_ms, cpu_ms, memory_bytes, niceness = map(int, numbers)
    os.nice(niceness)
    _depend_on(parent)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES_MAX)
    _limit_work(loading_ms)
    asker = socket.socket(fileno=descriptor)
    try:
        work = _loaded(program)
    except NotInstalled as error:
        asker.sendall(framed(NotLoaded(str(error))))
        return
    _limit(resource.RLIMIT_FSIZE, 0)  # no library leaves a file behind; pipes and sockets are none
    with contextlib.suppress(OSError):  # nobody is left who asks
        small_bytes = _resident_bytes()
        asker.sendall(framed(Ready()))
        going_on = True
        while going_on and (body := _received(asker)) is not None:
            _limit_work(cpu_ms)
            going_on = _answer(asker, work, body, small_bytes + GROWN_BYTES)


def _loaded(program: str) -> Work:
    """Load a program; raises NotInstalled."""
    module, function = program.split(":")
    load: Callable[[], Work] = getattr(importlib.import_module(module), function)
    return load()


def _answer(asker: socket.socket, work: Work, body: bytearray, grown_bytes: int) -> bool:
    """Do a task, whatever is raised over it; return whether another may follow."""
    try:
        for part in work(body):
            asker.sendall(framed(AnswerPart(part)))
        asker.sendall(framed(AnswerEnd(_resident_bytes() > grown_bytes)))
    except ConnectionError:
        return False
    except TooMuch as much:
        asker.sendall(framed(Broken(much.of)))
        return False
    except MemoryError:
        asker.sendall(framed(Broken("memory")))
        return False
    except Exception as error:  # noqa: BLE001 - whatever a library may raise stays with its task
        asker.sendall(framed(Broken("error", _place(error))))
        return False
    return True


def _resident_bytes() -> int:
    """Return the memory in use; 0 where the system does not say.

    `ru_maxrss` would not do: a new process inherits it from the one that started it.
    """
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


def _place(error: Exception) -> str:
    """Name an error and where it was raised, without its message."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


def _received(asker: socket.socket) -> bytearray | None:
    """Receive the body of a frame; None at the end."""
    head = asker.recv(LENGTH.size, socket.MSG_WAITALL)
    if len(head) < LENGTH.size:
        return None
    body = bytearray(LENGTH.unpack(head)[0])
    view, at = memoryview(body), 0
    while at < len(body):
        received = asker.recv_into(view[at:])
        if not received:
            return None
        at += received
    return body


def _limit_work(cpu_ms: int) -> None:
    """Limit the CPU time from now on."""
    _limit(resource.RLIMIT_CPU, math.ceil(time.process_time() + cpu_ms / 1_000))


def _limit(what: int, value: int) -> None:
    """Set a limit that can be set again; one that stands already is not raised."""
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _depend_on(parent: int) -> None:
    """End with the parent, not before it: by its death, and not by a Ctrl-C meant for it.

    Where memory runs out on the whole machine, this process is the one to go.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    if os.getppid() != parent:  # it died before it could be depended on
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
