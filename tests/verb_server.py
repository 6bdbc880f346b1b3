"""Verbs of the command line in processes that have imported all before: each is forked from one that did nothing else.

A verb imports for a second of CPU, and tests of the stack call two hundred. What is forked is a process of its own
with its own arguments, environment and streams, and ends as any other does.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

ROOT = Path(__file__).parents[1]
LOADING_S = 120.0  # on a busy machine

Words = Sequence[str | os.PathLike[str]]


class EndedVerb(NamedTuple):
    """How a verb ended and what it said, by the names of subprocess.run."""

    returncode: int
    peak_kb: int
    """At most in memory, with what it was forked with."""
    stdout: str
    stderr: str


class VerbServer:
    """A process that forks; started with the first verb."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._one_at_a_time = threading.Lock()

    def run(
        self, words: Words, environment: Mapping[str, str], timeout_s: float, **more: Any
    ) -> EndedVerb:
        """Run a verb from the tree's root, as subprocess.run does; raises TimeoutExpired."""
        [ended] = self.run_all([words], environment, timeout_s, **more)
        return ended

    def run_all(
        self,
        verbs: Sequence[Words],
        environment: Mapping[str, str],
        timeout_s: float,
        *,
        typed: str = "",
        address_bytes: int = resource.RLIM_INFINITY,
    ) -> list[EndedVerb]:
        """Run verbs side by side; each is typed the same, and may have so many bytes of addresses."""
        with self._one_at_a_time, tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "typed").write_text(typed)
            asked = [
                {
                    "words": [os.fspath(word) for word in words],
                    "environment": dict(environment),
                    "streams": [f"{folder}/typed", f"{folder}/out-{at}", f"{folder}/err-{at}"],
                    "address_bytes": address_bytes,
                }
                for at, words in enumerate(verbs)
            ]
            pids = json.loads(self._told(json.dumps(asked), LOADING_S))
            try:
                ends = json.loads(self._told("", timeout_s))
            except TimeoutError:
                for pid in pids:
                    os.kill(pid, signal.SIGKILL)
                self._told("", LOADING_S)
                raise subprocess.TimeoutExpired(str(verbs), timeout_s) from None
            said = [[Path(place).read_text() for place in one["streams"][1:]] for one in asked]
        return [EndedVerb(*end, *streams) for end, streams in zip(ends, said, strict=True)]

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.communicate(timeout=LOADING_S)
            self._process = None

    def _told(self, line: str, timeout_s: float) -> str:
        """Ask, where there is something to ask, and return the next line that it says."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.verb_server"],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,  # what is read ahead would be hidden from `select`
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        if line:
            process.stdin.write(f"{line}\n".encode())
        if not select.select([process.stdout], [], [], timeout_s)[0]:
            raise TimeoutError
        said = process.stdout.readline()
        assert said, "what runs verbs has ended"
        return said.decode()


def serve() -> None:
    """Import all verbs, then fork for each line."""
    from infra.cli import VERBS

    for verb in VERBS.values():
        importlib.import_module(verb.place.partition(":")[0])
    assert threading.active_count() == 1, "a fork would lose threads"
    gc.collect()
    gc.freeze()  # none of it is garbage: a fork that ends need not look
    for line in iter(sys.stdin.readline, ""):
        pids = []
        for asked in json.loads(line):
            if not (pid := os.fork()):
                run_verb(**asked)
            pids.append(pid)
        say(pids)
        say([how_it_ended(pid) for pid in pids])


def say(what: object) -> None:
    """Answer whoever asked for verbs."""
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def how_it_ended(pid: int) -> tuple[int, int]:
    """Wait for the end of a child; return its exit code, and the kilobytes that it had at most."""
    _, status, used = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), used.ru_maxrss


def run_verb(
    words: list[str], environment: dict[str, str], streams: list[str], address_bytes: int
) -> NoReturn:
    """Run a verb in this process, which it ends."""
    from infra.cli import main

    resource.setrlimit(resource.RLIMIT_AS, (address_bytes, address_bytes))
    for number, place in enumerate(streams):
        at = os.open(place, os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY)
        os.dup2(at, number)
        os.close(at)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["playhead", *words]
    main()


if __name__ == "__main__":
    serve()
