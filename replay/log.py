"""The log as replay reads it: from the broker, or from an archive of object container files."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, runtime_checkable

from confluent_kafka import Consumer

from schemas.registry import SchemaIds
from streams.log.addressing import headers_of
from streams.log.offsets import (
    Extent,
    NoAnswer,
    Offsets,
    Partition,
    no_offsets,
    read_offsets,
)
from streams.log.reading import new_consumer, records
from streams.log.subjects import open_registry
from streams.running.admit import INBOX_TOPICS
from streams.settings import Settings
from streams.topics import STEPS, TOPICS, group_of, topic_of

OFFSETS_LIMIT_S = 15.0  # for the offsets of all partitions, from a busy broker too
METADATA_TIMEOUT_S = 8.0  # an answer takes milliseconds where the broker is there
LOADED_RECORDS_MAX = 50_000  # of a lane that is read at once,
LOADED_BYTES_MAX = 32 * 2**20  # and their bytes: what that costs in memory, half as much again
PIECE_RECORDS = 5_000  # of a topic that are read at once, since several are read side by side,
PIECE_BYTES = 4 * 2**20  # and their bytes
FETCHED_KB = 8_192  # ahead of what was asked for: what is left of it is dropped with each piece


@dataclass(slots=True)  # frozen, one would take three times as long to make, and a log is many
class Stored:
    """A record as it lies on the log; nobody changes one."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def stored_of(message: Any) -> Stored:
    """Return a message of the client as a record that lies on the log."""
    return Stored(
        message.topic(),
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        headers_of(message),
    )


class Fault(NamedTuple):
    """What is wrong with how a log lies, and where; -1 and no topic stand for all of it."""

    reason: str
    topic: str = ""
    partition: int = -1
    offset: int = -1


@dataclass(frozen=True)
class Snapshot:
    """A moment of the broker's log, so that several readers see the same."""

    committed: Mapping[str, Mapping[Partition, int]]
    extents: Mapping[Partition, Extent]


def snapshot_of(
    settings: Settings,
    known: Mapping[str, Sequence[int]],
    ask: Callable[..., Offsets] = read_offsets,
) -> Snapshot:
    """Read how far every step has come, then where the partitions of the log's topics end.

    In this order: what was acknowledged by then has its outcomes within the extents. `known` holds
    the partitions of every topic of the broker. Raises NoAnswer.
    """
    groups = {
        group_of(step.name): [
            (topic_of(record), lane) for record in step.reads for lane in range(settings.partitions)
        ]
        for step in STEPS
    }
    partitions = [(topic.name, number) for topic in TOPICS for number in known.get(topic.name, ())]
    try:
        offsets = ask(settings, groups, partitions, OFFSETS_LIMIT_S)
    except NoAnswer as error:
        raise NoAnswer(no_offsets(settings.kafka, error)) from None
    return Snapshot(
        {
            step.name: {
                partition: max(offset, 0)
                for partition, offset in offsets.committed[group_of(step.name)].items()
            }
            for step in STEPS
        },
        offsets.extents,
    )


class Log(Protocol):
    """Where replay reads from."""

    @property
    def ids(self) -> SchemaIds:
        """Schema ids in force."""

    def extents(self) -> Mapping[Partition, Extent]:
        """Return every partition's offsets as they were when the log was opened."""

    def load(self, lane: int) -> None:
        """Get ready to read the topics of a lane."""

    def records(self, topic: str, partition: int) -> Iterator[Stored]:
        """Read a partition in order, up to its extent's end."""

    def committed(self, step: str) -> Mapping[Partition, int]:
        """Return how far a step had acknowledged its inputs: the next offset of each partition."""

    def faults(self) -> list[Fault]:
        """List what is wrong with the log as a whole, its records aside."""

    def close(self) -> None:
        """Let go of connections."""


@runtime_checkable
class BeginsAnywhere(Protocol):
    """A log that need not be read from its first record on."""

    def read_extent(self, extent: Extent) -> Iterator[Stored]:
        """Read a part of a partition in order."""


