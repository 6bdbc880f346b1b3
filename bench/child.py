"""A program under measurement: a module of ours in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
STOP_S = 15.0  # to end after SIGTERM
LAST_LINES = 5  # of what a failed one said
LINE_MAX = 200


class MeasurementFailed(Exception):
    """What was to be measured did not do its work; the message says why."""


class Child:
    """One running program, with its output in a file."""

    def __init__(self, module: str, arguments: tuple[str, ...], output: Path) -> None:
        self._output = output
        with output.open("wb") as file:
            self._process = subprocess.Popen(  # noqa: S603 - a module of ours
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self._times = psutil.Process(self._process.pid)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def check(self) -> None:
        """Raise MeasurementFailed, with its last words, if it has ended."""
        if (code := self._process.poll()) is not None:
            raise MeasurementFailed(f"ended with {code}: {self.last_words() or 'no word'}")

    def last_words(self) -> str:
        """Return the last lines that it wrote."""
        lines = self._output.read_text(errors="replace").strip().splitlines()
        return " | ".join(line.strip()[:LINE_MAX] for line in lines[-LAST_LINES:])

    def cpu_s(self) -> float:
        """Return the CPU time that it has used, user and system, in seconds."""
        try:
            times = self._times.cpu_times()
        except psutil.Error:
            self.check()
            raise
        return float(times.user + times.system)

    def held_mib(self) -> float:
        """Return its resident memory in MiB."""
        try:
            return float(self._times.memory_info().rss) / (1 << 20)
        except psutil.Error:
            self.check()
            raise

    def stop(self, patience_s: float = STOP_S) -> None:
        """End it, gently first; by force after `patience_s`."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def running(module: str, *arguments: str) -> Iterator[Child]:
    """Run a module while the context lasts."""
    with tempfile.TemporaryDirectory(prefix="playhead-bench-") as folder:
        child = Child(module, arguments, Path(folder) / "output")
        try:
            yield child
        finally:
            child.stop()
