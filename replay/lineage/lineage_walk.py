"""Reading a log for lineage: lane by lane, its topics side by side in the order of their times.

So what is waited for is what was on its way at one time, however long the log is: read topic by
topic, each question of a lane would wait for the end of that topic.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterator, Mapping

from replay.lineage.lineage_events import Shape
from replay.lineage.lineage_runs import KEPT_MAX, LINEAGE_RECORDS, LineageFold
from replay.log import Log, Stored, records_within
from replay.proved_records import ProvedRecords
from schemas import Event
from schemas.registry import UnknownSchema
from streams.log.codec import Codec
from streams.log.offsets import Extent, Partition
from streams.topics import topic_of

STRETCH = 5_000
"""Records between two looks at what can be told."""


class LineageWalk:
    """Reads a log that grows, and tells what is new of its runs."""

    def __init__(
        self,
        name: str,
        since_us: int | None = None,
        stretch: int = STRETCH,
        kept_max: int = KEPT_MAX,
    ) -> None:
        """`stretch` and `kept_max` bound the runs in memory: their sum is what is waited for."""
        self.fold = LineageFold(name, since_us, kept_max)
        self._stretch = stretch
        self._read: dict[Partition, int] = {}
        """Where each partition is read from next."""

    def events(self, log: Log) -> Generator[Shape, None, None]:
        """Yield the events of what was written since the last pass, all of them at the first.

        The log is read no further than events are taken; whoever leaves off gets the rest from the
        next pass.
        """
        yield from self.fold.events()
        proved, extents = ProvedRecords(log, Codec(log.ids)), log.extents()
        for lane in sorted({partition for _, partition in extents}):
            for number, (kind, stored) in enumerate(self._lane(log, lane, extents), start=1):
                self._take(proved, kind, stored)
                if number % self._stretch == 0:
                    yield from self.fold.events()
            yield from self.fold.events()

    def _lane(
        self, log: Log, lane: int, extents: Mapping[Partition, Extent]
    ) -> Iterator[tuple[type[Event], Stored]]:
        """Read what is new of a lane; of records of one time requests come first, ends last."""
        topics = [
            self._topic(log, kind, extents.get((topic_of(kind), lane))) for kind in LINEAGE_RECORDS
        ]
        return heapq.merge(*topics, key=lambda entry: entry[1].timestamp_ms)

    def _topic(
        self, log: Log, kind: type[Event], extent: Extent | None
    ) -> Iterator[tuple[type[Event], Stored]]:
        if extent is None:
            return
        place = extent.topic, extent.partition
        begin = max(extent.begin, self._read.get(place, 0))
        for stored in records_within(log, Extent(*place, begin, extent.end)):
            yield kind, stored

    def _take(self, proved: ProvedRecords, kind: type[Event], stored: Stored) -> None:
        self._read[stored.topic, stored.partition] = stored.offset + 1
        try:
            event = proved.admitted(kind, stored)
        except UnknownSchema:
            return  # verify's business, as all else that no step would have met
        if event is not None:
            self.fold.take(event)
