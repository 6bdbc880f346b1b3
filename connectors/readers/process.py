"""The process that reads documents, one after the other: `python -m connectors.readers.process`.

It is told its socket, its parent, the work that a document may take (milliseconds of CPU time) and
the memory that it may use (bytes of address space). The kernel holds both limits: past the first it
ends the process (SIGXCPU), whatever code is running; past the second an allocation fails, which is
answered. CPU time is what counts, so that a busy machine fails no document.

Why it is so: libraries that read hostile bytes take quadratic time over some, and nothing stops
them from within; one that crashes takes its process along. So they have a process of their own,
which holds no key, connection or document of another, and which anyone may kill.
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

from msgspec.structs import replace

from connectors.readers.exchange import (
    BLOCKS_MAX,
    LENGTH,
    Broken,
    End,
    Ready,
    frame,
    parts_of,
    task_of,
)
from connectors.readers.parsing import parse

LEAVING_BYTES = (
    192 * 2**20
)  # the allocator keeps what a large document took; a new process is 35 MiB
NICENESS = 10
"""It gives way to what somebody waits for: what is not nice gets nine times as much of a core."""
_PR_SET_PDEATHSIG = 1  # from linux/prctl.h


def main(arguments: list[str]) -> None:
    """Read documents until nobody is left who asks."""
    descriptor, parent, cpu_ms, memory_bytes = map(int, arguments)
    os.nice(NICENESS)
    _depend_on(parent)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, memory_bytes)
    with socket.socket(fileno=descriptor) as asker, contextlib.suppress(OSError):
        asker.sendall(frame(Ready()))
        going_on = True
        while going_on and (body := _received(asker)):
            _limit(resource.RLIMIT_CPU, math.ceil(time.process_time() + cpu_ms / 1_000))
            going_on = _answer(asker, body)


def _answer(asker: socket.socket, body: bytearray) -> bool:
    """Answer a task, whatever the readers raise over it; return whether another may follow."""
    try:
        task = task_of(body)
        parsed = parse(task.media_type, task.content)
        if len(parsed.blocks) > BLOCKS_MAX:
            asker.sendall(frame(Broken("blocks")))
            return False
        for part in parts_of(parsed):
            asker.sendall(frame(part))
        leaving = _resident_bytes() > LEAVING_BYTES
        asker.sendall(frame(End(replace(parsed, blocks=()), leaving)))
    except ConnectionError:
        return False
    except MemoryError:
        asker.sendall(frame(Broken("memory")))
        return False
    except Exception as error:  # noqa: BLE001 - whatever a library may raise stays with its document
        asker.sendall(frame(Broken("error", _place(error))))
        return False
    return not leaving


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


def _received(asker: socket.socket) -> bytearray:
    """Receive the body of a frame; nothing at the end."""
    head = asker.recv(LENGTH.size, socket.MSG_WAITALL)
    if len(head) < LENGTH.size:
        return bytearray()
    body = bytearray(LENGTH.unpack(head)[0])
    view, at = memoryview(body), 0
    while at < len(body):
        received = asker.recv_into(view[at:])
        if not received:
            return bytearray()
        at += received
    return body


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
