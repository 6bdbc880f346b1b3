"""Verbs of the command line in processes that have imported all before: each is forked from one that did nothing else.

A verb imports for a second of CPU, and tests of the stack call two hundred. What is forked is a process of its own
with its own arguments, environment and streams, and ends as any other does.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[1]
LOADING_S = 120.0  # on a busy machine
STREAMS = ("out", "err")


class VerbServer:
    """A process that forks; started with the first verb."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._one_at_a_time = threading.Lock()

    def run(
        self,
        words: Sequence[str | os.PathLike[str]],
        environment: Mapping[str, str],
        timeout_s: float,
    ) -> subprocess.CompletedProcess[str]:
        """Run a verb from the tree's root, as subprocess.run does; raises TimeoutExpired."""
        with self._one_at_a_time, tempfile.TemporaryDirectory() as folder:
            places = {name: Path(folder) / name for name in STREAMS}
            asked = {
                "words": [os.fspath(word) for word in words],
                "environment": dict(environment),
                "streams": [str(places[name]) for name in STREAMS],
            }
            pid = int(self._told(json.dumps(asked), LOADING_S))
            try:
                code = int(self._told("", timeout_s))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                self._told("", LOADING_S)
                raise subprocess.TimeoutExpired(list(words), timeout_s) from None
            out, err = (places[name].read_text() for name in STREAMS)
            return subprocess.CompletedProcess(list(words), code, out, err)

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
        pid = os.fork()
        if not pid:
            run_verb(**json.loads(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def run_verb(words: list[str], environment: dict[str, str], streams: list[str]) -> NoReturn:
    """Run a verb in this process, which it ends."""
    from infra.cli import main

    opened: list[tuple[Any, int]] = [(os.devnull, os.O_RDONLY)]
    opened += [(place, os.O_WRONLY | os.O_CREAT) for place in streams]
    for number, (place, flags) in enumerate(opened):
        at = os.open(place, flags)
        os.dup2(at, number)
        os.close(at)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["playhead", *words]
    main()


if __name__ == "__main__":
    serve()
