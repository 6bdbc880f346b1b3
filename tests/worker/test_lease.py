"""A worker that stood still for too long ends; one that is merely busy goes on."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, sys, time
from worker.lease import Lease
async def main():
    Lease(0.5).hold(asyncio.get_running_loop())
    print("held", flush=True)
    await asyncio.sleep(0.3)
    time.sleep(float(sys.argv[1]))  # the loop is busy, the process is not stopped
    await asyncio.sleep(1.2)
asyncio.run(main())
"""


@pytest.mark.parametrize(("busy_s", "stopped_s", "code"), [(0, 0.9, 1), (0, 0.1, 0), (0.9, 0, 0)])
def test_only_a_standstill_ends_the_process(busy_s, stopped_s, code):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(busy_s)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout.readline() == b"held\n"
    if stopped_s:
        process.send_signal(signal.SIGSTOP)
        time.sleep(stopped_s)
        process.send_signal(signal.SIGCONT)
    process.stdout.close()
    assert process.wait(timeout=20) == code
