"""Small processes of the operating system in the place of workers and brokers."""

import subprocess
import sys
import time
from types import SimpleNamespace

from tests.chaos.slots import Slot

LONG_S = 30.0
WRITES = """
import sys, time
while True:
    try:
        with open(sys.argv[1], "ab") as file:
            file.write(b"a line\\n")
    except OSError:
        if len(sys.argv) > 2:
            raise SystemExit(1)
    time.sleep(0.005)
"""
"""Appends to a file for ever; ends where it can't if it is given another word."""
GROWS = "import time\nheld = []\nwhile True:\n    held.append(bytearray(1 << 20))\n    time.sleep(0.005)\n"
ENDS = "raise SystemExit(3)"


def started(script, *words):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, words)], stderr=subprocess.DEVNULL
    )


def until(condition):
    """Wait until something holds; it is an error if it never does."""
    deadline = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class ScriptSlot(Slot):
    """A place for a script in the place of a worker."""

    def __init__(self, number, run, script, plan, place=None):
        super().__init__(number, SimpleNamespace(run=run), plan, place)
        self._script = script

    def start(self, how=None):
        self.process = started(self._script, self.log)
