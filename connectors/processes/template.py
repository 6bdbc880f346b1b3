"""A template: a process that has a program loaded, of which those that do its tasks are forks.

The worker itself is not forked: it has threads, and what they hold locked a fork would hold for
ever. The template is started with `subprocess`, by a thread that stays until it has ended, since
Linux ends it with the thread that started it; it gets the search path of this process and nothing
secret of its environment. Its forks depend on it in the same way. So whatever ends this process, or
the template, leaves none of them; and one that is killed harms neither the template nor the others.

A template that dies when its processes were of use is made anew at once; another one when somebody
asks: where memory has run out, more processes are not what is missing.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from array import array
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from connectors.processes.exchange import (
    PACKET_BYTES_MAX,
    ForkBegun,
    ForkEnded,
    ForkWanted,
    KillWanted,
    NotLoaded,
    Ready,
    TemplateAnswer,
    packet,
    template_answer_of,
)
from connectors.processes.program import Limits

_ENVIRONMENT = ("PATH", "HOME", "LANG", "TZ")
_ENVIRONMENT_PREFIXES = ("PYTHON", "LC_", "LD_", "DYLD_")
_NO_THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""A fork has none of the threads that libraries begin as they are loaded: NumPy's begins some."""
_NOW = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL


class NotStarted(Exception):
    """No such process can be started here; the message says why."""


class TemplateGone(Exception):
    """The template ended before it could be asked for a process."""


def socket_pair(kind: socket.SocketKind) -> tuple[socket.socket, socket.socket]:
    """Make two sockets that speak to each other; raises NotStarted where there are no more."""
    try:
        return socket.socketpair(socket.AF_UNIX, kind)
    except OSError as error:
        raise _not_started(error) from None


def _not_started(error: OSError) -> NotStarted:
    return NotStarted(f"it can't be started: {error.strerror or error}")


class Fork:
    """A process that was asked for; it may not be there yet."""

    def __init__(self, life: TemplateLife, number: int) -> None:
        self._life = life
        self._number = number
        self.pid: Future[int] = Future()
        """Its id, once it is there."""
        self.end: Future[int] = Future()
        """Its exit status, once it has ended, or never was; told in a thread of the template."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or is about to, with its template."""
        return self.end.done() or self._life.gone

    def kill(self) -> None:
        """End it now, without waiting for that."""
        self._life.kill_fork(self._number)


class TemplateLife:
    """A template from its start to its end."""

    def __init__(self, load: str, limits: Limits) -> None:
        """Start it; raises NotStarted. It ends with the thread that calls this."""
        self._socket, theirs = socket_pair(socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._process = _start(load, theirs.fileno(), limits)
        except OSError as error:
            self._socket.close()
            raise _not_started(error) from None
        self.loaded: Future[bool] = Future()
        """Whether it has loaded its program, once that is known."""
        self._lock = threading.Lock()
        self._forks: dict[int, Fork] = {}
        """Those that may not have ended; by number."""
        self._asked = 0
        self.gone = False
        """Whether it can be asked no more."""

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    @property
    def is_loaded(self) -> bool:
        """Whether it has loaded its program by now."""
        return self.loaded.done() and self.loaded.result()

    @property
    def of_use(self) -> bool:
        """Whether it has loaded and was asked."""
        return bool(self._asked) and self.is_loaded

    def fork(self, descriptor: int, limits: Limits) -> Fork:
        """Have a process do tasks at a socket; raises TemplateGone."""
        with self._lock:
            if self.gone:
                raise TemplateGone
            self._asked += 1
            wanted = ForkWanted(
                self._asked, int(limits.cpu_s * 1_000), limits.memory_bytes, limits.niceness
            )
            with_it = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [descriptor]))]
            made = self._forks[wanted.number] = Fork(self, wanted.number)
            try:
                self._socket.sendmsg([packet(wanted)], with_it, _NOW)
            except OSError as error:
                self.gone = True
                self._process.kill()
                raise TemplateGone from error
            return made

    def kill_fork(self, number: int) -> None:
        """End a process: the template does, for whom its id is no other's meanwhile."""
        with self._lock:
            if self.gone:
                return
            try:
                self._socket.send(packet(KillWanted(number)), _NOW)
            except OSError:  # it takes nothing any more: then all of them end with it
                self._process.kill()

    def kill(self) -> None:
        """End it and its forks now, without waiting for that."""
        self._process.kill()

    def follow(self) -> None:
        """Hear what it says, until it has ended; then its forks have ended, too."""
        with suppress(OSError):
            while body := self._socket.recv(PACKET_BYTES_MAX):
                self._hear(template_answer_of(body))
        with self._lock:
            self.gone = True
            left, self._forks = list(self._forks.values()), {}
            self._socket.close()
        status = self._process.wait()
        loading = not self.loaded.done()
        if loading:
            self.loaded.set_result(False)
        for fork in left:
            began = fork.pid.done()
            if not began:
                fork.pid.cancel()
            fork.end.set_result(-signal.SIGKILL if began else status)

    def _hear(self, answer: TemplateAnswer) -> None:
        match answer:
            case Ready():
                self.loaded.set_result(True)
            case NotLoaded():
                self.loaded.set_result(False)
            case ForkBegun(number=number, pid=pid):
                self._forks[number].pid.set_result(pid)
            case ForkEnded(number=number, status=status):
                with self._lock:
                    fork = self._forks.pop(number)
                fork.pid.cancel()
                fork.end.set_result(status)


