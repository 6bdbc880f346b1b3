"""A flood that is poured out beside who is timed: by a thread with an event loop of its own.

Hundreds of requests that begin at once keep the loop of their client for seconds, and what a
neighbour waits for must be the platform.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack

from bench.flood.flooding import Flood
from bench.flood.visitor import Visitor


class Pouring:
    """Pours from now on, until it is done or stopped."""

    def __init__(self, flood: Flood, flooding: Callable[[], Visitor]) -> None:
        """`flooding` makes each visitor that pours; it is called in the thread."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="flood", daemon=True)
        self._thread.start()
        self._work = asyncio.run_coroutine_threadsafe(_pour(flood, flooding), self._loop)

    def check(self) -> None:
        """Raise what went wrong, if it has ended by that."""
        if self._work.done():
            self._work.result()

    async def stop(self) -> None:
        """Let go of what is not poured yet, and wait until that is done."""
        ending = asyncio.run_coroutine_threadsafe(_end_all(), self._loop)
        await asyncio.wrap_future(ending)
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()


async def _pour(flood: Flood, flooding: Callable[[], Visitor]) -> None:
    async with AsyncExitStack() as stack:
        posting, asking = flooding(), flooding()
        stack.push_async_callback(posting.close)
        stack.push_async_callback(asking.close)
        await flood.pour(posting, asking)


async def _end_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
