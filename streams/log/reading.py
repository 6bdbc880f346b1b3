"""Reading partitions of the log as they stand, from one offset up to another.

The consumers here are assigned by hand: they join no group and commit nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.settings import Settings

ANSWER_TIMEOUT_S = 10.0  # for metadata and offsets: a broker that is up answers within milliseconds
SILENCE_S = 30.0  # before a partition that should hold more counts as stalled
FETCH_RECORDS = 2_000  # asked of the client at once: enough to keep Python's share of a fetch small


@dataclass(frozen=True, slots=True)
class Extent:
    """Offsets of a partition: from `begin` up to, not including, `end`; some may be missing."""

    topic: str
    partition: int
    begin: int
    end: int


def new_consumer(settings: Settings, name: str) -> Consumer:
    """Make a consumer for reading; `name` tells the broker's operators what it is for."""
    return Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": f"playhead-{name}",
            "client.id": f"playhead-{name}",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "fetch.max.bytes": 16_777_216,
            # a fetch in flight at a partition's end holds up the next partition's for as long
            "fetch.wait.max.ms": 5,
            "socket.timeout.ms": 15_000,
            "log_level": 0,  # what goes wrong is raised
        }
    )


def extent_of(consumer: Consumer, topic: str, partition: int, since: int = 0) -> Extent:
    """Ask which offsets of a partition there are now, from `since` on.

    Raises KafkaException where the broker does not answer.
    """
    place = TopicPartition(topic, partition)
    low, end = consumer.get_watermark_offsets(place, timeout=ANSWER_TIMEOUT_S)
    return Extent(topic, partition, max(low, since), end)


def records(consumer: Consumer, extents: Iterable[Extent]) -> Iterator[Message]:
    """Read partitions side by side, each in the order of its offsets.

    Raises KafkaException, or TimeoutError where the broker hands nothing over for long.
    """
    unread = {(e.topic, e.partition): e for e in extents if e.begin < e.end}
    if not unread:
        return
    consumer.assign([TopicPartition(e.topic, e.partition, e.begin) for e in unread.values()])
    try:
        while unread:
            # poll returns at the first record, consume would wait for the whole number of them
            first = consumer.poll(SILENCE_S)
            if first is None:
                silent = ", ".join(f"{topic}[{partition}]" for topic, partition in sorted(unread))
                raise TimeoutError(
                    f"{silent} gave nothing for {SILENCE_S:g} s: "
                    "is the broker up? `playhead status` tells"
                )
            for message in (first, *consumer.consume(FETCH_RECORDS, 0)):
                place = (cast(str, message.topic()), cast(int, message.partition()))
                reached = cast(int, message.offset())
                error = message.error()
                if error is None:
                    reached += 1
                elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                    raise KafkaException(error)
                extent = unread.get(place)
                if extent is None:
                    continue  # it has grown meanwhile
                if error is None and reached <= extent.end:
                    yield message
                if reached >= extent.end:  # maybe past what a compaction has left out
                    del unread[place]
    finally:
        consumer.unassign()