def records_within(log: Log, extent: Extent) -> Iterator[Stored]:
    """Read a part of a partition in order; raises as the log does."""
    if isinstance(log, BeginsAnywhere):
        yield from log.read_extent(extent)
        return
    for stored in log.records(extent.topic, extent.partition):
        if stored.offset >= extent.end:
            return
        if stored.offset >= extent.begin:
            yield stored


class BrokerLog:
    """The log on the broker, fixed at the end offsets of the moment it was opened.

    Raises KafkaException or NoAnswer when the broker does not answer.
    """

    def __init__(
        self,
        settings: Settings,
        like: Snapshot | None = None,
        consumer: Consumer | None = None,
        metadata_timeout_s: float = METADATA_TIMEOUT_S,
        piece: tuple[int, int] = (PIECE_RECORDS, PIECE_BYTES),
    ) -> None:
        """Open the log as it stands now, or as it stood at a snapshot.

        A `piece` is how much of a topic is read at once: records and bytes.
        """
        self._ids = open_registry(settings)
        self._piece = piece
        self._consumer = consumer or new_consumer(
            settings, "replay", **{"queued.max.messages.kbytes": FETCHED_KB}
        )
        # else each assignment looks its leader up, slowly
        told = self._consumer.list_topics(timeout=metadata_timeout_s)
        known = told.topics
        self.topics = frozenset(known)
        """Topics that the broker had when the log was opened."""
        self.cluster = str(told.cluster_id or "")
        """What the broker's cluster calls itself."""
        self._loaded: dict[Partition, list[Stored]] = {}
        self.snapshot = like or snapshot_of(
            settings, {name: sorted(topic.partitions) for name, topic in known.items()}
        )

    @property
    def ids(self) -> SchemaIds:
        """Schema ids of the registry."""
        return self._ids

    def extents(self) -> Mapping[Partition, Extent]:
        """Return every partition's offsets as they were when the log was opened."""
        return self.snapshot.extents

    def committed(self, step: str) -> Mapping[Partition, int]:
        """Return how far a step's consumer group had committed when the log was opened."""
        return self.snapshot.committed[step]

    def load(
        self,
        lane: int,
        records_max: int = LOADED_RECORDS_MAX,
        bytes_max: int = LOADED_BYTES_MAX,
    ) -> None:
        """Read a small lane at once: an assignment for each topic would take longer than reading.

        Drops the lane that was loaded before; a large lane is left to be read topic by topic.
        """
        self._loaded = {}
        wanted = [
            extent
            for extent in self.snapshot.extents.values()
            if extent.partition == lane and extent.topic not in INBOX_TOPICS
        ]
        if sum(extent.end - extent.begin for extent in wanted) > records_max:
            return
        loaded: dict[Partition, list[Stored]] = {(extent.topic, lane): [] for extent in wanted}
        size = 0
        for stored in self._read(wanted):
            loaded[stored.topic, lane].append(stored)
            size += len(stored.value or b"")
            if size > bytes_max:
                return
        self._loaded = loaded

    def records(self, topic: str, partition: int) -> Iterator[Stored]:
        """Read a partition in order, up to its extent's end; raises TimeoutError when it stalls.

        Piece by piece, so that others may be read in between.
        """
        loaded = self._loaded.get((topic, partition))
        if loaded is not None:
            return iter(loaded)
        extent = self.snapshot.extents.get((topic, partition))
        return self.read_extent(extent) if extent else iter(())

    def read_extent(self, extent: Extent) -> Iterator[Stored]:
        """Read a part of a partition, piece by piece; raises TimeoutError when it stalls."""
        records_max, bytes_max = self._piece
        begin = extent.begin
        while begin < extent.end:
            piece, size, begin = list[Stored](), 0, extent.end
            with closing(self._read([extent])) as reading:
                for stored in reading:
                    piece.append(stored)
                    size += len(stored.value or b"")
                    if len(piece) >= records_max or size >= bytes_max:
                        begin = stored.offset + 1
                        break
            extent = replace(extent, begin=begin)
            yield from piece

    def _read(self, extents: Sequence[Extent]) -> Generator[Stored, None, None]:
        """Read partitions side by side, each in order."""
        with closing(records(self._consumer, extents)) as messages:
            for message in messages:
                yield stored_of(message)

    def faults(self) -> list[Fault]:
        """Return none: the broker keeps its files."""
        return []

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()
