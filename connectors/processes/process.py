"""What runs in a process: one task after the other.

The kernel holds the limits: past one of work it ends the process (SIGXCPU), whatever code is
running; past that of memory an allocation fails, which is answered. Few files may be open, and none
may be written to. CPU time is what counts, so that a busy machine fails no task.

Why it is so: libraries that read hostile bytes take quadratic time over some, and nothing stops
them from within; one that crashes takes its process along. So they have a process of their own,
which holds no key or connection, and nothing of another, and which anyone may kill.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import resource
import signal
import socket
import sys
import time
import traceback
from pathlib import Path

from connectors.processes.exchange import (
    LENGTH,
    AnswerEnd,
    AnswerPart,
    Broken,
    ForkWanted,
    Ready,
    framed,
)
from connectors.processes.program import TooMuch, Work

GROWN_BYTES = 160 * 2**20
"""Beyond what it had when it was ready, at which a process says that another should take its place:
its allocator keeps what a large task took."""
OPEN_FILES_MAX = 64  # at once: a process that loads a model has up to ten open
_PR_SET_PDEATHSIG = 1  # from linux/prctl.h


def do_tasks(asker: socket.socket, work: Work, wanted: ForkWanted) -> None:
    """Do tasks until nobody is left who asks, within limits."""
    os.nice(wanted.niceness)
    limit(resource.RLIMIT_AS, wanted.memory_bytes)
    limit(resource.RLIMIT_FSIZE, 0)  # no library leaves a file behind; pipes and sockets are none
    with contextlib.suppress(OSError):  # nobody is left who asks
        small_bytes = _own_bytes()
        asker.sendall(framed(Ready()))
        going_on = True
        while going_on and (body := _received(asker)) is not None:
            limit_work(wanted.cpu_ms)
            going_on = _answer(asker, work, body, small_bytes + GROWN_BYTES)


def _answer(asker: socket.socket, work: Work, body: bytearray, grown_bytes: int) -> bool:
    """Do a task, whatever is raised over it; return whether another may follow."""
    try:
        for part in work(body):
            asker.sendall(framed(AnswerPart(part)))
        asker.sendall(framed(AnswerEnd(_own_bytes() > grown_bytes)))
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


def _own_bytes() -> int:
    """Return the memory in use, files that are mapped left out; 0 where the system does not say.

    Those of the template come with a fork as they are first read, and belong to all.
    """
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return (int(pages[1]) - int(pages[2])) * resource.getpagesize()


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


def limit_work(cpu_ms: int) -> None:
    """Limit the CPU time from now on."""
    limit(resource.RLIMIT_CPU, math.ceil(time.process_time() + cpu_ms / 1_000))


def limit(what: int, value: int) -> None:
    """Set a limit that can be set again; one that stands already is not raised."""
    hard = resource.getrlimit(what)[1]
    if value == resource.RLIM_INFINITY:
        value = hard
    elif hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(what, (value, hard))


def depend_on(parent: int) -> None:
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
