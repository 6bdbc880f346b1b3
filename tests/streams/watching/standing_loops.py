"""Processes whose event loops stand still, or don't: `python -m tests.streams.watching.standing_loops CASE …`.

Each case runs in a child of this process under the real watch, with looks that come fast; its exit code and what it
wrote are printed as JSON at the end.
"""

import asyncio
import ctypes
import fcntl
import json
import logging
import os
import resource
import signal
import sys
import threading
import time

import uvloop

from streams.watching import logs
from streams.watching.standstill import Standstill
from tests.streams.watching.fake_steps import ended

TOLD, ENDED, LOOK_S = 3, 12, 0.02
WAITS = ENDED // TOLD + 1
NEVER = threading.Event()
SMALL_MAX, HOLES = 480, 400  # bytes; of each size


class CountingWatch(Standstill):
    """The real one; it also says how often it has looked."""

    seen = 0

    def _look(self):
        self.seen += 1
        super()._look()

    def wait_for(self, looks):
        """Compute, in the loop's thread, until it has looked so often from now on."""
        until = self.seen + looks
        while self.seen < until:
            pass


def wait_for_ever(_):
    NEVER.wait()


def wait_with_the_logs(_):
    """Wait as who writes a line to a log that nobody reads."""
    logging.getLogger().handlers[0].acquire()
    NEVER.wait()


def wait_unheard(_):
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.write(2, b"x" * 4096)
    NEVER.wait()
    os.close(reading)


async def wait_for_a_while(watch):
    """Wait again and again, and take turns in between."""
    for _ in range(WAITS):
        while watch._looks < TOLD:
            time.sleep(LOOK_S / 4)  # noqa: ASYNC251 - on the loop, as who waits without knowing it
        until = watch.seen + 2
        while watch.seen < until:  # noqa: ASYNC110 - looks are counted, and nobody tells of them
            await asyncio.sleep(LOOK_S / 4)


def compute(watch):
    watch.wait_for(3 * ENDED)


def be_stopped(watch):
    """Be stopped for as long as many looks take, as by an operator or a machine that sleeps."""
    pid = os.getpid()
    if not os.fork():
        time.sleep(3 * ENDED * LOOK_S)
        os.kill(pid, signal.SIGCONT)
        os._exit(0)
    os.kill(pid, signal.SIGSTOP)


def starve(_):
    """Start a thread that finds a stack, that of an earlier one, and no memory for its first frame."""
    ctypes.CDLL("libgcc_s.so.1")  # with which the earlier one ends, at any time from now on
    before = threading.Thread(target=id, args=(0,))
    before.start()
    before.join()
    # holes for small objects, so that it's a stack that is wanting, and nothing else, as in most processes
    room = [bytes(size) for size in range(0, SMALL_MAX, 8) for _ in range(2 * HOLES)]
    del room[::2]
    resource.setrlimit(resource.RLIMIT_AS, (1 << 20, resource.RLIM_INFINITY))
    while True:
        try:
            threading.Thread(target=NEVER.wait, daemon=True).start()
        except (RuntimeError, MemoryError):  # the earlier one has not given its stack back yet
            continue


def refuse(watch):
    """Have the loop taken for one that can't be asked, as where no memory is left."""

    def no_memory(_):
        raise MemoryError

    watch._loop = type("Loop", (), {"call_soon_threadsafe": staticmethod(no_memory)})
    while not NEVER.is_set():  # the loop's thread may well be at something
        time.sleep(0)


async def sleep(watch):
    until = watch.seen + 3 * ENDED
    while watch.seen < until:  # noqa: ASYNC110 - looks are counted, and nobody tells of them
        await asyncio.sleep(LOOK_S / 2)


def release(watch):
    watch.release()
    time.sleep(3 * ENDED * LOOK_S)


CASES = {
    case.__name__: case
    for case in (
        wait_for_ever,
        wait_with_the_logs,
        wait_unheard,
        wait_for_a_while,
        compute,
        be_stopped,
        starve,
        refuse,
        sleep,
        release,
    )
}


async def main(case):
    watch = CountingWatch(TOLD, ENDED, LOOK_S)
    watch.hold(asyncio.get_running_loop())
    await asyncio.sleep(4 * LOOK_S)
    if (more := CASES[case](watch)) is not None:
        await more
    os.write(1, b"went on\n")


def begun(case):
    """Begin a case in a child; return its id and where it writes."""
    reading, writing = os.pipe()
    if pid := os.fork():
        os.close(writing)
        return pid, reading
    for descriptor in (1, 2):
        os.dup2(writing, descriptor)
    os.close(reading)
    os.close(writing)
    logs.configure("info")
    uvloop.run(main(case))
    os._exit(0)


if __name__ == "__main__":
    json.dump({case: ended(*begun(case)) for case in sys.argv[1:]}, sys.stdout)
