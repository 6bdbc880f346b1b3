"""The log as replay reads it: from the broker, or from an archive of object container files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from schemas.registry import Registry, SchemaIds
from streams.log.reading import Extent, new_consumer, records
from streams.log.subjects import subjects
from streams.running.admit import INBOX_TOPICS
from streams.settings import Settings
from streams.topics import STEPS, TOPICS, group_of, topic_of

ANSWER_TIMEOUT_S = 15.0
METADATA_TIMEOUT_S = 8.0  # an answer takes milliseconds where the broker is there
LOADED_RECORDS_MAX = 50_000  # of a lane that is read at once,
LOADED_BYTES_MAX = 128 * 2**20  # and their bytes: what that costs in memory, half as much again


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it lies on the log."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """A moment of the broker's log, so that several readers see the same."""

    committed: Mapping[str, Mapping[tuple[str, int], int]]
    extents: Mapping[tuple[str, int], Extent]


class Log(Protocol):
    """Where replay reads from."""

    @property
    def ids(self) -> SchemaIds:
        """Schema ids in force."""

    def extents(self) -> Mapping[tuple[str, int], Extent]:
        """Return every partition's offsets as they were when the log was opened."""

    def load(self, lane: int) -> None:
        """Get ready to read the topics of a lane."""

    def records(self, topic: str, partition: int) -> Iterator[Stored]:
        """Read a partition in order, up to its extent's end."""

    def committed(self, step: str) -> Mapping[tuple[str, int], int]:
        """Return how far a step had acknowledged its inputs: the next offset of each partition."""

    def close(self) -> None:
        """Let go of connections."""


def _headers(headers: Any) -> tuple[tuple[str, bytes], ...]:
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    return tuple((name, b"" if value is None else value) for name, value in pairs)


class BrokerLog:
    """The log on the broker, fixed at the end offsets of the moment it was opened.

    Raises KafkaException when the broker does not answer.
    """

    def __init__(self, settings: Settings, like: Snapshot | None = None) -> None:
        """Open the log as it stands now, or as it stood at a snapshot."""
        self._settings = settings
        registry = Registry(settings.registry)
        registry.expect(subjects())
        self._ids = registry
        self._consumer = new_consumer(settings, "replay")
        self._admin = AdminClient({"bootstrap.servers": settings.kafka, "log_level": 0})
        self._consumer.list_topics(
            timeout=METADATA_TIMEOUT_S
        )  # else each assignment looks its leader up, slowly
        self._loaded: dict[tuple[str, int], list[Stored]] = {}
        # commit positions first: what was acknowledged by then has its outcomes within the extents
        self.snapshot = like or Snapshot(self._read_committed(), self._read_extents())

    @property
    def ids(self) -> SchemaIds:
        """Schema ids of the registry."""
        return self._ids

    def extents(self) -> Mapping[tuple[str, int], Extent]:
        """Return every partition's offsets as they were when the log was opened."""
        return self.snapshot.extents

    def committed(self, step: str) -> Mapping[tuple[str, int], int]:
        """Return how far a step's consumer group had committed when the log was opened."""
        return self.snapshot.committed[step]

    def _read_committed(self) -> dict[str, dict[tuple[str, int], int]]:
        """Ask for all groups at once: one after the other they would each be looked up first."""
        asked = {}
        for step in STEPS:
            group = group_of(step.name)
            wanted = [
                TopicPartition(topic_of(record), lane)
                for record in step.reads
                for lane in range(self._settings.partitions)
            ]
            request = [ConsumerGroupTopicPartitions(group, wanted)]
            asked[step.name] = self._admin.list_consumer_group_offsets(
                request, request_timeout=ANSWER_TIMEOUT_S
            )[group]
        return {
            name: {
                (entry.topic, entry.partition): max(entry.offset, 0)
                for entry in future.result().topic_partitions
            }
            for name, future in asked.items()
        }

    def _read_extents(self) -> dict[tuple[str, int], Extent]:
        known = self._consumer.list_topics(timeout=METADATA_TIMEOUT_S)
        places = [
            TopicPartition(topic.name, partition)
            for topic in TOPICS
            if (metadata := known.topics.get(topic.name))
            for partition in sorted(metadata.partitions)
        ]
        if not places:
            return {}
        begins, ends = (
            self._admin.list_offsets(
                dict.fromkeys(places, moment), request_timeout=ANSWER_TIMEOUT_S
            )
            for moment in (OffsetSpec.earliest(), OffsetSpec.latest())  # type: ignore[no-untyped-call]
        )
        return {
            (place.topic, place.partition): Extent(
                place.topic,
                place.partition,
                begins[place].result().offset,
                ends[place].result().offset,
            )
            for place in places
        }

    def load(self, lane: int) -> None:
        """Read a small lane at once: an assignment for each topic would take longer than reading.

        Drops the lane that was loaded before; a large lane is left to be read topic by topic.
        """
        self._loaded = {}
        wanted = [
            extent
            for extent in self.snapshot.extents.values()
            if extent.partition == lane and extent.topic not in INBOX_TOPICS
        ]
        if sum(extent.end - extent.begin for extent in wanted) > LOADED_RECORDS_MAX:
            return
        loaded: dict[tuple[str, int], list[Stored]] = {
            (extent.topic, lane): [] for extent in wanted
        }
        size = 0
        for stored in self._read(wanted):
            loaded[stored.topic, lane].append(stored)
            size += len(stored.value or b"")
            if size > LOADED_BYTES_MAX:
                return
        self._loaded = loaded

    def records(self, topic: str, partition: int) -> Iterator[Stored]:
        """Read a partition in order, up to its extent's end; raises TimeoutError when it stalls."""
        loaded = self._loaded.get((topic, partition))
        if loaded is not None:
            return iter(loaded)
        extent = self.snapshot.extents.get((topic, partition))
        return self._read([extent] if extent else [])

    def _read(self, extents: Sequence[Extent]) -> Iterator[Stored]:
        """Read partitions side by side, each in order."""
        for message in records(self._consumer, extents):
            yield Stored(
                cast(str, message.topic()),
                cast(int, message.partition()),
                cast(int, message.offset()),
                message.timestamp()[1],
                message.key(),
                message.value(),
                _headers(message.headers()),
            )

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()
