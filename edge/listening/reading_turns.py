"""Turns at reading the log back: few readings at once, each on a thread, and none for nobody.

Why it is so: who waits for a reading comes and goes. After a restart all readers return at once,
and most of those who wait for long give up, and ask once more.

* A turn lasts as long as its thread reads, not as long as somebody waits: a thread can't be
  cancelled, and those that read on for nobody would keep the others' (and all else that is done on
  threads) from beginning.
* What nobody waits for any more ends at the next record.
* Whoever has waited for WAIT_S is told to come again. First come is first served, so once readings
  take longer than clients wait, each would else be served just when it has given up.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaException

from agents.errors import Transient

AT_ONCE = 4
WAITING_MAX = 64
"""Readings that wait for a turn; whoever comes then is told to come again."""
WAIT_S = 5.0
"""For a turn: half of what an impatient client gives its request."""

Unwanted = Callable[[], bool]
"""Tells a thread whether nobody waits any more for what it reads."""
FoundT = TypeVar("FoundT")


class ReadingTurns:
    """Lets readings take turns; lives on one event loop."""

    def __init__(self, wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        self._free = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def read(self, begin: Callable[[], Callable[[Unwanted], FoundT]]) -> FoundT:
        """Wait for a turn, have `begin` say what to read, and read that on a thread.

        Raises Transient where too many wait, or where the log can't be read at the moment.
        """
        await self._turn()
        unwanted = threading.Event()
        try:
            reading = asyncio.ensure_future(asyncio.to_thread(begin(), unwanted.is_set))
        except BaseException:
            self._free.release()
            raise
        reading.add_done_callback(self._end)
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:
            unwanted.set()
            raise
        except (KafkaException, TimeoutError) as error:
            raise Transient(
                f"the log can't be read at the moment ({type(error).__name__}): try again"
            ) from None

    async def _turn(self) -> None:
        if self._waiting >= WAITING_MAX:
            raise Transient(
                f"{self._waiting} others wait to be read back from the log: try again later"
            )
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError:
            raise Transient(
                "others are being read back from the log, before this: try again later"
            ) from None
        finally:
            self._waiting -= 1

    def _end(self, reading: asyncio.Future[FoundT]) -> None:
        self._free.release()
        if not reading.cancelled():
            reading.exception()  # whoever waited has it; where nobody did, it is nobody's
