"""Runs a recipe's tools, each in a process group of its own, so that all can be stopped."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from infra.stack_error import StackError

LAST_LINES = 15  # of a tool's output, shown when it fails
END_CHARACTERS = 120  # of each end of such a line: compilers name the symptom last
TRY_OUT_S = 120.0  # for a new part's first start
TRY_OUT_EVERY_S = 0.2

Say = Callable[[str], None]


class Interrupted(Exception):
    """The fetch was told to stop."""


class Shell:
    """Runs tools until it is told to stop; then it kills them, and refuses to run more."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self.stopped = threading.Event()

    def run(
        self,
        argv: Sequence[str],
        say: Say,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Run a tool, hand each line of its output to `say`; StackError where it fails."""
        process = self._start(argv, environment or {}, folder)
        last = self._listen(process, say)
        if process.returncode:
            raise _failure(argv[0], f"failed with exit status {process.returncode}", last)

    def try_out(
        self,
        argv: Sequence[str],
        ready: Callable[[], bool],
        say: Say,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        patience_s: float = TRY_OUT_S,
        every_s: float = TRY_OUT_EVERY_S,
    ) -> None:
        """Run a server until it is ready, then end it; StackError where it never is."""
        process = self._start(argv, environment or {}, folder)
        over, reached = threading.Event(), threading.Event()

        def end_when_ready() -> None:
            deadline = time.monotonic() + patience_s
            while not over.wait(every_s) and time.monotonic() < deadline:
                if ready():
                    reached.set()
                    break
            process.terminate()

        watcher = threading.Thread(target=end_when_ready, daemon=True)
        watcher.start()
        last = self._listen(process, say)
        over.set()
        watcher.join()
        if not reached.is_set():
            raise _failure(argv[0], "did not become ready", last)

    def _start(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: Path | None
    ) -> subprocess.Popen[str]:
        with self._lock:
            self.check()
            process = subprocess.Popen(  # noqa: S603 - an argv of our own
                list(argv),
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
        return process

    def _listen(self, process: subprocess.Popen[str], say: Say) -> deque[str]:
        last: deque[str] = deque(maxlen=LAST_LINES)
        try:
            assert process.stdout
            for line in process.stdout:
                if text := line.strip():
                    last.append(text)
                    say(text)
            process.wait()
        finally:
            with self._lock:
                self._running.discard(process)
        self.check()
        return last

    def check(self) -> None:
        """Raise Interrupted where it was told to stop."""
        if self.stopped.is_set():
            raise Interrupted

    def stop(self) -> None:
        """Kill what runs, and refuse to run more."""
        with self._lock:
            self.stopped.set()
            running = list(self._running)
        for process in running:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _failure(program: str, how: str, last: Iterable[str]) -> StackError:
    said = "\n".join(f"    {_short(line)}" for line in last)
    return StackError(f"{program} {how}:\n{said}")


def _short(line: str) -> str:
    """Leave the middle of a long line out."""
    if len(line) <= 2 * END_CHARACTERS:
        return line
    return f"{line[:END_CHARACTERS]} … {line[-END_CHARACTERS:]}"
