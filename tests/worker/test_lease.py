"""A worker that stood still for too long ends; one that is merely busy goes on."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

LIMIT_S, LONG_S, SHORT_S = 0.8, 1.2, 0.1
# all cases at once, as children of one process: to import what they need takes longer than they do
PROGRAM = f"""
import asyncio, os, sys, time
from worker.lease import Lease

def say(*words):
    # in one piece: the children share the pipe
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

async def hold(case, busy_s):
    Lease({LIMIT_S}).hold(asyncio.get_running_loop())
    say(case, "held", os.getpid())
    await asyncio.sleep(0.3)
    time.sleep(busy_s)  # the loop is busy, the process is not stopped
    await asyncio.sleep(0.3)

cases = dict(argument.split("=") for argument in sys.argv[1:])
children = {{}}
for case, busy_s in cases.items():
    if pid := os.fork():
        children[pid] = case
    else:
        asyncio.run(hold(case, float(busy_s)))
        os._exit(0)
while children:
    pid, status = os.wait()
    say(children.pop(pid), "ended", os.waitstatus_to_exitcode(status))
"""
CASES = {"idle": 0.0, "busy": LONG_S, "stopped": 0.0, "stopped for a moment": 0.0}


@pytest.fixture(scope="module")
def codes():
    """Exit codes by case."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *(f"{case}={busy_s}" for case, busy_s in CASES.items())],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    held, ended = {}, {}
    for line in process.stdout:
        case, what, number = line.rsplit(maxsplit=2)
        (held if what == "held" else ended)[case] = int(number)
        if what == "held" and case.startswith("stopped"):
            seconds = SHORT_S if "moment" in case else LONG_S
            threading.Thread(target=stand_still, args=(held[case], seconds)).start()
    assert process.wait(timeout=20) == 0
    return ended


def stand_still(pid, seconds):
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("case", "code"), [("idle", 0), ("busy", 0), ("stopped", 1), ("stopped for a moment", 0)]
)
def test_only_a_standstill_ends_the_process(codes, case, code):
    assert codes[case] == code
