"""Rows of a changelog, read as a worker that takes a lane over reads them, piece by piece.

What counts is told by the same rules: rows that came late are passed over (`streams.delivery`'s
`fences` and `late_rows`). What a worker holds in memory lies in a store here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from confluent_kafka import Consumer, Message

from replay.rebuild.row_store import LIVE, RowStore
from streams.delivery.fences import FencedRow, timely
from streams.delivery.late_rows import without_late
from streams.delivery.row_reader import RowReader
from streams.log.codec import Codec
from streams.log.offsets import ANSWER_TIMEOUT_S, extent_of
from streams.log.reading import new_consumer, records
from streams.settings import Settings
from streams.topics import changelog_of

PIECE_ROWS = 1_000
"""Records of a changelog that are in memory at once."""
KEPT = ".kept"
"""Ends the name of the topic beside a changelog that holds what a repair replaced."""


class PlacedRow(FencedRow):
    """A record of a changelog, and where it lies."""

    offset: int = -1

    @classmethod
    def of(cls, message: Message) -> PlacedRow:
        """Read a record of a changelog."""
        row = cls(*FencedRow.of(message))
        row.offset = message.offset() or 0
        return row


class ChangelogState(NamedTuple):
    """What there was of a changelog in a lane."""

    there: bool
    """Whether the broker has the topic."""
    end: int = 0


@dataclass(frozen=True)
class Changelogs:
    """Reads the changelogs of a broker."""

    settings: Settings
    codec: Codec
    open_consumer: Callable[[Settings, str], Consumer] = new_consumer

    def read(self, name: str, lane: int, store: RowStore) -> ChangelogState:
        """Read a table's rows in a lane into a store, in place of those that it had.

        Raises KafkaException or TimeoutError where the broker does not answer.
        """
        store.clear(LIVE, name)
        topic = changelog_of(name)
        with closing(self.open_consumer(self.settings, f"tables-{name}")) as consumer:
            if topic not in consumer.list_topics(timeout=ANSWER_TIMEOUT_S).topics:
                return ChangelogState(there=False)
            extent = extent_of(consumer, topic, lane)
            self._take(name, map(PlacedRow.of, records(consumer, [extent])), store)
        return ChangelogState(there=True, end=extent.end)

    def _take(self, name: str, read: Iterator[PlacedRow], store: RowStore) -> None:
        rows, named = store.rows(LIVE, name), store.fences(name)
        reader = RowReader(name, self.codec)
        fences: tuple[bytes, ...] = ()
        while piece := list(islice(read, PIECE_ROWS)):
            in_time = timely(piece, fences, named)
            fences = in_time.fences
            standing = without_late(in_time.rows, rows, reader.events)
            for row in standing:
                named[row.key] = row.fence
                if row.value is None:
                    rows.pop(row.key, None)
                else:
                    rows.put(row.key, row.value, _offset(row))
        reader.stop()


def _offset(row: FencedRow) -> int:
    return row.offset if isinstance(row, PlacedRow) else -1


def kept_of(name: str) -> str:
    """Name the topic that holds what a repair of a table replaced."""
    return f"{changelog_of(name)}{KEPT}"
