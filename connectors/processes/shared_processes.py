"""The processes of one program, shared by all tenants in turns.

What a task does to its process is that task's trouble. One that takes more work or memory than it
may would do so again. One whose process dies (the kernel ran out of memory, a library crashed) is
tried once more in a new process, since it may have been somebody else's doing, and then given up.
No clock is looked at: while many wait, a task waits, and while a process loads, so does who needs
it, without its time being counted.

Whoever stops waiting ends the process, or a task would go on that nobody wants. Where a new process
would take longer to load than the task takes, it goes on to its end instead, and holds its turn
until then: else a tenant that asks and goes away would cost all others a load each time.

A program that takes seconds to load has its processes started ahead: with the first of them, and
whenever one is gone. One that a task has left large goes when the next one has loaded. What dies by
itself before it was ever asked is not replaced until somebody asks: where memory has run out, more
processes are not what is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress

from agents.errors import BeyondMeans, Permanent, Transient
from connectors.processes.limited_process import (
    LimitedProcess,
    NotStarted,
    OverLimit,
    PartT,
    ProcessDied,
    TaskBroke,
    Unloadable,
)
from connectors.processes.program import Limits, Program
from streams.running.fair_queue import Asker, FairQueue, current_bound

TRIES = 2
UNWANTED_S = 60.0
"""How long a task goes on at most that nobody waits for any longer, where loading is dear. Tasks
take a second or two; when this is over, no task fails, but a process is loaded."""


class SharedProcesses:
    """Does tasks in processes of their own."""

    def __init__(self, program: Program, limits: Limits, at_once: int, *, ahead: bool) -> None:
        """Do so many tasks at once; `ahead`: start processes before they are needed, from now on.

        They are started in the thread that calls this, which must not end before them.
        """
        self.program = program
        self.limits = limits
        self._at_once = at_once
        self._keep_ahead = ahead
        self._queue = FairQueue(at_once)
        self._processes: set[LimitedProcess] = set()
        """Those that may not have ended yet."""
        self._loading: list[LimitedProcess] = []
        """Those that were started and nobody has asked yet."""
        self._idle: list[LimitedProcess] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._succeeded: dict[LimitedProcess, asyncio.Task[None]] = {}
        """Those that have grown, each with what waits for the one in its place."""
        self._unwanted: set[asyncio.Task[None]] = set()
        """Tasks that go on, though nobody waits for them any longer."""
        self._closed = False
        if ahead:
            self._start_ahead()

    async def ask(self, asker: Asker, task: bytes, read: Callable[[bytes], PartT]) -> list[PartT]:
        """Do a task when it is its tenant's turn; `read` reads each part of the answer.

        Raises Permanent where it can't be done for what it is, BeyondMeans where it takes more than
        it may here, or what is not installed, and Transient where no process can be started.
        """
        async with AsyncExitStack() as held:
            await held.enter_async_context(self._queue.turn(asker))
            how: list[str] = []
            while len(how) < TRIES:
                try:
                    return await self._ask(task, read, held)
                except ProcessDied as died:
                    how.append(str(died))
        raise BeyondMeans(self.program.died(how))

    async def _ask(
        self, task: bytes, read: Callable[[bytes], PartT], held: AsyncExitStack
    ) -> list[PartT]:
        """Have an idle process do it, or a new one; `held` is the turn for it."""
        process = await self._process()
        asking = asyncio.create_task(process.ask(task, read))
        try:
            return await asyncio.shield(asking)
        except OverLimit as limit:
            raise BeyondMeans(self.program.over(limit.of, self.limits)) from None
        except TaskBroke as broke:
            raise Permanent(self.program.broke(str(broke))) from None
        except asyncio.CancelledError:
            if self._keep_ahead and not self._closed:
                self._go_on(process, asking, held.pop_all())
            else:
                asking.cancel()
                await asyncio.wait([asking])
            raise
        finally:
            if asking.done():
                self._have_back(process)

    def _have_back(self, process: LimitedProcess) -> None:
        if process.gone:
            return
        if not process.grown:
            self._idle.append(process)
        elif not self._keep_ahead:
            process.kill()
        elif process not in self._succeeded:
            self._idle.insert(0, process)  # the last to be asked
            self._succeeded[process] = asyncio.create_task(self._succeed(process))
        elif self._succeeded[process].done():
            process.kill()
        else:
            self._idle.insert(0, process)

    async def _succeed(self, process: LimitedProcess) -> None:
        """Let a process go, once another has loaded in its place; until then it is asked."""
        if self._closed:
            return
        with suppress(NotStarted, Unloadable):  # who asks will hear of it
            successor = self._start()
            self._loading.append(successor)
            await successor.loaded()
        if process in self._idle:  # else when it has answered
            self._idle.remove(process)
            process.kill()

    def _go_on(
        self, process: LimitedProcess, asking: asyncio.Task[list[PartT]], held: AsyncExitStack
    ) -> None:
        """Let a task end that nobody waits for, with its turn."""

        async def end() -> None:
            async with held:
                with suppress(Exception):  # nobody hears of it
                    await asyncio.wait_for(asking, UNWANTED_S)
                self._have_back(process)

        going_on = asyncio.create_task(end())
        self._unwanted.add(going_on)
        going_on.add_done_callback(self._unwanted.discard)

    async def _process(self) -> LimitedProcess:
        """Take a process that can be asked; raises Transient or BeyondMeans where there is none."""
        self._loop = asyncio.get_running_loop()
        if self._closed:
            raise self._closing()
        if self._idle:
            return self._idle.pop()
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

    async def loaded(self) -> None:
        """Wait until the processes that were started ahead have loaded, or ended over it."""
        loading = (process.loaded() for process in self._loading)
        await asyncio.gather(*loading, return_exceptions=True)

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
        process = LimitedProcess(self.program.load, self.limits)
        self._processes.add(process)
        process.end.add_done_callback(lambda _: self._hear_of_end(process))
        return process

    def _start_ahead(self) -> None:
        """Have as many processes as may be asked at once, if they can be started."""
        with suppress(NotStarted):  # who asks will hear of it
            while len([one for one in self._processes if not one.gone]) < self._at_once:
                self._loading.append(self._start())

    def _hear_of_end(self, process: LimitedProcess) -> None:
        """Take note, on the event loop, of a process that ended; a thread calls this."""
        with suppress(RuntimeError):  # the loop is closed
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._forget, process)

    def _forget(self, process: LimitedProcess) -> None:
        """Let go of a process that ended; start another where one is to be there ahead."""
        of_use = process.asked or process.killed
        process.kill()
        self._processes.discard(process)
        self._succeeded.pop(process, None)
        for those in (self._idle, self._loading):
            if process in those:
                those.remove(process)
        if self._keep_ahead and not self._closed and of_use:
            self._start_ahead()

    async def close(self) -> None:
        """End all processes, and wait until they are gone; what they were doing is dropped."""
        self._closed = True
        processes = list(self._processes)
        for process in processes:
            process.kill()
        await asyncio.gather(*(process.wait() for process in processes))
        going_on = *self._unwanted, *self._succeeded.values()
        await asyncio.gather(*going_on, return_exceptions=True)

    def _closing(self) -> Transient:
        return Transient(f"no process to {self.program.purpose}: this one is ending")


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
