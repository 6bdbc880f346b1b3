"""What a step has already done: so that a restart runs no finished event again.

At each assignment the tail of the step's own output topics is read back. It says which inputs have
a closed outcome though their offset was not committed yet, how many attempts the others have had,
and which requests were answered lately. Without it every kill would repeat finished work, model
calls included.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from schemas import Event, EventRejected, Meta
from streams.codec import Codec, Undecodable
from streams.lane import REACH
from streams.settings import Settings
from streams.topics import INBOX, REQUESTS, Step, topic_of

REMEMBERED = 20_000  # ids that a lane of a step keeps in memory: some 4 MB
READ_BACK = 64  # records in the first stride backwards; each further one is twice as long
READ_BACK_MAX = 20_000  # records of one topic's lane, at most
WARM_RECORDS = 4_096  # read back where requests come in: a producer may send a copy long after
WARM_BYTES = 8_000_000  # or so many bytes, whichever is less: what a start may cost
PATIENCE_S = 30.0  # for the broker to hand over one stride
BROKER_TIMEOUT_S = 10.0

RETRY = "retry"
"""Header of a dead letter that was put back: ATTEMPT@OFFSET of the run that was rejected.

The attempt is 0 where the record could not be read: then no run over its id was rejected."""


def rejected_attempt(headers: Mapping[str, bytes]) -> int:
    """Return the number of the run whose rejection a record is a retry of; 0 for other records."""
    attempt = headers.get(RETRY, b"").partition(b"@")[0]
    return int(attempt) if attempt.isdigit() and len(attempt) < 10 else 0


REQUEST_TOPICS = frozenset(topic.name for topic in (*REQUESTS, *INBOX))


class History:
    """Inputs that a step has run over, as far back as matters."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self._size = size
        self._seen: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._attempts: OrderedDict[str, int] = OrderedDict()
        self._closed: OrderedDict[tuple[str, int, int], None] = OrderedDict()
        self._answered: OrderedDict[str, int] = OrderedDict()

    def learn(self, outcomes: Iterable[Meta]) -> None:
        """Take in outcomes that were read back."""
        for meta in outcomes:
            if meta.cause is None:
                continue
            cause = meta.cause
            self.attempted(cause.id, meta.attempt)
            if meta.last:
                self._remember(self._closed, (cause.topic, cause.partition, cause.offset))
                self._answer(cause.id, meta.attempt)

    def duplicate(
        self, meta: Meta, topic: str, partition: int, offset: int, rejected: int = 0
    ) -> bool:
        """Say whether an input was run to its end before.

        It may be the same record delivered again, or a copy of it further on. A later attempt of
        the step before is no copy: it has the same id and supersedes. Nor is a dead letter that was
        put back, unless a run after the `rejected` one has ended: then it was put back twice.
        """
        if (topic, partition, offset) in self._closed:
            return True
        if rejected:
            return self._answered.get(meta.id, 0) > rejected
        return (meta.id, meta.attempt) in self._seen or (
            meta.cause is None and meta.id in self._answered
        )

    def next_attempt(self, meta: Meta) -> int:
        """Return the number of the next run over an input: above all runs over its id.

        Outcomes of a superseded input and of its successor have equal ids; readers tell them apart
        by the attempt alone.
        """
        return max(self._attempts.get(meta.id, 0) + 1, meta.attempt)

    def attempted(self, cause_id: str, attempt: int) -> None:
        """Remember that a run with this number was begun."""
        highest = max(attempt, self._attempts.get(cause_id, 0))
        self._remember(self._attempts, cause_id, highest)

    def finished(self, meta: Meta) -> None:
        """Remember that an input has a closed outcome."""
        self._remember(self._seen, (meta.id, meta.attempt))
        self._answer(meta.id, self._attempts.get(meta.id, meta.attempt))

    def _answer(self, cause_id: str, attempt: int) -> None:
        self._remember(self._answered, cause_id, max(attempt, self._answered.get(cause_id, 0)))

    def _remember(self, where: OrderedDict, key: object, value: object = None) -> None:  # type: ignore[type-arg]
        where[key] = value
        where.move_to_end(key)
        if len(where) > self._size:
            where.popitem(last=False)


