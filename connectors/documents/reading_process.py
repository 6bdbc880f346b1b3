"""A process that reads documents, seen from the event loop that asks it.

It is started with `subprocess`, not forked: a worker has threads, and what they hold locked a fork
would hold for ever. It gets the search path of this process and nothing secret of its environment.
Everything here is of the event loop and waits for nothing else: a socket pair, read as it fills.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from msgspec.structs import replace

from connectors.readers.exchange import (
    LENGTH,
    Broken,
    End,
    ReaderAnswer,
    Ready,
    SomeBlocks,
    Task,
    answer_of,
    frame,
)
from schemas import Block, Parsed

_ENVIRONMENT = ("PATH", "HOME", "LANG", "TZ")
_ENVIRONMENT_PREFIXES = ("PYTHON", "LC_", "LD_", "DYLD_")


@dataclass(frozen=True)
class Limits:
    """What one document may take."""

    cpu_s: float
    """Seconds of CPU time; held to within a second."""
    memory_bytes: int
    """Address space of the process that reads it."""


class OverLimit(Exception):
    """A document took more than it may: `of` says of what."""

    def __init__(self, of: str) -> None:
        super().__init__(of)
        self.of = of


class ReaderBroke(Exception):
    """A reader raised an error that is none of its answers."""


class ProcessDied(Exception):
    """The process ended by itself; the message says how."""


class NotStarted(Exception):
    """No process that reads documents can be started here; the message says why."""


class ReadingProcess:
    """A process that reads one document at a time."""

    def __init__(self, process: subprocess.Popen[bytes], ours: socket.socket) -> None:
        self._process = process
        self._socket = ours
        self._waited_for = False
        """Whether somebody waits at the socket, which must stay open then."""
        self.gone = False
        """Whether it can be asked no more."""

    @classmethod
    async def start(cls, limits: Limits) -> Self:
        """Start a process and wait until it can be asked; raises NotStarted."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            with theirs:
                started = cls(_start(theirs.fileno(), limits), ours)
        except OSError as error:
            ours.close()
            raise NotStarted(f"it can't be started: {error.strerror or error}") from None
        try:
            if not isinstance(await started._answer(), Ready):
                raise NotStarted("it begins with another word than expected")
        except EOFError:
            how = await started._how_it_ended()
            ours.close()
            raise NotStarted(f"it ended while it loaded ({how})") from None
        except BaseException:
            started.kill()
            raise
        return started

    async def read(self, task: Task) -> Parsed:
        """Let it read a document; whoever stops waiting stops the process.

        Raises OverLimit, ReaderBroke or ProcessDied; the process is gone then.
        """
        self._waited_for = True
        try:
            return await self._read(task)
        except (EOFError, ConnectionError):
            how = await self._how_it_ended()
            if how == signal.SIGXCPU.name:
                raise OverLimit("CPU time") from None
            raise ProcessDied(how) from None
        except BaseException:
            self.kill()
            raise
        finally:
            self._waited_for = False
            if self.gone:
                self._socket.close()

    async def _read(self, task: Task) -> Parsed:
        await asyncio.get_running_loop().sock_sendall(self._socket, frame(task))
        blocks: list[Block] = []
        while True:
            match await self._answer():
                case SomeBlocks() as part:
                    blocks += part.blocks
                    await asyncio.sleep(0)  # others have their turn, however fast the parts come
                case End() as end:
                    if end.leaving:
                        self.kill()
                    return replace(end.parsed, blocks=tuple(blocks))
                case Broken(cause="memory" | "blocks" as of):
                    raise OverLimit(of)
                case Broken() as broken:
                    raise ReaderBroke(broken.where)

    async def _answer(self) -> ReaderAnswer:
        (length,) = LENGTH.unpack(await self._received(LENGTH.size))
        return answer_of(await self._received(length))

    async def _received(self, size: int) -> bytearray:
        """Receive so many bytes; raises EOFError where the process ended before."""
        loop = asyncio.get_running_loop()
        data = bytearray(size)
        rest = memoryview(data)
        while rest:
            received = await loop.sock_recv_into(self._socket, rest)
            if not received:
                raise EOFError
            rest = rest[received:]
        return data

    async def _how_it_ended(self) -> str:
        """Wait for the end of a process that has closed its socket, and name it."""
        self.gone = True
        status = await asyncio.to_thread(self._process.wait)
        return signal.Signals(-status).name if status < 0 else f"exit status {status}"

    def kill(self) -> None:
        """End the process now, without waiting for that; `wait` does."""
        if not self.gone:
            self.gone = True
            self._process.kill()
            threading.Thread(target=self._process.wait, daemon=True).start()  # no zombie is left
            if not self._waited_for:
                self._socket.close()

    @property
    def ended(self) -> bool:
        """Whether the kernel has forgotten it."""
        return self._process.poll() is not None

    async def wait(self) -> None:
        """Wait until it has ended."""
        await asyncio.to_thread(self._process.wait)


def _start(descriptor: int, limits: Limits) -> subprocess.Popen[bytes]:
    """Start the process, in a group of its own: Ctrl-C on the terminal is not meant for it."""
    given = (descriptor, os.getpid(), int(limits.cpu_s * 1_000), limits.memory_bytes)
    return subprocess.Popen(  # noqa: S603 - an argv of our own
        [sys.executable, "-P", "-m", "connectors.readers.process", *map(str, given)],
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
    return kept | {"PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)}
