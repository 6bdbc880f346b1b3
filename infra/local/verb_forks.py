"""What runs in a template of verbs, by `python -m infra.local.verb_forks`.

It loads what the verbs of a component need, once, and is forked whenever one is started: a worker
that was killed is back without the seconds of CPU time that its modules take to load, and what is
loaded is in memory once for all of them. It runs no verb itself.

It is told its socket, its program (`module:function`, called with a verb's words), and further
modules to load. A fork has the one thread that forks, so what begins threads while it is loaded is
refused; and the code of its own time, so once a file that it loaded has changed it forks no more.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import inspect
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

REQUEST_BYTES_MAX = 1 << 20
DESCRIPTORS = 2
"""With each request: the socket for its answers, and the log."""
TITLE_CHARS_MAX = 15
"""Of a process's name, in Linux."""
_PR_SET_NAME = 15
BROKEN = 1
LoadedVerb = Callable[[Sequence[str]], object]


class HasThreads(Exception):
    """What was loaded began threads, which no fork would have; the message says how many."""


def main(arguments: Sequence[str]) -> None:
    """Load, and fork whenever that is asked for, until nobody is left who asks."""
    descriptor, program, *modules = arguments
    control = socket.socket(fileno=int(descriptor))
    run = loaded(program, modules)
    files = loaded_files()
    inspect.getmodule(main)  # which Faust asks for each agent; the first answer looks at all files
    gc.collect()
    gc.freeze()  # the collector would write to each object, and so to each page that forks share
    with suppress(AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
    VerbForks(control, run, files).serve()


def loaded(program: str, modules: Sequence[str]) -> LoadedVerb:
    """Load a program and what else it will need; raises HasThreads."""
    module, function = program.split(":")
    for name in (module, *modules):
        importlib.import_module(name)
    run: LoadedVerb = getattr(sys.modules[module], function)
    if threads := sum(1 for _ in Path("/proc/self/task").iterdir()) - 1:
        raise HasThreads(f"{program} begins {threads} threads while it is loaded")
    return run


def loaded_files() -> dict[str, int]:
    """Return the files of all modules that are loaded: their times of change, ns."""
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    return {name: _changed_ns(name) for name in files if name}


def _changed_ns(name: str) -> int:
    try:
        return os.stat(name).st_mtime_ns  # noqa: PTH116 - two thousand of them, at each fork
    except OSError:
        return 0


class VerbForks:
    """The forks of this process."""

    def __init__(self, control: socket.socket, run: LoadedVerb, files: dict[str, int]) -> None:
        self._control = control
        self._run = run
        self._files = files
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._living: dict[int, tuple[int, socket.socket]] = {}
        """Descriptor that tells of the end of a fork -> its id, and where its status is told."""

    def serve(self) -> None:
        """Fork and tell of ends, until nobody asks any more and no fork is left."""
        while self._living or self._control.fileno() >= 0:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._living:
                    self._bury(descriptor)
                else:
                    self._obey()

    def _hear_no_more(self) -> None:
        self._poll.unregister(self._control)
        self._control.close()

    def _obey(self) -> None:
        body, descriptors, _, _ = socket.recv_fds(self._control, REQUEST_BYTES_MAX, DESCRIPTORS)
        if not body:
            self._hear_no_more()
            return
        answers, output = socket.socket(fileno=descriptors[0]), descriptors[1]
        try:
            if any(_changed_ns(name) != changed_ns for name, changed_ns in self._files.items()):
                answers.close()  # who asked starts another one
                self._hear_no_more()
            else:
                self._fork(json.loads(body), answers, output)
        finally:
            os.close(output)

    def _fork(self, wanted: dict[str, object], answers: socket.socket, output: int) -> None:
        pid = os.fork()
        if not pid:
            self._be(wanted, answers, output)
        with suppress(OSError):  # it does so too: whoever is first
            os.setpgid(pid, pid)
        end = os.pidfd_open(pid)
        self._living[end] = pid, answers
        self._poll.register(end, select.POLLIN)
        try:
            socket.send_fds(answers, [json.dumps({"pid": pid}).encode()], [end])
        except OSError:  # who asked wants it no more
            os.kill(pid, signal.SIGKILL)

    def _be(self, wanted: dict[str, object], answers: socket.socket, output: int) -> None:
        """Run the verb, as a process of its own: nothing of the template's may run in it again."""
        status = BROKEN
        try:
            with suppress(OSError):
                os.setpgid(0, 0)
            answers.close()
            self._control.close()
            for descriptor, (_, others) in self._living.items():
                os.close(descriptor)
                others.close()
            _become(wanted, output)
            words = [str(word) for word in _list(wanted["words"])]
            sys.argv = [str(wanted["title"]), *words]
            self._run(words)
            status = 0
        except SystemExit as end:
            status = _status_of(end.code)
        except BaseException:  # noqa: BLE001 - it ends here, whatever it is
            traceback.print_exc()
        finally:
            with suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def _bury(self, descriptor: int) -> None:
        """Take the status of a fork that has ended, and tell it."""
        pid, answers = self._living.pop(descriptor)
        self._poll.unregister(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        told = {"status": os.waitstatus_to_exitcode(status)}
        with answers, suppress(OSError):  # who asked has gone
            answers.sendall(json.dumps(told).encode())


def _status_of(code: object) -> int:
    """Return the exit status that Python makes of what `sys.exit` was given."""
    if code is None or isinstance(code, int):
        return code or 0
    sys.stderr.write(f"{code}\n")
    return BROKEN


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


def _become(wanted: dict[str, object], output: int) -> None:
    """Take on what a process that is started inherits: files, environment, folder, name."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for given, standard in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(given, standard)
    os.close(nothing)
    os.close(output)
    environment = wanted["environment"]
    assert isinstance(environment, dict)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(str(wanted["folder"]))
    title = str(wanted["title"])[:TITLE_CHARS_MAX].encode()
    with suppress(AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_NAME, title, 0, 0, 0)


if __name__ == "__main__":
    main(sys.argv[1:])
