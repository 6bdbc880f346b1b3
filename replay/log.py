"""The log as replay reads it: from the broker, or from an archive of object container files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.registry import Registry, SchemaIds
from streams.settings import Settings
from streams.subjects import subjects
from streams.topics import STEPS, TOPICS, topic_of

FETCH_RECORDS = 2_000  # asked of librdkafka at once: enough to keep Python's share of a fetch small
METADATA_TIMEOUT_S = 8.0  # an answer takes milliseconds where the broker is there
FETCH_TIMEOUT_S = 30.0  # the broker is on the same network; silence for longer is an error


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


@dataclass(frozen=True, slots=True)
class Extent:
    """Which offsets of a partition exist: from `begin` up to, not including, `end`."""

    topic: str
    partition: int
    begin: int
    end: int


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
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.kafka,
                "group.id": "playhead-replay",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "fetch.max.bytes": 16_777_216,
                "queued.max.messages.kbytes": 65_536,
                # a fetch in flight at a partition's end holds up the next partition's for as long
                "fetch.wait.max.ms": 5,
                "socket.timeout.ms": 15_000,
                "log_level": 0,  # what goes wrong is raised
            }
        )
        self._consumer.list_topics(
            timeout=METADATA_TIMEOUT_S
        )  # else each assignment looks its leader up, slowly
        # commit positions first: what was acknowledged by then has its outcomes within the extents
        self.snapshot = like or Snapshot(
            {step.name: self._committed_of(step.name) for step in STEPS}, self._read_extents()
        )

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

    def _committed_of(self, step: str) -> dict[tuple[str, int], int]:
        reads = next(entry for entry in STEPS if entry.name == step).reads
        wanted = [
            TopicPartition(topic_of(record), lane)
            for record in reads
            for lane in range(self._settings.partitions)
        ]
        consumer = Consumer(
            {
                "bootstrap.servers": self._settings.kafka,
                "group.id": f"playhead-{step}",
                "log_level": 0,
            }
        )
        try:
            found = consumer.committed(wanted, timeout=15)
        finally:
            consumer.close()
        return {(entry.topic, entry.partition): max(entry.offset, 0) for entry in found}

    def _read_extents(self) -> dict[tuple[str, int], Extent]:
        known = self._consumer.list_topics(timeout=METADATA_TIMEOUT_S)
        found = {}
        for topic in TOPICS:
            metadata = known.topics.get(topic.name)
            for partition in sorted(metadata.partitions if metadata else ()):
                begin, end = self._consumer.get_watermark_offsets(
                    TopicPartition(topic.name, partition), timeout=15
                )
                found[topic.name, partition] = Extent(topic.name, partition, begin, end)
        return found

    def records(self, topic: str, partition: int) -> Iterator[Stored]:
        """Read a partition in order, up to its extent's end; raises TimeoutError when it stalls."""
        extent = self.snapshot.extents.get((topic, partition))
        if extent is None or extent.begin >= extent.end:
            return
        self._consumer.assign([TopicPartition(topic, partition, extent.begin)])
        try:
            while True:
                # poll returns at the first record, consume would wait for the whole number of them
                first = self._consumer.poll(FETCH_TIMEOUT_S)
                if first is None:
                    raise TimeoutError(
                        f"{topic}[{partition}] sends nothing for {FETCH_TIMEOUT_S:g} s: "
                        "is the broker up? `playhead status` tells"
                    )
                for message in (first, *self._consumer.consume(FETCH_RECORDS, 0)):
                    if message.error():
                        raise KafkaException(message.error())
                    offset = message.offset()
                    assert offset is not None
                    if offset >= extent.end:
                        return
                    yield Stored(
                        topic,
                        partition,
                        offset,
                        message.timestamp()[1],
                        message.key(),
                        message.value(),
                        _headers(message.headers()),
                    )
                    if offset == extent.end - 1:
                        return
        finally:
            self._consumer.unassign()

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()
