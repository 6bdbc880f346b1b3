"""The processes that read documents, shared by all tenants in turns.

What a document does to its process is that document's trouble. One that takes more work or memory
than it may would do so again. One whose process dies (the kernel ran out of memory, a library
crashed) is tried once more in a new process, since it may have been somebody else's doing, and
then given up. No clock is looked at: while many wait, a document waits.
"""

from __future__ import annotations

import asyncio

from agents.errors import BeyondMeans, Permanent, Transient
from connectors.documents.reading_process import (
    Limits,
    NotStarted,
    OverLimit,
    ProcessDied,
    ReaderBroke,
    ReadingProcess,
)
from connectors.readers.exchange import BLOCKS_MAX, Task
from schemas import Parsed
from streams.running.fair_queue import Asker, FairQueue

PROCESSES = 2  # documents read at once: more would only starve the event loop
TRIES = 2


class SharedReaders:
    """Reads documents in processes of their own, which are started when they are first needed."""

    def __init__(self, limits: Limits, processes: int = PROCESSES) -> None:
        self.limits = limits
        self._queue = FairQueue(processes)
        self._processes: set[ReadingProcess] = set()
        """Those that may not have ended yet."""
        self._idle: list[ReadingProcess] = []
        self._closed = False

    async def read(self, asker: Asker, task: Task) -> Parsed:
        """Read a document when it is its tenant's turn.

        Raises Permanent where it can't be read for what it is, BeyondMeans where it takes more than
        it may here, Transient where no process can be started.
        """
        async with self._queue.turn(asker):
            how: list[str] = []
            while len(how) < TRIES:
                try:
                    return await self._read(task)
                except ProcessDied as died:
                    how.append(str(died))
        raise BeyondMeans(
            f"the process that read the document ended {TRIES} times ({', then '.join(how)}): give "
            "the worker more memory if the machine ran out of it, else split the document or "
            "convert it to another media type; then submit it again"
        )

    async def _read(self, task: Task) -> Parsed:
        """Let an idle process read, or a new one."""
        process = await self._process()
        try:
            return await process.read(task)
        except OverLimit as limit:
            raise BeyondMeans(self._over(limit)) from None
        except ReaderBroke as broke:
            raise Permanent(
                f"a reader of documents failed ({broke}): report it, and convert the document to "
                "another media type meanwhile"
            ) from None
        finally:
            if not process.gone:
                self._idle.append(process)

    async def _process(self) -> ReadingProcess:
        if self._closed:
            raise _closing()
        if self._idle:
            return self._idle.pop()
        try:
            process = await ReadingProcess.start(self.limits)
        except NotStarted as error:
            raise Transient(f"no process to read documents in: {error}") from None
        self._processes = {one for one in self._processes if not one.ended} | {process}
        if self._closed:
            process.kill()
            raise _closing()
        return process

    def _over(self, limit: OverLimit) -> str:
        if limit.of == "memory":
            megabytes = self.limits.memory_bytes // 1_000_000
            return (
                f"reading the document takes more than {megabytes} MB of memory: split it, convert "
                "it to plain text, or give the workers more (PLAYHEAD_DOCUMENT_MEMORY_MB)"
            )
        if limit.of == "blocks":
            return (
                f"the document has more than {BLOCKS_MAX} paragraphs, lines or cells: split it and "
                "submit its parts"
            )
        return (
            f"reading the document takes more than {self.limits.cpu_s:g} s of CPU time: split it, "
            "convert it to plain text, or give the workers more (PLAYHEAD_DOCUMENT_CPU_S)"
        )

    async def close(self) -> None:
        """End all processes, and wait until they are gone; what they were reading is dropped."""
        self._closed = True
        for process in self._processes:
            process.kill()
        await asyncio.gather(*(process.wait() for process in self._processes))


def _closing() -> Transient:
    return Transient("the readers of documents are closed: this process is ending")
