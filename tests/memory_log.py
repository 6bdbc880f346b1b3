"""A log in memory, as replay reads one; held to what archives and the broker do in tests/replay/test_log.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from replay.log import Fault, Stored
from schemas.registry import FixedIds
from streams.log.offsets import Extent, Partition
from streams.log.subjects import subjects
from streams.topics import step, topic_of


class MemoryLog:
    """Topics in memory; the steps have acknowledged all of it unless `acknowledged` says less."""

    def __init__(self) -> None:
        self.ids = FixedIds.numbered(dict.fromkeys(subjects().values()))
        self.topics: dict[Partition, list[Stored]] = {}
        self.acknowledged: dict[str, int] = {}
        """Step -> the next offset of each of its inputs."""
        self.loaded: int | None = None
        """The lane that was last made ready."""

    def put(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = b"acme",
        partition: int = 0,
        headers: Sequence[tuple[str, bytes]] = (),
        timestamp_ms: int = 0,
    ) -> tuple[str, int]:
        """Append a record; return its topic and offset."""
        rows = self.topics.setdefault((topic, partition), [])
        offset = _end(rows)
        rows.append(Stored(topic, partition, offset, timestamp_ms, key, value, tuple(headers)))
        return topic, offset

    def extents(self) -> dict[Partition, Extent]:
        return {place: Extent(*place, 0, _end(rows)) for place, rows in self.topics.items()}

    def load(self, lane: int) -> None:
        """Note it: all of it is at hand."""
        self.loaded = lane

    def records(self, topic: str, partition: int) -> Iterator[Stored]:
        return iter(self.topics.get((topic, partition), ()))

    def committed(self, name: str) -> dict[Partition, int]:
        lanes = {partition for _, partition in self.topics}
        inputs = [(topic_of(record), lane) for record in step(name).reads for lane in lanes]
        return {
            place: self.acknowledged.get(name, _end(self.topics.get(place, ()))) for place in inputs
        }

    def faults(self) -> list[Fault]:
        """Return none: nothing but records is kept."""
        return []

    def close(self) -> None:
        """Do nothing: nothing is open."""


def _end(rows: Sequence[Stored]) -> int:
    return rows[-1].offset + 1 if rows else 0
