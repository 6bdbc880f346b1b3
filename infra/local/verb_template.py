"""A template of verbs: a process that has loaded them, of which a supervisor has workers forked.

A worker that was killed is back without the seconds of CPU time that its modules take to load
(Python's, libraries' and our own; five with the clients of an index and of models), and workers of
one machine share the memory of what they loaded. Whatever goes wrong here, a component can still
be started as a process of its own: NoFork says that it should be.

The template is told nothing secret; each fork gets its environment over a socket. A template that
ends takes no fork with it: those go on, and their ends are seen by their descriptors, though not
with which status.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from infra.local import verb_forks
from infra.local.start_limit import WorkDone, work_done_by

UNKNOWN_STATUS = 255
"""Of a fork whose template ended before it: nobody was there to take its status."""
STATUS_WAIT_S = 30.0
"""For the status of a fork that has ended: told at once, unless the template stands still."""
ANSWER_BYTES_MAX = 256


class NoFork(Exception):
    """No process can be forked here; the message says why."""


class Running(Protocol):
    """What a keeper needs of a process, whether it was started or forked."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None:
        """Return its status if it has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises subprocess.TimeoutExpired."""

    def terminate(self) -> None:
        """Have it end in its own time."""


class VerbFork:
    """A process that was forked, in a group of its own; it inherits what a started one would."""

    def __init__(self, pid: int, end: int, answers: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._end = end
        self._answers = answers
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Return its status if it has ended."""
        return self._status_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises subprocess.TimeoutExpired."""
        status = self._status_within(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("a fork", timeout or 0.0)
        return status

    def terminate(self) -> None:
        """Have it end in its own time."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it now."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended: by its descriptor, which is nobody else's."""
        with self._lock, suppress(ProcessLookupError):
            if self.returncode is None:
                signal.pidfd_send_signal(self._end, number)

    def _status_within(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            with suppress(ValueError, OSError):  # another thread has just seen its end
                poll = select.poll()
                poll.register(self._end, select.POLLIN)
                if not poll.poll(None if seconds is None else seconds * 1_000):
                    return None
            with self._lock:
                if self.returncode is None:
                    self.returncode = self._status()
        return self.returncode

    def _status(self) -> int:
        status = UNKNOWN_STATUS
        self._answers.settimeout(STATUS_WAIT_S)
        with self._answers, suppress(OSError):
            if told := self._answers.recv(ANSWER_BYTES_MAX):
                status = int(json.loads(told)["status"])
        os.close(self._end)
        self._end = -1
        return status


class WantedFork:
    """A process that was asked for; it comes once the template has loaded."""

    def __init__(self, answers: socket.socket) -> None:
        self._answers = answers

    def begun(self, seconds: float) -> VerbFork | None:
        """Return it if it comes within so many seconds; raises NoFork if it never will."""
        self._answers.settimeout(seconds)
        try:
            told, ends, _, _ = socket.recv_fds(self._answers, ANSWER_BYTES_MAX, 1)
        except TimeoutError:
            return None
        except OSError as error:
            raise self._none(str(error)) from None
        if not told:
            raise self._none("the template ended, or files that it has loaded have changed")
        return VerbFork(int(json.loads(told)["pid"]), ends[0], self._answers)

    def _none(self, why: str) -> NoFork:
        self._answers.close()
        return NoFork(why)

    def give_up(self) -> None:
        """Want it no more: the template ends one that nobody is told of any more."""
        with suppress(OSError):
            self._answers.shutdown(socket.SHUT_RDWR)
        with suppress(NoFork):  # it may have been told of just before
            if fork := self.begun(STATUS_WAIT_S):
                fork.kill()
                fork.wait()


class VerbTemplate:
    """The template of a supervisor; started when it is needed, and anew once it is gone."""

    def __init__(
        self,
        program: str,
        modules: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        folder: Path | None = None,
    ) -> None:
        """Start nothing yet.

        `program` is a `module:function` that takes a verb's words. The environment holds no secret;
        `log` is where the template itself complains; `folder` is where modules are found besides
        those that are installed.
        """
        self._given = [program, *modules]
        self._environment = dict(environment)
        self._log = log
        self._folder = folder
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._retired: list[subprocess.Popen[bytes]] = []
        """Those that fork no more, and may have forks that live."""

    @property
    def pid(self) -> int | None:
        """Its process id, while there is one."""
        return self._process.pid if self._process is not None else None

    def work_done(self) -> WorkDone:
        """Measure what it has done, for whoever waits while it loads."""
        process = self._process
        return WorkDone(0.0, 0) if process is None else work_done_by(process.pid, self._log)

    def start(self) -> None:
        """Have it load, if none is there; raises NoFork where it can't."""
        with self._lock:
            self._start()

    def _start(self) -> socket.socket:
        if self._process is not None and self._process.poll() is None and self._control is not None:
            return self._control
        if not hasattr(os, "pidfd_open"):
            raise NoFork("this system has no descriptors of processes")
        self._forget()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, verb_forks.REQUEST_BYTES_MAX)
        with theirs, self._log.open("ab") as log:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - an argv of our own
                    [
                        *(sys.executable, *([] if self._folder else ["-P"])),
                        *("-m", verb_forks.__name__, str(theirs.fileno()), *self._given),
                    ],
                    cwd=self._folder,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise NoFork(f"the template can't be started: {error}") from None
        self._control = ours
        return ours

    def fork(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: int,
        title: str = "playhead",
    ) -> WantedFork:
        """Ask for a process that runs a verb; raises NoFork.

        It has that environment and no other, runs in the folder, and writes to the file `log`.
        """
        wanted = {
            "words": list(words),
            "environment": dict(environment),
            "folder": str(folder),
            "title": title,
        }
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, self._lock:
            try:
                control = self._start()
                socket.send_fds(control, [json.dumps(wanted).encode()], [theirs.fileno(), log])
            except OSError as error:
                self._retire()
                ours.close()
                raise NoFork(f"the template takes nothing: {error}") from None
            except NoFork:
                ours.close()
                raise
        return WantedFork(ours)

    def retire(self) -> None:
        """Ask this template for no more: it ends with its last fork, and the next one is new."""
        with self._lock:
            self._retire()

    def _retire(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None

    def _forget(self) -> None:
        self._retire()
        if self._process is not None:
            self._retired.append(self._process)
            self._process = None
        self._retired = [process for process in self._retired if process.poll() is None]

    def end(self) -> None:
        """End it now; its forks go on."""
        with self._lock:
            self._forget()
            ended, self._retired = self._retired, []
        for process in ended:
            process.kill()
            process.wait()