@dataclass(frozen=True)
class Taken:
    """A lane of an input topic that was assigned."""

    topic: str
    partition: int
    committed: int
    """The next offset that the step has not committed."""
    deep: bool = True
    """Whether nothing is known of it; a lane that was ours until now needs its newest end only."""


def read_back(settings: Settings, codec: Codec, step: Step, lanes: Sequence[Taken]) -> list[Meta]:
    """Read the newest outcomes of some lanes: at least those of all inputs not yet committed.

    Blocks; call it in a thread. Raises KafkaException or TimeoutError where the broker does not
    answer. Where inputs are uncommitted it reads backwards until an outcome's input lies further
    back than any that could have been running beside them; where the inputs are requests, of which
    copies may come late, at least as far as WARM_RECORDS and WARM_BYTES allow.
    """
    by_partition: dict[int, list[Taken]] = {}
    for lane in lanes:
        by_partition.setdefault(lane.partition, []).append(lane)
    written: tuple[type[Event], ...] = (*step.writes, EventRejected)
    found: list[Meta] = []
    with closing(reading(settings, f"playhead-{step.name}-read-back")) as consumer:
        for partition, taken in by_partition.items():
            far: dict[str, int | None] = {}
            for lane in taken:
                place = TopicPartition(lane.topic, partition)
                _, end = consumer.get_watermark_offsets(place, timeout=BROKER_TIMEOUT_S)
                far[lane.topic] = lane.committed - REACH if lane.committed < end else None
            deep = any(lane.deep and lane.topic in REQUEST_TOPICS for lane in taken)
            for record in written:
                found += _outcomes(consumer, codec, topic_of(record), partition, far, deep=deep)
    return found


def _outcomes(
    consumer: Consumer,
    codec: Codec,
    topic: str,
    partition: int,
    far: Mapping[str, int | None],
    *,
    deep: bool,
) -> list[Meta]:
    """Read outcomes stride by stride from the end, until those of each input topic lie far back.

    `far` holds, for each input topic, the offset before which nothing can be missing; None where
    everything is committed.
    """
    place = TopicPartition(topic, partition)
    low, end = consumer.get_watermark_offsets(place, timeout=BROKER_TIMEOUT_S)
    floor, stride = max(low, end - READ_BACK_MAX), READ_BACK
    found: list[Meta] = []
    seen = size = 0
    missing = {name: offset for name, offset in far.items() if offset is not None}
    while end > floor:
        start = max(floor, end - stride)
        for message in records(consumer, topic, partition, start, end):
            seen += 1
            size += len(message)
            try:
                event = codec.decode_any(message.value())
            except Undecodable:
                continue
            cause = event.meta.cause if isinstance(event, Event) else None
            if cause is not None and cause.topic in far:
                found.append(event.meta)  # type: ignore[attr-defined]
                if cause.offset < missing.get(cause.topic, cause.offset):
                    del missing[cause.topic]
        warm = not deep or seen >= WARM_RECORDS or size >= WARM_BYTES
        if not missing and warm:
            break
        end, stride = start, stride * 2
    return found


def reading(settings: Settings, group: str) -> Consumer:
    """Make a consumer that is assigned by hand and commits nothing."""
    return Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 10,
            "log_level": 0,
        }
    )


def records(
    consumer: Consumer, topic: str, partition: int, start: int, end: int
) -> Iterator[Message]:
    """Read the records of a partition from one offset up to another, as of now.

    Raises KafkaException, or TimeoutError where the broker hands nothing over for long.
    """
    consumer.assign([TopicPartition(topic, partition, start)])
    deadline = time.monotonic() + PATIENCE_S
    offset = start
    while offset < end:
        wanted = min(500, end - offset)  # no more: it waits until it has as many
        for message in consumer.consume(wanted, timeout=0.5):
            if message.error():
                raise KafkaException(message.error())
            at = message.offset() or 0
            if at < end:
                yield message
            offset = at + 1
            deadline = time.monotonic() + PATIENCE_S
        position = consumer.position([TopicPartition(topic, partition)])[0].offset
        offset = max(offset, position)  # past what a compaction or a transaction left out
        if time.monotonic() > deadline:
            raise TimeoutError(f"{topic}[{partition}] gave nothing for {PATIENCE_S:g} s")
