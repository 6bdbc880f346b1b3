"""A process that stands still for a while, as one that hangs: it takes connections, and answers nothing."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE_S = 60.0  # a thread that waits for a disk stands still only afterwards


@contextmanager
def standing(pid: int) -> Iterator[None]:
    """Stop a process, wait until no thread of it runs on, and let it go on in the end.

    The signal is taken up by one thread, which tells the others: on a busy machine these answer for a while yet.
    """
    os.kill(pid, signal.SIGSTOP)
    try:
        ends_s = time.monotonic() + PATIENCE_S
        while running := sorted(_states(pid) - {"T", "t", "Z", "X"}):
            assert time.monotonic() < ends_s, f"threads of process {pid} are still {running}"
            time.sleep(0.005)
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _states(pid: int) -> set[str]:
    """Return the states of a process's threads, as the kernel's letters."""
    states = set()
    for task in Path("/proc", str(pid), "task").glob("*/stat"):
        with suppress(OSError):  # the thread has ended meanwhile
            states.add(task.read_text().rpartition(")")[2].split()[0])
    return states