class Template:
    """The template of a program, made when it is needed and whenever it is gone."""

    def __init__(self, load: str, limits: Limits) -> None:
        """Start nothing yet; `limits` are those of loading."""
        self._load = load
        self._limits = limits
        self._lock = threading.Lock()
        self._life: TemplateLife | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(self) -> TemplateLife:
        """See to it that there is one, which may still load; raises NotStarted."""
        with self._lock:
            if self._closed:
                raise NotStarted("it was ended before it was needed")
            if self._life is None or self._life.gone:
                begun: Future[TemplateLife] = Future()
                self._thread = threading.Thread(target=self._keep, args=(begun,), daemon=True)
                try:
                    self._thread.start()
                except RuntimeError as error:  # no memory for it
                    raise NotStarted(f"it can't be started: {error}") from None
                self._life = begun.result()
            return self._life

    def _keep(self, begun: Future[TemplateLife]) -> None:
        """Start it, and stay until it has ended; while it is of use, begin again."""
        try:
            life = TemplateLife(self._load, self._limits)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            begun.set_exception(error)
            return
        begun.set_result(life)
        life.follow()
        while life.of_use:
            with self._lock:
                if self._closed or self._life is not life:
                    return
                try:
                    life = self._life = TemplateLife(self._load, self._limits)
                except NotStarted:  # who asks will hear of it
                    return
            life.follow()

    async def loaded(self) -> None:
        """Wait until the one that was started has loaded, or ended over it."""
        if self._life is not None:
            await asyncio.shield(asyncio.wrap_future(self._life.loaded))

    @property
    def is_loaded(self) -> bool:
        """Whether there is one that forks at once."""
        life = self._life
        return life is not None and not life.gone and life.is_loaded

    def fork(self, descriptor: int, limits: Limits) -> Fork:
        """Have a process do tasks at a socket, as soon as there is one; raises NotStarted."""
        try:
            return self.start().fork(descriptor, limits)
        except TemplateGone:  # it has just ended
            pass
        try:
            return self.start().fork(descriptor, limits)
        except TemplateGone:
            raise NotStarted("it ended before it was asked") from None

    def end(self) -> None:
        """End it now and have none any more; `wait` waits for that."""
        with self._lock:
            self._closed = True
            if self._life is not None:
                self._life.kill()

    async def wait(self) -> None:
        """Wait until it has ended."""
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)


def _start(load: str, descriptor: int, limits: Limits) -> subprocess.Popen[bytes]:
    """Start the process, in a group of its own: Ctrl-C on the terminal is not meant for it."""
    given = (load, descriptor, os.getpid(), int(limits.loading_s * 1_000), limits.memory_bytes)
    return subprocess.Popen(  # noqa: S603 - an argv of our own
        [sys.executable, "-P", "-m", "connectors.processes.template_process", *map(str, given)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(descriptor,),
        process_group=0,
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    """Return what the process must know to find its modules where this one does; no secret."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _ENVIRONMENT or name.startswith(_ENVIRONMENT_PREFIXES)
    }
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return kept | _NO_THREADS | {"PYTHONPATH": path}
