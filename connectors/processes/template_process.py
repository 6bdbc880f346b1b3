"""What runs in a template, by `python -m connectors.processes.template_process`.

It loads a program, once, and is forked for each process that does its tasks: that takes
milliseconds, and what was loaded is in memory once for all of them. It does no task itself, so
that no text or document is ever in it, and nothing of one in the next process.

It is told its program (`module:function`), its socket, its parent, and what loading may take: work
(milliseconds of CPU time) and memory (bytes of address space).

A fork has the one thread that forks. What another had locked would be locked in it for ever, so a
program that begins threads while it is loaded is none for a template, and is refused.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
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
    framed,
    packet,
    template_task_of,
)
from connectors.processes.process import OPEN_FILES_MAX, depend_on, do_tasks, limit, limit_work
from connectors.processes.program import NotInstalled, Work


def main(arguments: list[str]) -> None:
    """Have processes do tasks until nobody is left who asks for any."""
    program, *numbers = arguments
    descriptor, parent, loading_ms, memory_bytes = map(int, numbers)
    depend_on(parent)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_AS, memory_bytes)
    limit(resource.RLIMIT_NOFILE, OPEN_FILES_MAX)
    limit_work(loading_ms)
    control = socket.socket(fileno=descriptor)
    with suppress(ConnectionError):  # nobody is left who asks
        try:
            work = loaded(program)
        except NotInstalled as error:
            refuse(control, NotLoaded(str(error)))
            return
        limit(resource.RLIMIT_CPU, resource.RLIM_INFINITY)
        keep_shared()
        control.sendall(packet(Ready()))
        Forks(control, work).serve()


def loaded(program: str) -> Work:
    """Load a program; raises NotInstalled."""
    module, function = program.split(":")
    load: Callable[[], Work] = getattr(importlib.import_module(module), function)
    work = load()
    if threads := _threads() - 1:
        raise NotInstalled(
            f"{program} begins {threads} threads while it is loaded, which a fork would lack: "
            "have its libraries begin none (connectors/processes/template.py)"
        )
    return work


def _threads() -> int:
    """Count the threads of this process, those of native libraries included."""
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return 1


def keep_shared() -> None:
    """Have what is loaded stay where forks share it.

    The collector would write to each object that it looks at. What loading left free is given back,
    or each fork would write its own objects between those of the template.
    """
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        with suppress(AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def refuse(control: socket.socket, missing: NotLoaded) -> None:
    """Tell the first who asks for a process, and all who have by then, that there is none."""
    control.sendall(packet(missing))
    with suppress(BlockingIOError):
        while True:
            body, descriptors, _, _ = socket.recv_fds(control, PACKET_BYTES_MAX, 1)
            if not body:
                return
            for descriptor in descriptors:
                with socket.socket(fileno=descriptor) as asker, suppress(OSError):
                    asker.sendall(framed(missing))
            control.setblocking(False)


class Forks:
    """The processes that were forked from this one."""

    def __init__(self, control: socket.socket, work: Work) -> None:
        self._control = control
        self._work = work
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._pids: dict[int, int] = {}
        """Number -> id of the process."""
        self._ends: dict[int, int] = {}
        """Descriptor that tells of the end of a process -> its number."""

    def serve(self) -> None:
        """Fork, kill and tell of ends, until nobody is left who asks."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._ends:
                    self._bury(descriptor)
                elif not self._obey():
                    return

    def _obey(self) -> bool:
        body, descriptors, _, _ = socket.recv_fds(self._control, PACKET_BYTES_MAX, 1)
        if not body:
            return False
        match template_task_of(body):
            case ForkWanted() as wanted:
                self._fork(wanted, socket.socket(fileno=descriptors[0]))
            case KillWanted(number=number) if number in self._pids:
                os.kill(self._pids[number], signal.SIGKILL)
        return True

    def _fork(self, wanted: ForkWanted, asker: socket.socket) -> None:
        template = os.getpid()
        with asker:
            try:
                pid = os.fork()
            except OSError as error:
                self._control.sendall(packet(ForkEnded(wanted.number, error.errno or 1)))
                return
            if not pid:
                self._run(wanted, asker, template)
        end = os.pidfd_open(pid)
        self._pids[wanted.number] = pid
        self._ends[end] = wanted.number
        self._poll.register(end, select.POLLIN)
        self._control.sendall(packet(ForkBegun(wanted.number, pid)))

    def _run(self, wanted: ForkWanted, asker: socket.socket, template: int) -> None:
        """Do tasks, as a process of its own: nothing of the template's may run in it again."""
        status = 1
        try:
            depend_on(template)
            self._control.close()
            for descriptor in self._ends:
                os.close(descriptor)
            do_tasks(asker, self._work, wanted)
            status = 0
        except BaseException:  # noqa: BLE001 - it ends here, whatever it is
            traceback.print_exc()
        finally:
            os._exit(status)

    def _bury(self, descriptor: int) -> None:
        """Take the status of a process that has ended, and tell it."""
        number = self._ends.pop(descriptor)
        self._poll.unregister(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(self._pids.pop(number), 0)
        self._control.sendall(packet(ForkEnded(number, os.waitstatus_to_exitcode(status))))


if __name__ == "__main__":
    main(sys.argv[1:])
