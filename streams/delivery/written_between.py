"""What others wrote between our own records of a changelog, and the true rows behind it.

A row of a worker that lost the lane may come late, behind ours of the same key (see `fences`). Who
reads the changelog passes it over and writes the true row again. Nobody reads it while we hold the
lane, though, and compaction keeps the last record of a key: once ours is dropped, the late one is
all there is. Our own records tell without any reading: the offsets that they leave out are
somebody else's. What lies there is read then, and our rows of its keys are written once more.

A fence among it is that of a newer owner: then it is we who are late, and write nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from confluent_kafka import KafkaException

from streams.delivery.fences import KEY, FencedRow
from streams.delivery.publisher import PublishingFailed, Receipt
from streams.log.pauses import Pauses, pauses
from streams.log.reading import NotHeld
from streams.watching.logs import logger

log = logger("tables")


class LaneRows(Protocol):
    """The rows of a table, lane by lane."""

    def rows_between(self, lane: int, begin: int, end: int) -> Sequence[FencedRow]:
        """Read a piece of a lane's changelog; blocks: use a thread.

        Raises KafkaException or TimeoutError where the broker does not answer.
        """

    def fence_of(self, lane: int) -> bytes:
        """Return our fence of a lane; empty where it is not ours."""

    def write_again(self, lane: int, key: bytes) -> bool:
        """Write our own newest row of a key once more; False where there is none."""


class WrittenBetween:
    """Counts our records of each lane by their offsets; lives on the event loop."""

    def __init__(self, name: str, rows: LaneRows, between_tries: Pauses = pauses) -> None:
        self._name = name
        self._rows = rows
        self._between_tries = between_tries
        self._next: dict[int, int] = {}
        """The offset of our next record of each lane, if nobody else writes."""
        self._overtaken: set[int] = set()
        """Lanes that somebody has fenced since."""
        self._looking: set[asyncio.Task[None]] = set()

    def begin(self, lane: int) -> None:
        """Count a lane from our next record on: all before it is read."""
        self._next.pop(lane, None)
        self._overtaken.discard(lane)

    def acknowledged(self, lane: int, end: int) -> None:
        """Take note of a record of ours; `end` is the offset after the newest, 0 where unknown."""
        begin = self._next.get(lane)
        if begin is None:
            if end:
                self._next[lane] = end
            return
        # the client can't always say where a record lies; then it is one further at least
        self._next[lane] = max(end, begin + 1)
        if end > begin + 1 and lane not in self._overtaken:
            looking = asyncio.create_task(self._look(lane, begin, end - 1))
            self._looking.add(looking)
            looking.add_done_callback(self._looking.discard)

    async def looked(self) -> None:
        """Wait until all that was noticed so far is mended."""
        await asyncio.gather(*self._looking)

    def stop(self) -> None:
        """Look at nothing any more."""
        for looking in self._looking:
            looking.cancel()

    async def _look(self, lane: int, begin: int, end: int) -> None:
        """Read what others wrote, and write our rows of the same keys behind it."""
        ours, waits = self._rows.fence_of(lane), self._between_tries()
        while True:
            try:
                rows = await asyncio.to_thread(self._rows.rows_between, lane, begin, end)
                break
            except NotHeld:  # it is gone, and with it what came late
                return
            except (KafkaException, TimeoutError) as error:
                log.warning(
                    "what others wrote into a table can't be read, trying again",
                    table=self._name,
                    lane=lane,
                    reason=str(error),
                )
                await asyncio.sleep(next(waits))
        if self._rows.fence_of(lane) != ours:
            return  # the lane came again, or went: whoever has it has read this
        foreign = [row for row in rows if row.fence != ours]
        if any(row.key == KEY for row in foreign):
            self._overtaken.add(lane)
        if lane in self._overtaken:
            return
        keys = sorted({row.key for row in foreign})
        if again := sum(self._rows.write_again(lane, key) for key in keys):
            log.info(
                "rows that came late are followed by the true ones",
                table=self._name,
                lane=lane,
                rows=again,
            )


class CountedReceipt:
    """Tells of a record's place beside what becomes of it."""

    def __init__(self, receipt: Receipt, taken: Callable[[], None]) -> None:
        self._receipt = receipt
        self._taken = taken

    def acknowledged(self) -> None:
        """Count it, and tell."""
        self._taken()
        self._receipt.acknowledged()

    def failed(self, error: PublishingFailed) -> None:
        """Tell alone: nothing lies on the log."""
        self._receipt.failed(error)
