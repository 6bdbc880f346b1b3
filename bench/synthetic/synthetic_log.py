"""A log in memory, as replay reads one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from replay.log import Fault, Stored
from schemas import ConfigurationSet, Event
from schemas.registry import FixedIds
from streams.log.addressing import address_of
from streams.log.codec import Codec
from streams.log.offsets import Extent
from streams.log.subjects import subjects
from streams.topics import TOPICS, topics_of
from streams.topics import step as step_named


class SyntheticLog:
    """A log in memory, with the topics that set-up makes."""

    def __init__(self, partitions: int = 4) -> None:
        self._lanes = range(partitions)
        self.ids = FixedIds.numbered(dict.fromkeys(subjects().values()))
        self._records: defaultdict[tuple[str, int], list[Stored]] = defaultdict(list)

    def append(self, codec: Codec, event: Event) -> int:
        """Put an event where a producer would, and return its offset."""
        topic, lane, key, headers = address_of(event)
        if isinstance(event, ConfigurationSet):
            key, headers = event.digest.encode(), ()
        records, time_ms = self._records[topic, lane], event.meta.at // 1_000
        value = codec.encode(event)
        records.append(Stored(topic, lane, len(records), time_ms, key, value, headers))
        return len(records) - 1

    def extents(self) -> Mapping[tuple[str, int], Extent]:
        """Return every partition's offsets."""
        return {
            (topic.name, lane): Extent(topic.name, lane, 0, len(self._records[topic.name, lane]))
            for topic in TOPICS
            for lane in (self._lanes if topic.partitioned else range(1))
        }

    def load(self, lane: int) -> None:
        """Do nothing: everything is in memory."""

    def records(self, topic: str, partition: int) -> Iterator[Stored]:
        """Read a partition in order."""
        return iter(self._records.get((topic, partition), ()))

    def committed(self, step: str) -> Mapping[tuple[str, int], int]:
        """Return the ends: every step has acknowledged everything."""
        return {
            (topic, lane): len(self._records[topic, lane])
            for topic in topics_of(*step_named(step).reads)
            for lane in self._lanes
        }

    def faults(self) -> list[Fault]:
        """Return none: nothing but records is kept."""
        return []

    def close(self) -> None:
        """Nothing is held open."""
