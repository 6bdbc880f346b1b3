"""A link between workers and a broker: passes bytes on, until it is cut, half dead or slow."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

from infra.local.ports import HOST

CHUNK = 65_536
DELAY_S = 0.15  # of a slow link, for each chunk in each direction
BYTES_S = 250_000  # of a slow link and connection
END_PATIENCE_S = 10.0

Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class FakeLink:
    """Passes TCP connections on to another port of this machine, in a thread of its own.

    States: `open`; `cut`, where connections end at once and new ones do too; `half-open`, where
    nothing comes back and nobody is told, and connections break when it is over; `slow`.
    """

    def __init__(self, port: int, to_port: int) -> None:
        self.port = port
        self._to_port = to_port
        self._state = "open"
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.counts: Counter[str] = Counter()
        """What the states did: connections ended and refused, chunks held and delayed."""

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._accept, HOST, self.port))
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(END_PATIENCE_S)

    @contextmanager
    def being(self, state: str) -> Iterator[bool]:
        """Be in a state for a while; yields whether that could be: a link is in one at a time."""
        if self._state != "open":
            yield False
            return
        self._state = state
        if state == "cut":
            self.counts["connections ended"] += self._call(self._break_all())
        try:
            yield True
        finally:
            if state == "half-open":  # whoever sends over it now hears that nobody knows it
                self._call(self._break_all())
            self._state = "open"

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(END_PATIENCE_S)

    async def _end(self) -> None:
        """Accept nothing more; on the loop: a server counts its connections there."""
        self._server.close()
        await self._break_all()

    async def _break_all(self) -> int:
        broken = list(self._connections)
        for task in broken:
            task.cancel()
        if broken:
            await asyncio.wait(broken)
        return len(broken)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._state == "cut":
            self.counts["connections refused"] += 1
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._connect(reader, writer)
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            there, back = await asyncio.open_connection(HOST, self._to_port)
            pumps = [
                asyncio.ensure_future(self._pump(reader, back, answers=False)),
                asyncio.ensure_future(self._pump(there, writer, answers=True)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
                back.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        while chunk := await reader.read(CHUNK):
            if self._state == "half-open" and answers:
                self.counts["chunks held"] += 1
                await asyncio.Event().wait()  # until the connection breaks
            if self._state == "slow":
                self.counts["chunks delayed"] += 1
                await asyncio.sleep(DELAY_S + len(chunk) / BYTES_S)
            writer.write(chunk)
            await writer.drain()
