"""Every commit of every step, as the broker wrote it down, with the moment at which it did.

Looks at the commit positions come once a second, so what is acknowledged a little early is rarely seen. The broker keeps
all commits on a topic of its own, each with its time in milliseconds; an outcome's record bears the time at which its
worker handed it over. An outcome that was handed over after its input was acknowledged was acknowledged early, by
however little.

The format is that of Kafka's own schemas `OffsetCommitKey` and `OffsetCommitValue`, versions 0 to 4.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from streams.log.offsets import extent_of
from streams.log.reading import new_consumer, records
from streams.settings import Settings
from tests.chaos.rows import JUMP_US, Attempts, Position, Row, complete

TOPIC = "__consumer_offsets"
FLEXIBLE = 4  # version from which lengths are of variable size
WITH_EPOCH = 3
JUMP_MS = JUMP_US // 1_000
"""A record that is so much later than the commit of its input bears a wrong clock's time."""


class Commit(NamedTuple):
    """What a group acknowledged, and when."""

    group: str
    topic: str
    lane: int
    offset: int
    at_ms: int


def parsed(key: bytes | None, value: bytes | None) -> Commit | None:
    """Read a record of the broker's topic; None for one that is no commit."""
    if not key or not value:
        return None
    [kind] = struct.unpack_from(">h", key)
    if kind > 1:  # a group's members, and the like
        return None
    group, at = _text(key, 2)
    topic, at = _text(key, at)
    [lane] = struct.unpack_from(">i", key, at)
    version, offset = struct.unpack_from(">hq", value)
    at = 10 + (4 if version >= WITH_EPOCH else 0)
    at = _after_compact(value, at) if version >= FLEXIBLE else _text(value, at)[1]
    [at_ms] = struct.unpack_from(">q", value, at)
    return Commit(group, topic, lane, offset, at_ms)


def _text(data: bytes, at: int) -> tuple[str, int]:
    """Read a text behind its length; return where the next field begins, too."""
    [size] = struct.unpack_from(">h", data, at)
    end = at + 2 + max(size, 0)
    return data[at + 2 : end].decode(), end


def _after_compact(data: bytes, at: int) -> int:
    """Pass over a text behind a length of variable size, which is one more than it has bytes."""
    size = shift = 0
    while True:
        byte = data[at]
        at += 1
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return at + max(size - 1, 0)


def commits_of(settings: Settings) -> list[Commit]:
    """Read all commits, in the order of each partition; raises KafkaException or TimeoutError."""
    consumer = new_consumer(settings, "chaos-commits")
    try:
        known = consumer.list_topics(TOPIC, timeout=15).topics[TOPIC].partitions
        extents = [extent_of(consumer, TOPIC, number) for number in sorted(known)]
        read = (parsed(m.key(), m.value()) for m in records(consumer, extents))
        return [commit for commit in read if commit is not None]
    finally:
        consumer.close()


def closed_ms(rows: Sequence[Row], by_cause: Mapping[Position, Attempts]) -> dict[int, int]:
    """Return by offset when the first complete outcome of each input was handed over."""
    closed: dict[int, int] = {}
    for row in rows:
        times = [
            records[-1].at_ms
            for attempt in by_cause.get(row.position, {}).values()
            if (records := complete(attempt)) is not None
        ]
        if times:
            closed[row.offset] = min(times)
    return closed


def too_soon(closed: Mapping[int, int], commits: Iterable[Commit]) -> Iterator[tuple[int, int]]:
    """Yield the inputs of a topic's lane that were acknowledged before, and by how many milliseconds.

    `commits` are those of one group for that lane, in order.
    """
    reached = 0
    for commit in commits:
        for offset in range(reached, commit.offset):
            early_ms = closed.get(offset, 0) - commit.at_ms
            if 0 < early_ms < JUMP_MS:
                yield offset, early_ms
        reached = max(reached, commit.offset)
