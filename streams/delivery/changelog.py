"""Reading a table's changelog: what counts of it, lane by lane, and what came late (`fences`)."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import cast

from confluent_kafka import Consumer

from streams.delivery.fences import EMPTY, KEY, FencedRow, LaneFences, timely
from streams.delivery.late_rows import Events, without_late
from streams.log.offsets import Extent, extent_of
from streams.log.reading import records
from streams.settings import Settings
from streams.topics import changelog_of
from streams.watching.logs import logger

log = logger("tables")


@dataclass(frozen=True)
class Change:
    """What the changelog of a table says of a lane."""

    lane: int
    rows: Sequence[tuple[bytes, bytes | None]]
    """Each key with the value written last, in the order of those writes; None drops a row that was
    there when this was read."""
    end: int
    """The offset after the last one."""
    fences: tuple[bytes, ...] = ()
    """All that are known, oldest first."""
    named: Mapping[bytes, bytes] = field(default_factory=dict, compare=False)
    """The fence that the last of these rows of each key names."""
    passed_over: frozenset[bytes] = frozenset()
    """Keys of which the last record on the log came late."""
    by_drops: frozenset[bytes] = field(default=frozenset(), compare=False)
    """Fences that rows name which dropped one, these and those before."""


class Changelog:
    """The changelog of one table; its methods block, so they are called in threads.

    They raise KafkaException or TimeoutError where the broker does not answer.
    """

    def __init__(
        self, table: str, settings: Settings, open_consumer: Callable[[Settings, str], Consumer]
    ) -> None:
        self.topic = changelog_of(table)
        self._name = table
        self._settings = settings
        self._open_consumer = open_consumer

    def _open(self) -> closing[Consumer]:
        return closing(self._open_consumer(self._settings, f"table-{self._name}"))

    def piece(self, lane: int, begin: int, end: int) -> list[FencedRow]:
        """Read the records of a lane between two offsets."""
        with self._open() as consumer:
            piece = Extent(self.topic, lane, begin, end)
            return [FencedRow.of(message) for message in records(consumer, [piece])]

    def changes(
        self,
        since: Mapping[int, int],
        fences: Callable[[int], LaneFences | None],
        known: Mapping[bytes, bytes],
        events: Events,
    ) -> list[Change]:
        """Read what it says of some lanes since an offset of each.

        `fences` and `known` are those of what was read before, of a lane and of all rows.
        """
        with self._open() as consumer:
            changes = {
                lane: self._change(lane, rows, end, fences(lane), known, events)
                for lane, rows, end in self._rows_since(consumer, since)
            }
            unclear = dict.fromkeys((lane for lane in since if changes[lane] is None), 0)
            for lane, rows, end in self._rows_since(consumer, unclear):
                changes[lane] = self._change(lane, rows, end, None, EMPTY, events)
        return [
            _without_needless(change, known) for change in changes.values() if change is not None
        ]

    def _rows_since(
        self, consumer: Consumer, since: Mapping[int, int]
    ) -> Iterator[tuple[int, Sequence[FencedRow], int]]:
        """Read some lanes since an offset of each: their rows, and the offset after the last."""
        extents = [extent_of(consumer, self.topic, *place) for place in since.items()]
        rows: dict[int, list[FencedRow]] = {lane: [] for lane in since}
        for message in records(consumer, extents):
            rows[cast(int, message.partition())].append(FencedRow.of(message))
        for extent in extents:
            yield extent.partition, rows[extent.partition], extent.end

    def _change(
        self,
        lane: int,
        rows: Sequence[FencedRow],
        end: int,
        fences: LaneFences | None,
        known: Mapping[bytes, bytes],
        events: Events,
    ) -> Change | None:
        """Say what the changelog says of a lane, but for what came late; None: all must be read.

        `known` are the rows of before; without `fences`, these are the first.
        """
        before = (fences.read, fences.by_rows, fences.by_drops) if fences else ()
        in_time = timely(rows, *before)
        if not in_time.is_certain:
            return None
        standing = without_late(in_time.rows, known, events)
        if late := sum(row.key != KEY for row in rows) - len(standing):
            log.info("rows that came late are passed over", table=self._name, rows=late)
        newest: dict[bytes, bytes | None] = {}
        for row in standing:
            newest.pop(row.key, None)  # so that the key written last stands last
            newest[row.key] = row.value
        kept = list(newest.items())
        named = {row.key: row.fence for row in standing if row.value is not None}
        by_drops = in_time.by_drops
        return Change(lane, kept, end, in_time.fences, named, in_time.passed_over, by_drops)


def _without_needless(change: Change, known: Container[bytes]) -> Change:
    """Leave out what drops a row that is not there: where rows come and go, nearly all."""
    rows = [(key, value) for key, value in change.rows if value is not None or key in known]
    return replace(change, rows=rows)
