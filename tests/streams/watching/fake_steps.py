"""Processes under a loop watch, in which something computes: `python -m tests.streams.watching.fake_steps CASE …`.

What computes is a module made up here, named as a step's would be, or one that is none. Each case runs in a child of
this process, all at once, and what it said is printed as JSON at the end.
"""

import asyncio
import ctypes
import json
import os
import signal
import sys
import threading
import time
import types

import uvloop

from agents.errors import HeldTooLong
from streams.watching import logs
from streams.watching.loop_watch import LoopWatch

SOURCE = """
import re, time

def compute(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass

def search(_):
    re.match("(a+)+$", "a" * 40 + "b")

def through(call):
    call()
"""


def a_module(name):
    module = types.ModuleType(name)
    exec(SOURCE, module.__dict__)
    return module


STEP, CONNECTOR = a_module("agents.made_up"), a_module("connectors.made_up")


async def part():
    STEP.compute(0.05)


async def many():
    """Let many steps compute for a moment each, all in one turn of the loop."""
    await asyncio.gather(*(part() for _ in range(30)))


def system_call():
    """Wait in C, without Python's own way of going on after a signal, as a client's library may."""
    reading, writing = os.pipe()
    threading.Timer(0.3, os.write, (writing, b"x")).start()
    came = ctypes.CDLL(None, use_errno=True).read(reading, ctypes.create_string_buffer(1), 1)
    os.write(1, b"read %d\n" % came)


async def released():
    """Say what is left of the watch once it is released."""
    watch = LoopWatch(look_s=0.02)
    watch.hold(asyncio.get_running_loop())
    watch.release()
    os.write(1, b"timer %d\n" % (signal.getitimer(signal.ITIMER_PROF) != (0.0, 0.0)))
    os.kill(os.getpid(), signal.SIGPROF)  # one that is under way
    await asyncio.sleep(0)


CASES = {
    "short": lambda: STEP.compute(0.02),
    "long": lambda: STEP.compute(0.4),
    "endless": lambda: STEP.compute(600),
    "endless in a pattern": lambda: STEP.search(0),
    "long in a connector": lambda: STEP.through(lambda: CONNECTOR.compute(1.2)),
    "asleep": lambda: time.sleep(0.6),
    "many": many,
    "in a system call": system_call,
    "released": released,
}


async def main(case):
    watch = LoopWatch(told_s=0.1, ended_s=0.5, look_s=0.02)
    watch.hold(asyncio.get_running_loop())
    logs.begin_task()
    logs.enter("rewrite", "r-1", types.SimpleNamespace(place="a.topic[0]@7"), "00-ab-cd-01")
    await asyncio.sleep(0.1)
    try:
        if (more := CASES[case]()) is not None:
            await more
        os.write(1, b"returned\n")
    except HeldTooLong as error:
        os.write(1, f"{error}\n".encode())
    await asyncio.sleep(0.1)  # the loop goes on
    os.write(1, b"went on\n")
    watch.release()


def begun(case):
    """Begin a case in a child; return its id and where it writes."""
    reading, writing = os.pipe()
    if pid := os.fork():
        os.close(writing)
        return pid, reading
    for descriptor in (1, 2):
        os.dup2(writing, descriptor)
    logs.configure("info")
    uvloop.run(main(case))
    os._exit(0)


def ended(pid, reading):
    """Wait for a child; return its exit code and its lines."""
    with os.fdopen(reading) as lines:
        said = lines.read().splitlines()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said


if __name__ == "__main__":
    children = {case: begun(case) for case in sys.argv[1:]}
    json.dump({case: ended(*child) for case, child in children.items()}, sys.stdout)
