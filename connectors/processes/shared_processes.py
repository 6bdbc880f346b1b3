"""The processes of one program, shared by all tenants in turns.

What a task does to its process is that task's trouble. One that takes more work or memory than it
may would do so again. One whose process dies (the kernel ran out of memory, a library crashed) is
tried once more in a new process, since it may have been somebody else's doing, and then given up.
No clock is looked at: while many wait, a task waits, and while a process loads, so does who needs
it, without its time being counted.

Whoever stops waiting ends the process, or a task would go on that nobody wants; and one that a task
has left large is ended. Another one is a fork of the template, which takes milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from agents.errors import BeyondMeans, Permanent, Transient
from connectors.processes.limited_process import (
    LimitedProcess,
    OverLimit,
    PartT,
    ProcessDied,
    TaskBroke,
    Unloadable,
)
from connectors.processes.program import Limits, Program
from connectors.processes.template import NotStarted, Template
from streams.running.fair_queue import Asker, FairQueue, current_bound

TRIES = 2


class SharedProcesses:
    """Does tasks in processes of their own."""

    def __init__(self, program: Program, limits: Limits, at_once: int, template: Template) -> None:
        """Do so many tasks at once, in forks of the program's template.

        Others may have theirs of the same one: it is ended by whoever made it.
        """
        self.program = program
        self.limits = limits
        self._template = template
        self._queue = FairQueue(at_once)
        self._processes: set[LimitedProcess] = set()
        """Those that may not have ended yet."""
        self._loading: list[LimitedProcess] = []
        """Those that were started and nobody has asked yet."""
        self._idle: list[LimitedProcess] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def ask(self, asker: Asker, task: bytes, read: Callable[[bytes], PartT]) -> list[PartT]:
        """Do a task when it is its tenant's turn; `read` reads each part of the answer.

        Raises Permanent where it can't be done for what it is, BeyondMeans where it takes more than
        it may here, or what is not installed, and Transient where no process can be started.
        """
        async with self._queue.turn(asker):
            how: list[str] = []
            while len(how) < TRIES:
                try:
                    return await self._ask(task, read)
                except ProcessDied as died:
                    how.append(str(died))
        raise BeyondMeans(self.program.died(how))

    async def _ask(self, task: bytes, read: Callable[[bytes], PartT]) -> list[PartT]:
        """Have an idle process do it, or a new one."""
        process = await self._process()
        try:
            return await process.ask(task, read)
        except OverLimit as limit:
            raise BeyondMeans(self.program.over(limit.of, self.limits)) from None
        except TaskBroke as broke:
            raise Permanent(self.program.broke(str(broke))) from None
        finally:
            if process.grown:
                process.kill()
            if not process.gone:
                self._idle.append(process)

    async def _process(self) -> LimitedProcess:
        """Take a process that can be asked; raises Transient or BeyondMeans where there is none."""
        self._loop = asyncio.get_running_loop()
        if self._closed:
            raise self._closing()
        while self._idle:
            process = self._idle.pop()
            if not process.is_over:  # one that is would count as a try
                return process
            process.kill()
        self._loading = [one for one in self._loading if not one.gone]
        try:
            process = self._loading.pop() if self._loading else self._start()
            await self._until_loaded(process)
        except NotStarted as error:
            raise Transient(f"no process to {self.program.purpose}: {error}") from None
        except Unloadable as error:
            raise BeyondMeans(str(error)) from None
        if self._closed:
            process.kill()
            raise self._closing()
        return process

    async def _until_loaded(self, process: LimitedProcess) -> None:
        """Wait for a process to load; what is not waited for any longer is there for the next."""
        try:
            with _uncounted():
                await process.loaded()
        except asyncio.CancelledError:
            if not process.gone:
                self._loading.append(process)
            raise

    # ------------------------------------------------------------------ processes come and go

    def _start(self) -> LimitedProcess:
        """Start a process; raises NotStarted."""
        process = LimitedProcess(self._template, self.limits)
        self._processes.add(process)
        process.end.add_done_callback(lambda _: self._hear_of_end(process))
        return process

    def _hear_of_end(self, process: LimitedProcess) -> None:
        """Take note, on the event loop, of a process that ended; a thread calls this."""
        with suppress(RuntimeError):  # the loop is closed
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._forget, process)

    def _forget(self, process: LimitedProcess) -> None:
        """Let go of a process that ended."""
        process.kill()
        self._processes.discard(process)
        for those in (self._idle, self._loading):
            if process in those:
                those.remove(process)

    async def close(self) -> None:
        """End all processes, and wait until they are gone; what they were doing is dropped."""
        self._closed = True
        processes = list(self._processes)
        for process in processes:
            process.kill()
        await asyncio.gather(*(process.wait() for process in processes))

    def _closing(self) -> Transient:
        return Transient(f"no process to {self.program.purpose}: this one is ending")


async def close_all(template: Template, *those: SharedProcesses) -> None:
    """End the processes of a template, and then that, and wait until all are gone."""
    if not template.is_loaded:  # it does not end its forks before
        template.end()
    await asyncio.gather(*(processes.close() for processes in those))
    template.end()
    await template.wait()


@contextmanager
def _uncounted() -> Iterator[None]:
    """Have the bound of the call under way not run meanwhile, where waiting does not count."""
    bound = current_bound.get()
    if bound is not None:
        bound.suspend()
    try:
        yield
    finally:
        if bound is not None:
            bound.resume()
