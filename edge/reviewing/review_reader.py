"""Reading a tenant's review queue from the log: each time, what came since the last time.

The queue is kept for as long as the process lives and is never written anywhere. Whoever asks gets
it as the log stands at that moment, so a judgement is in it once the broker has it, whichever
gateway took it. A tenant's lanes alone are read; a long history takes several calls, each of
which goes on where the last one stopped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Protocol

from confluent_kafka import KafkaException

from agents.errors import Transient
from schemas import (
    AnswerJudged,
    AnswerReleased,
    AnswerRetracted,
    ConfigurationSet,
    Effect,
    Event,
    QueryRewritten,
    ReadTurns,
    Turn,
    Turns,
)
from schemas.registry import RegistryAway
from streams.log import reading
from streams.log.codec import Codec, Undecodable
from streams.log.configuration import parsed_content
from streams.log.lanes import lanes
from streams.log.offsets import Extent, Partition, extent_of
from streams.operations.reviews.review_queue import ReviewQueue
from streams.running.admit import admit
from streams.running.producer_proof import Holds
from streams.settings import Settings
from streams.topics import topic_of

NAME = "reviews"
READ_S = 5.0  # of one call: a proxy waits for longer, and a reviewer hardly
SILENCE_S = 10.0
OF_A_LANE: tuple[type[Event], ...] = (AnswerReleased, AnswerRetracted, AnswerJudged)
CONFIGURATIONS: Partition = (topic_of(ConfigurationSet), 0)


class ReadsReviews(Protocol):
    """What the gateway needs of the log for reviews."""

    def queue(self, tenant: str) -> ReviewQueue:
        """Return a tenant's queue as the log stands; may block. Raises Transient."""

    def turns(self, query: QueryRewritten) -> tuple[Turn, ...]:
        """Return the conversation before a question, as the step that rewrote it read it."""


@dataclass
class _Followed:
    """A tenant's queue, and from where its partitions are read on."""

    queue: ReviewQueue
    positions: dict[Partition, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class ReviewReader:
    """Reads reviews from Kafka; may be asked from any thread."""

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        *,
        holds: Holds,
        new_consumer: Callable[..., Any] = reading.new_consumer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._holds = holds
        self._codec = codec
        self._new_consumer = new_consumer
        self._clock = clock
        self._lock = threading.Lock()
        self._tenants: dict[str, _Followed] = {}
        self._configurations: dict[str, Mapping[str, Any]] = {}
        self._configurations_to = 0

    def queue(self, tenant: str) -> ReviewQueue:
        """Return a tenant's queue as the log stands; may block. Raises Transient."""
        with self._lock:
            followed = self._tenants.setdefault(tenant, self._new(tenant))
        with followed.lock:
            try:
                return self._read_on(tenant, followed)
            except (KafkaException, TimeoutError) as error:
                raise Transient(
                    f"the log can't be read at the moment ({type(error).__name__}): try again"
                ) from None
            except RegistryAway as error:
                raise Transient(str(error)) from None

    def turns(self, query: QueryRewritten) -> tuple[Turn, ...]:
        """Return the conversation before a question, as the step that rewrote it read it."""
        return turns_of(self._codec, query.meta.effects)

    def _new(self, tenant: str) -> _Followed:
        return _Followed(ReviewQueue(tenant, self._configurations.get))

    # ------------------------------------------------------------------ on, from where it stood

    def _read_on(self, tenant: str, followed: _Followed) -> ReviewQueue:
        consumer = self._new_consumer(self._settings, NAME)
        try:
            self._read_configurations(consumer)
            extents = self._extents(consumer, tenant, followed)
            deadline = self._clock() + READ_S
            with closing(reading.records(consumer, extents, SILENCE_S)) as messages:
                for message in messages:
                    self._take(followed, tenant, message)
                    if self._clock() > deadline:
                        raise Transient(_still_read(extents, followed.positions))
            followed.positions |= {(one.topic, one.partition): one.end for one in extents}
            return followed.queue
        finally:
            consumer.close()

    def _extents(self, consumer: Any, tenant: str, followed: _Followed) -> list[Extent]:
        """Ask what is to be read; where a topic was made anew, all of each."""
        places = [
            (topic_of(kind), lane)
            for kind in OF_A_LANE
            for lane in lanes(tenant, self._settings.partitions)
        ]
        extents = [extent_of(consumer, *at, followed.positions.get(at, 0)) for at in places]
        if any(one.end < followed.positions.get((one.topic, one.partition), 0) for one in extents):
            followed.positions.clear()
            followed.queue = self._new(tenant).queue
            return [extent_of(consumer, *at) for at in places]
        return extents

    def _take(self, followed: _Followed, tenant: str, message: Any) -> None:
        at = message.topic(), message.partition()
        if message.key() == tenant.encode():
            kind = next(one for one in OF_A_LANE if topic_of(one) == at[0])
            event = self._opened(kind, message)
            if event is not None:
                followed.queue.take(event)
        followed.positions[at] = message.offset() + 1

    def _opened(self, kind: type[Event], message: Any) -> Event | None:
        try:
            event = admit(self._codec, kind, message.value(), message.key(), message.partition())
        except Undecodable:
            return None  # no record of ours, or not where its tenant's lie
        return event if self._holds(message, event.meta.tenant) else None

    def _read_configurations(self, consumer: Any) -> None:
        """Learn of configurations first: a record names the one that it was written under."""
        with self._lock:
            extent = extent_of(consumer, *CONFIGURATIONS, self._configurations_to)
            if extent.end < self._configurations_to:
                extent = extent_of(consumer, *CONFIGURATIONS)
            for message in reading.records(consumer, [extent], SILENCE_S):
                try:
                    told = self._codec.decode(message.value(), ConfigurationSet)
                    self._configurations[told.digest] = parsed_content(told.content, told.digest)
                except (Undecodable, ValueError):
                    continue  # what its own digest does not name draws nothing
            self._configurations_to = extent.end


def turns_of(codec: Codec, effects: Iterable[Effect]) -> tuple[Turn, ...]:
    """Return the turns that a step read, oldest first; none where it read none."""
    return tuple(turn for turns in _read_turns(codec, effects) for turn in turns.turns)


def _read_turns(codec: Codec, effects: Iterable[Effect]) -> Iterator[Turns]:
    for effect in effects:
        if effect.kind == ReadTurns.SCHEMA and effect.response is not None:
            try:
                yield codec.decode(effect.response, Turns)
            except Undecodable:
                continue


def _still_read(extents: Iterable[Extent], positions: Mapping[Partition, int]) -> str:
    left = sum(
        one.end - max(one.begin, positions.get((one.topic, one.partition), 0)) for one in extents
    )
    return (
        f"the answers so far are still being read from the log, {left:,} records to go: try again"
    )
