"""Workers over fake apps, each in a child of this process: `python -m tests.worker.fake_worker`.

It reads a case and a folder a line, runs the worker of the case in a child, and says `ended CODE` at last. What the
child logs, and what its fakes tell of, goes to standard output too. (To import what a worker needs takes longer than
all cases do.)
"""

import asyncio
import gc
import os
import signal
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

from mode import Service

from streams.running.world import World
from streams.watching import logs
from tests.fake_connectors import FakeConnector
from worker.cli import Worker, run_to_the_end, supervise
from worker.watchdog import Deaf
from worker.wiring import Host

HANGS = "hangs at the stop"
STOP_S = 0.1  # of the case that hangs; the others may be slow
PATIENT_S = 60.0
NEVER = threading.Event()


def tell(*words):
    """One line at once, so that those of several threads don't mix."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


class FakeStepApp(Service):
    """Stands for the app of a step and its runner; test_fake_step_app.py holds it to both."""

    abstract = True

    def __init__(self, name, case, ready_file):
        super().__init__()
        self.name = name
        self.case = case
        self.ready_file = ready_file
        self.in_worker = False
        self.looks = 0
        self.consumer = SimpleNamespace(stop_taking=lambda: tell(name, "stops taking"))
        self.publisher = SimpleNamespace(close=self.close_publisher)

    @property
    def broken(self):
        return self.name == "second"

    async def on_start(self):
        tell(self.name, "in a worker:", self.in_worker)
        if self.case == "does not start" and self.broken:
            raise ZeroDivisionError("a secret")

    @property
    def ready(self):
        """Ready when it is looked at for the third time."""
        if self.broken:
            self.looks += 1
            tell("look", self.looks, "file:", self.ready_file.exists())
            if self.case == "crashes before it is ready":
                self.crash_soon()
                return False
        return not self.broken or self.looks >= 3

    @property
    def trouble(self):
        """What a takeover waits for, between two looks."""
        waits = self.case == "waits" and self.broken and self.looks == 1
        if self.looks == 2 and self.broken and self.case == "waits":
            tell("file", self.ready_file.read_text())
        return "it waits for its lanes" if waits else ""

    def crash_soon(self):
        self.crashing = asyncio.ensure_future(self.crash(ZeroDivisionError("a secret")))

    async def drain(self, limit_s):
        tell(self.name, "drains for", limit_s)
        await asyncio.sleep(0)
        tell(self.name, "has drained")

    async def on_stop(self):
        tell(self.name, "stops")
        if self.case == "one does not stop well" and not self.broken:
            raise ZeroDivisionError("a secret")
        if self.case == HANGS:
            await asyncio.Event().wait()

    async def close_publisher(self, limit_s):
        tell(self.name, "has published within", limit_s)


class FakeHosted(SimpleNamespace):
    """Such an app as the worker holds it."""

    @property
    def trouble(self):
        return self.runner.trouble


class FakeTellingConnector(FakeConnector):
    """Answers nothing; tells when it has loaded and that it is closed."""

    def __init__(self, case, ready_file):
        super().__init__()
        self.case = case
        self.ready_file = ready_file

    async def loaded(self):
        await asyncio.sleep(0.05)
        tell("world has loaded, file:", self.ready_file.exists())

    async def close(self):
        tell("world closes")
        tell("collector", gc.get_threshold()[0], gc.get_freeze_count() > 0)
        if self.case == "the world does not close well":
            raise ZeroDivisionError("a secret")


async def serve(case, folder):
    ready_file = folder / "ready.json" if case != "without a file" else None
    apps = [FakeStepApp(name, case, folder / "ready.json") for name in ("first", "second")]
    steps = [FakeHosted(step=SimpleNamespace(name=app.name), app=app, runner=app) for app in apps]

    async def watch(told):
        if case in {"stuck", "stuck for a while"}:
            told(["a lane is silent"])
            tell("file", ready_file.read_text())
        if case == "stuck for a while":
            told([])
            tell("file", ready_file.read_text())
        if case == "deaf":
            raise Deaf("a step reads nothing")

    stop_s = STOP_S if case == HANGS else PATIENT_S
    worker = Worker(
        Host(steps, World((FakeTellingConnector(case, folder / "ready.json"),), stop_s)),
        ready_file,
        watch,
        loop=asyncio.get_running_loop(),
    )
    if case == "crashes later":
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, apps[1].crash_soon)
    return await supervise(worker, stop_s)


async def answer(code):
    return code


async def break_off():
    raise MemoryError("a secret")


def run(case, folder):
    os.dup2(1, 2)
    logs.configure("info")
    if case.startswith("code "):
        threading.Thread(target=NEVER.wait).start()  # as a client that sits out a timeout
        run_to_the_end(answer(int(case.removeprefix("code "))))
    if case == "breaks off":
        threading.Thread(target=NEVER.wait).start()
        run_to_the_end(break_off())
    run_to_the_end(serve(case, folder))


def main():
    for line in sys.stdin:
        case, _, folder = line.rstrip("\n").partition("\t")
        if pid := os.fork():
            tell("pid", pid)
            _, status = os.waitpid(pid, 0)
            tell("ended", os.waitstatus_to_exitcode(status))
        else:
            run(case, Path(folder))


if __name__ == "__main__":
    main()
