"""A process that does tasks within limits, seen from the event loop that asks it.

It is a fork of the program's template. Everything here is of the event loop and waits for nothing
else: a socket pair, read as it fills; but for the end of the process, of which a thread tells.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from msgspec import DecodeError

from connectors.processes.exchange import (
    ANSWER_BYTES_MAX,
    LENGTH,
    AnswerEnd,
    AnswerPart,
    Broken,
    NotLoaded,
    ProcessAnswer,
    Ready,
    answer_of,
    frame,
)
from connectors.processes.program import Limits
from connectors.processes.template import NotStarted, Template, socket_pair

PartT = TypeVar("PartT")


class OverLimit(Exception):
    """A task took more than it may: `of` says of what."""

    def __init__(self, of: str) -> None:
        super().__init__(of)
        self.of = of


class TaskBroke(Exception):
    """The program raised an error that is none of its answers; the message says where."""


class ProcessDied(Exception):
    """The process ended by itself; the message says how."""


class Unloadable(Exception):
    """What the process works with is not installed; the message says what to do."""


class LimitedProcess:
    """A process that does one task at a time."""

    def __init__(self, template: Template, limits: Limits) -> None:
        """Have it forked, as soon as the template has loaded. Raises NotStarted."""
        self._socket, theirs = socket_pair(socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._bytes_max = limits.memory_bytes
        try:
            with theirs:
                self._fork = template.fork(theirs.fileno(), limits)
        except NotStarted:
            self._socket.close()
            raise
        self._loading: asyncio.Task[None] | None = None
        self._busy = False
        """Whether somebody waits at the socket, which must stay open then."""
        self.gone = False
        """Whether it can be asked no more."""
        self.grown = False
        """Whether another should take its place: its last answer left it large."""

    @property
    def end(self) -> Future[int]:
        """Its exit status, once it has ended."""
        return self._fork.end

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or is about to, though nobody may have heard of it yet."""
        return self.gone or self._fork.is_over

    async def loaded(self) -> None:
        """Wait until it can be asked; raises NotStarted or Unloadable.

        However long that takes: it makes progress, or the kernel ends it. It goes on loading when
        nobody waits any longer.
        """
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
            self._loading.add_done_callback(_looked_at)
        await asyncio.shield(self._loading)

    async def _load(self) -> None:
        if self.gone:
            raise NotStarted("it was ended before it was needed")
        self._busy = True
        try:
            match await self._answer():
                case Ready():
                    return
                case NotLoaded() as missing:
                    raise Unloadable(missing.reason)
                case _:
                    raise NotStarted("it begins with another word than expected")
        except (EOFError, ConnectionError):
            how = await self._how_it_ended()
            raise NotStarted(f"it ended while it loaded ({how})") from None
        except TaskBroke as broke:
            self.kill()
            raise NotStarted(str(broke)) from None
        except BaseException:
            self.kill()
            raise
        finally:
            self._let_go()

    async def ask(self, task: bytes, read: Callable[[bytes], PartT]) -> list[PartT]:
        """Have it do a task; return the parts of its answer, each as `read` reads it.

        Whoever stops waiting ends the process. Raises OverLimit, TaskBroke or ProcessDied; the
        process is gone then.
        """
        if self.gone:  # it ended between being chosen and being asked
            raise ProcessDied(await self._how_it_ended())
        self._busy = True
        try:
            return await self._ask(task, read)
        except (EOFError, ConnectionError):
            how = await self._how_it_ended()
            if how == signal.SIGXCPU.name:
                raise OverLimit("CPU time") from None
            raise ProcessDied(how) from None
        except BaseException:
            self.kill()
            raise
        finally:
            self._let_go()

    async def _ask(self, task: bytes, read: Callable[[bytes], PartT]) -> list[PartT]:
        await asyncio.get_running_loop().sock_sendall(self._socket, frame(task))
        parts: list[PartT] = []
        left = self._bytes_max  # an answer is from memory; and hostile bytes may rule the process
        while True:
            match await self._answer():
                case AnswerPart() as part:
                    left -= len(part.body)
                    if left < 0:
                        raise OverLimit("memory")
                    parts.append(read(part.body))
                    await asyncio.sleep(0)  # others have their turn, however fast the parts come
                case AnswerEnd() as end:
                    self.grown = end.grown
                    return parts
                case Broken(cause="error") as broken:
                    raise TaskBroke(broken.where)
                case Broken() as broken:
                    raise OverLimit(broken.cause)

    async def _answer(self) -> ProcessAnswer:
        """Receive a word; raises TaskBroke for what is none: hostile bytes may rule the process."""
        (length,) = LENGTH.unpack(await self._received(LENGTH.size))
        if length > ANSWER_BYTES_MAX:
            raise TaskBroke(
                f"it answers with {length} bytes at once, of {ANSWER_BYTES_MAX} at most"
            )
        body = await self._received(length)
        try:
            return answer_of(body)
        except DecodeError:
            raise TaskBroke("it answers with what is none of its words") from None

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
        status = await self._ended()
        return signal.Signals(-status).name if status < 0 else f"exit status {status}"

    def _let_go(self) -> None:
        self._busy = False
        if self.gone:
            self._socket.close()

    def kill(self) -> None:
        """End the process now, without waiting for that; `wait` does."""
        if not self.gone:
            self.gone = True
            self._fork.kill()
            if not self._busy:
                self._socket.close()

    async def wait(self) -> None:
        """Wait until it has ended."""
        await self._ended()

    async def _ended(self) -> int:
        return await asyncio.shield(asyncio.wrap_future(self.end))


def _looked_at(loading: asyncio.Task[None]) -> None:
    """See how loading ended, though nobody may wait for it any longer."""
    if not loading.cancelled():
        loading.exception()
