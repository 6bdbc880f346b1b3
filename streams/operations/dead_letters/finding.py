"""Find the dead letters on the log, and what became of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from confluent_kafka import Consumer, Message

from schemas import Event, EventRejected
from streams.delivery.history import RETRY
from streams.log.codec import Codec, Undecodable, open_codec
from streams.log.offsets import ANSWER_TIMEOUT_S, Extent, Partition, extent_of, extent_since
from streams.log.reading import new_consumer, records
from streams.operations.dead_letters.letters import Letter, RecordAt, settle
from streams.operations.dead_letters.putting_back import Copy, copy_of, put_back, retry_mark
from streams.running.admit import INBOX_TOPICS
from streams.settings import Settings
from streams.topics import step, topic_of

REJECTED = topic_of(EventRejected)

Copies = dict[RecordAt, list[int]]
"""RecordAt of a rejected record -> offsets at which it was put back."""


class DeadLetters:
    """The dead letters on the broker; raises KafkaException or TimeoutError where it is away."""

    def __init__(
        self,
        settings: Settings,
        codec: Codec | None = None,
        consumer: Consumer | None = None,
        publish: Callable[[Settings, Sequence[Copy]], list[int]] = put_back,
    ) -> None:
        self._settings = settings
        self.codec = codec or open_codec(settings)
        self._consumer = consumer or new_consumer(settings, "dead-letters")
        self._publish = publish

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def all(self) -> list[Letter]:
        """Read every dead letter with what became of it, oldest first."""
        letters = sorted(self._letters(), key=lambda one: (one.event.meta.at, one.position))
        copies, since_ms = self._copies(letters)
        settle(letters, copies, self._closed(letters, copies, since_ms))
        return letters

    def put_back(self, letters: Sequence[Letter]) -> list[int]:
        """Publish the original bytes of letters again; return their new offsets.

        Raises KafkaException or TimeoutError where the broker does not take them all.
        """
        return self._publish(
            self._settings, [copy_of(self.codec, letter.event) for letter in letters]
        )

    def _letters(self) -> list[Letter]:
        letters: dict[RecordAt, Letter] = {}
        known = self._consumer.list_topics(timeout=ANSWER_TIMEOUT_S).topics
        for partition in sorted(known[REJECTED].partitions) if REJECTED in known else ():
            for message in self._records(extent_of(self._consumer, REJECTED, partition)):
                try:
                    event = self.codec.decode(message.value(), EventRejected)
                except Undecodable:
                    continue  # not ours: `playhead replay verify` names it
                letter = Letter(event, partition, message.offset() or 0)
                letters.setdefault(letter.position, letter)  # published twice: the first wins
        return list(letters.values())

    def _copies(self, letters: Sequence[Letter]) -> tuple[Copies, dict[Partition, int]]:
        """Find where letters were put back, and when that was first done in each lane."""
        marks: defaultdict[Partition, dict[bytes, Letter]] = defaultdict(dict)
        for letter in letters:
            if letter.event.topic not in INBOX_TOPICS:
                topic, partition, _ = letter.position
                marks[topic, partition][retry_mark(letter.event).encode()] = letter
        copies: defaultdict[RecordAt, list[int]] = defaultdict(list)
        since_ms: dict[Partition, int] = {}
        for lane, of_lane in marks.items():
            start = min(letter.event.offset for letter in of_lane.values()) + 1
            for message in self._records(extent_of(self._consumer, *lane, start)):
                mark = dict(message.headers() or ()).get(RETRY)
                letter_put_back = of_lane.get(mark) if isinstance(mark, bytes) else None
                if letter_put_back is not None:
                    copies[letter_put_back.position].append(message.offset() or 0)
                    since_ms.setdefault(lane, message.timestamp()[1])
        return copies, since_ms

    def _closed(
        self,
        letters: Sequence[Letter],
        copies: Mapping[RecordAt, Sequence[int]],
        since_ms: Mapping[Partition, int],
    ) -> frozenset[RecordAt]:
        """Find those records that were put back and whose step has closed its outcome."""
        offsets: defaultdict[tuple[str, str, int], set[int]] = defaultdict(set)
        for letter in letters:
            topic, partition, _ = letter.position
            offsets[letter.event.step, topic, partition].update(copies.get(letter.position, ()))
        closed: set[RecordAt] = set()
        for (name, topic, partition), of_lane in offsets.items():
            if not of_lane:
                continue
            for record in step(name).writes:
                extent = extent_since(
                    self._consumer, topic_of(record), partition, since_ms[topic, partition]
                )
                for message in self._records(extent):
                    cause = self._closed_cause(message)
                    if cause and cause[:2] == (topic, partition) and cause[2] in of_lane:
                        closed.add(cause)
        return frozenset(closed)

    def _closed_cause(self, message: Message) -> RecordAt | None:
        """Return the input whose outcome a record closes; None for any other record."""
        try:
            event = self.codec.decode_any(message.value())
        except Undecodable:
            return None
        if not isinstance(event, Event) or event.meta.cause is None or not event.meta.last:
            return None
        return event.meta.cause.topic, event.meta.cause.partition, event.meta.cause.offset

    def _records(self, extent: Extent) -> Iterator[Message]:
        return records(self._consumer, [extent])
