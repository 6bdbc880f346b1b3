"""A strand of the log: what one consumer reads of some lanes, opened, and how far that came.

Everything here is for the thread that reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from confluent_kafka import KafkaError, TopicPartition

from edge.listening.entries import Entry
from edge.listening.live_records import LiveRecords
from schemas import Event
from streams.log.offsets import Partition

BATCH_MAX = 256  # records handed to the loop at once: some milliseconds of its time

WantsRecord = Callable[[Any, type[Event]], bool]
"""Tells of a message, and of what lies on its topic, whether it is to be opened."""


class LogStrand:
    """Reads lanes on with a consumer of its own."""

    def __init__(
        self,
        consumer: Any,
        live: LiveRecords,
        records: Mapping[str, type[Event]],
        wants: WantsRecord,
    ) -> None:
        """Read nothing yet; `records` tell what lies on which topic."""
        self.consumer = consumer
        self.live = live
        self.note: Callable[[Any], None] = lambda _: None
        """Told of every message that is a record and wanted."""
        self.next: dict[Partition, int] = {}
        """Lane -> the offset that is read next, where that is known."""
        self.behind: set[Partition] = set()
        """Lanes that were not taken in up to an end since they were assigned."""
        self.count = 0
        """Records that were read."""
        self._records = records
        self._wants = wants
        self._ends: dict[Partition, int] = {}

    def assign(self, begins: Mapping[Partition, int]) -> None:
        """Read these lanes, each from an offset, its beginning or its end on."""
        self.consumer.assign([TopicPartition(*at, begin) for at, begin in sorted(begins.items())])
        self.behind = set(begins)

    def read(self, wait_s: float) -> list[Entry]:
        """Return what came, waiting for a first record at most so long.

        It is handed on at once; those that wait beside it come along.
        """
        entries = self.live.told_since()
        for message in _messages(self.consumer, BATCH_MAX, wait_s):
            at = str(message.topic()), int(message.partition())
            if message.error() is not None:
                if _is_end(message):
                    self.next[at] = self._ends[at] = message.offset()
                continue  # the client reconnects by itself
            self.next[at] = message.offset() + 1
            self.count += 1
            kind = self._records[at[0]]
            if not self._wants(message, kind):
                continue
            entry = self.live.open(message, kind)
            if entry is not None:
                entries.append(entry)
            self.note(message)
        return entries

    def handed_on(self) -> None:
        """Learn that all which was returned so far was taken in."""
        if self.behind:
            self.behind -= {at for at, end in self._ends.items() if self.live.is_taken_in(at, end)}

    def is_taken_in_up_to(self, at: Partition, end: int) -> bool:
        """Tell whether all of a lane before an offset was read, and none of it waits."""
        return self.next.get(at, -1) >= end and self.live.is_taken_in(at, end)

    def read_again(self) -> list[Partition]:
        """Go back to what was left out; returns the lanes that are read again."""
        places = self.live.to_read_again(self.next)
        lanes = [(place.topic, place.partition) for place in places]
        for at, place in zip(lanes, places, strict=True):
            self.consumer.seek(place)
            self.next[at] = place.offset
            self._ends.pop(at, None)
        return lanes

    def close(self) -> None:
        """Read no more."""
        self.consumer.close()


def _is_end(message: Any) -> bool:
    return bool(message.error().code() == KafkaError._PARTITION_EOF)  # noqa: SLF001 - its public name


def _messages(consumer: Any, count: int, timeout_s: float) -> Iterator[Any]:
    """Wait for a message, and take along those that lie ready behind it.

    All of these at once: a call of the client lets go of the interpreter, and has to get it back
    from the loop each time.
    """
    message = consumer.poll(timeout_s)
    if message is not None:
        yield message
        yield from consumer.consume(count - 1, 0)
