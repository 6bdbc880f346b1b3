"""Guard: when the supervisor goes, however it goes, its children go too.

A process of its own, in a session of its own, whose standard input is a pipe from the supervisor:
it reads until the other end is gone, even by SIGKILL, and then ends every process whose environment
carries the stack's marker. Children of children inherit the marker, so none is overlooked. It
also inherits the run folder's lock, so that nobody starts a new stack there before it has finished.
"""

import os
import signal
import sys
import time

import psutil

MARKER = "PLAYHEAD_STACK"
GRACE_S = 5.0
PASSES = 10


def marked(marker: str) -> list[psutil.Process]:
    """Find the processes that carry this marker, this one left out."""
    carriers = []
    for process in psutil.process_iter():
        try:
            alive = process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE
            if alive and process.environ().get(MARKER) == marker:
                carriers.append(process)
        except (psutil.Error, OSError):
            continue
    return carriers


def sweep(marker: str, grace_s: float = 0.0) -> int:
    """End every process with this marker and return how many there were.

    SIGTERM first where there is a grace time, SIGKILL for what is left, and again until none is,
    because a process may have started another in the meantime.
    """
    carriers = marked(marker)
    number = len(carriers)
    if grace_s:
        _send(carriers, signal.SIGTERM)
        psutil.wait_procs(carriers, timeout=grace_s)
        carriers = marked(marker)
    for _ in range(PASSES):
        if not carriers:
            break
        _send(carriers, signal.SIGKILL)
        time.sleep(0.05)
        carriers = marked(marker)
    return number


def _send(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.Error:
            continue


def main() -> None:
    """Wait for the supervisor's end, then sweep."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    sweep(sys.argv[1], GRACE_S)


if __name__ == "__main__":
    main()
