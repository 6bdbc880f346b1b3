"""Records of the inbox: what may be taken in, what waits for its schema, what may be committed.

A record under an unknown id waits, and so do those after it with its key in its partition; all
others go on. Only what lies before the first that waits is committed: what came after it would be
read again after a crash, which gives the same requests.

    the registry does not know the id   after the grace the record is rejected
    the registry does not answer        the record waits until it does
    there is no room to wait or to ask  it is read again; where that is too much, no more is read
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka import TopicPartition

from schemas import Record
from streams.log.aside import Aside, AsideBounds
from streams.log.codec import Undecodable, schema_id_of
from streams.log.offsets import Partition
from streams.log.schema_asker import SchemaAsker

BOUNDS = AsideBounds(records=1_024, size_bytes=33_554_432)
"""Of what waits: a record of the inbox holds up to a megabyte."""
LEFT_MAX = 20_000
"""Records that are to be read again, by their offsets alone; then no more is read."""

Order = tuple[str, int, bytes]
"""Topic, partition and key."""


class InboxRecords:
    """What one consumer of the inbox has read and not committed; lives on its thread."""

    def __init__(
        self,
        asker: SchemaAsker,
        records: Mapping[str, type[Record]],
        bounds: AsideBounds = BOUNDS,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing; `records`: topic -> what lies on it."""
        self._asker = asker
        self._records = records
        self._clock = clock
        self._aside: Aside[Any] = Aside(asker, bounds, waits_s=math.inf)
        self._ready: list[Any] = []
        self._open: defaultdict[Partition, set[int]] = defaultdict(set)
        """Offsets that were read and are not taken in."""
        self._read: dict[Partition, int] = {}
        """The offset after the last that was read."""
        self._left: defaultdict[Partition, set[int]] = defaultdict(set)
        """Those among the open that found no room, since they were last read."""
        self._again: defaultdict[Partition, set[int]] = defaultdict(set)
        """Those that are being read again."""
        self._left_orders: set[Order] = set()
        self._again_s = 0.0

    @property
    def is_full(self) -> bool:
        """Whether so much is to be read again that no more may be read."""
        return sum(map(len, self._left.values())) >= LEFT_MAX

    def add(self, message: Any) -> None:
        """Take note of a record that was read."""
        place, offset = (message.topic(), message.partition()), message.offset()
        if offset < self._read.get(place, 0) and offset not in self._again[place]:
            return  # read again on the way to another
        self._again[place].discard(offset)
        self._open[place].add(offset)
        self._read[place] = max(offset + 1, self._read.get(place, 0))
        self._sort(message)

    def ready(self) -> list[Any]:
        """Return what may be taken in now, each order in itself."""
        ready = [message for message, _ in self._aside.turn()] + self._ready
        self._ready = []
        return ready

    def taken(self, records: Iterable[Any]) -> dict[Partition, int]:
        """Note what was taken in; return up to where each partition of theirs may be committed."""
        places = set()
        for message in records:
            place = message.topic(), message.partition()
            self._open[place].discard(message.offset())
            places.add(place)
        return {place: min(self._open[place], default=self._read[place]) for place in places}

    def to_read_again(self) -> list[TopicPartition]:
        """Return from where to read again what found no room: at once where all ids are settled.

        Until it is read again, what comes after it in its order finds none either.
        """
        now_s = self._clock()
        if self._asker.any_asked and now_s < self._again_s:
            return []
        self._again_s = now_s + self._asker.grace_s
        self._left_orders.clear()
        for place, left in self._left.items():
            self._again[place] |= left
        again = [place for place, left in sorted(self._left.items()) if left]
        self._left.clear()
        return [TopicPartition(*place, min(self._again[place])) for place in again]

    def _sort(self, message: Any) -> None:
        value, record = message.value(), self._records[message.topic()]
        try:
            schema_id = schema_id_of(value)
        except Undecodable:
            self._ready.append(message)  # to be rejected
            return
        key = message.key() or b""
        order = message.topic(), message.partition(), key
        if order in self._left_orders:
            self._leave(message, order)
        elif self._aside.lets_pass(order, schema_id, record):
            self._ready.append(message)
        elif not self._aside.hold(
            message,
            order=order,
            schema_id=schema_id,
            record=record,
            tenant=key.decode("utf-8", "replace"),
            size=len(value),
        ):
            self._leave(message, order)

    def _leave(self, message: Any, order: Order) -> None:
        self._left[message.topic(), message.partition()].add(message.offset())
        self._left_orders.add(order)
