"""Small programs for processes that do tasks: what each does with a task its name says."""

import os
import signal
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from connectors.presidio.detection_task import detect
from connectors.processes.program import NotInstalled, Program, TooMuch

KEPT = []


def open_files():
    """List what this process has open, but for what it lists with."""
    for one in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            yield os.fspath(one.readlink())


def _compute():
    while True:
        pass


def _raise(error):
    raise error


TROUBLES = {
    b"end": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    b"raise": lambda: _raise(KeyError("secret")),
    b"exhaust": lambda: _raise(MemoryError()),
    b"compute": _compute,
}


def program(load):
    """Describe a program of this module."""
    return Program(
        load=f"{__name__}:{load.__name__}",
        purpose="do tests in",
        task="doing a test",
        cpu_setting="CPU_SETTING",
        memory_setting="MEMORY_SETTING",
        instead="test less",
        too_much={"bytes": "that is too long"},
    )


def halves():
    """Answer a task by its halves."""

    def work(task):
        if len(task) > 100:
            raise TooMuch("bytes")
        yield bytes(task[: len(task) // 2])
        yield bytes(task[len(task) // 2 :])

    return work


def obeying():
    """Do what the task says."""

    def work(task):
        match bytes(task).split():
            case [b"pid"]:
                yield str(os.getpid()).encode()
            case [b"files"]:
                yield " ".join(open_files()).encode()
            case [b"write", file]:
                Path(file.decode()).write_bytes(b"x")
            case [b"keep", size]:
                KEPT.append(b"x" * int(size))
                yield b"kept"
            case [b"end" | b"raise" | b"exhaust" | b"compute" as trouble]:
                TROUBLES[trouble]()
            case [b"wait", file]:
                while not Path(file.decode()).exists():
                    time.sleep(0.01)
                yield b"waited"

    return work


def gated():
    """Find nothing in texts, once each file is there that one of them names."""

    class Finder:
        name = "gated"
        languages = frozenset({"en"})

        def find(self, texts):
            for text in texts:
                while text.startswith("/") and not Path(text.split()[0]).exists():
                    time.sleep(0.01)
            return [() for _ in texts]

    return partial(detect, Finder())


def threaded():
    """Begin a thread, as a library might."""
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    return obeying()


def endless():
    """Never end loading."""
    while True:
        pass


def uninstalled():
    """Lack something."""
    raise NotInstalled("the thing is missing: install it")


def once():
    """Load when the file is there that the environment names, and never again."""
    Path(os.environ["PYTHON_TEST_FILE"]).unlink()
    return obeying()
