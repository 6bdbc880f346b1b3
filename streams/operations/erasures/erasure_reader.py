"""Reading from the broker what the log says of erasures, and what it holds of a person.

Every function raises KafkaException or TimeoutError where the broker does not answer, and
`schemas.registry.RegistryAway` where the registry does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from schemas import Event
from streams.log.codec import Codec, Undecodable
from streams.log.offsets import Extent, extent_of
from streams.log.reading import new_consumer, records
from streams.operations.erasures.erasure_log import TELLING, ErasureLog
from streams.operations.erasures.held_people import HeldPeople
from streams.operations.erasures.holdings import FIRST, SECOND, ErasedPerson, Holdings
from streams.running.admit import admit
from streams.running.producer_proof import Holds
from streams.settings import Settings
from streams.topics import topic, topic_of
from streams.watching.logs import logger

log = logger("erasures")
NAME = "erasures"
_NO_TOPIC = frozenset(
    {KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART}  # noqa: SLF001 - public
)


OpenConsumer = Callable[[Settings, str], Consumer]


def told_of_erasures(
    settings: Settings,
    codec: Codec,
    open_consumer: OpenConsumer = new_consumer,
    *,
    holds: Holds,
) -> ErasureLog:
    """Read what was asked, done, refused and held of people, as far as `holds` believes it."""
    log = ErasureLog()
    with closing(open_consumer(settings, NAME)) as consumer:
        for kind in TELLING:
            for event, message in _events(consumer, codec, settings, kind, b"", holds):
                log.take(event, *_place(message))
    return log


def holdings_of(
    settings: Settings,
    codec: Codec,
    person: ErasedPerson,
    is_subject: Callable[[str], bool],
    held: HeldPeople,
    open_consumer: OpenConsumer = new_consumer,
    *,
    holds: Holds,
) -> Holdings:
    """Read what there is of a person; `held` are those of the tenant whom legal holds keep.

    What `holds` does not believe is nobody's: else whoever may write to a topic could say of a
    document of others that it is the person's.
    """
    found = Holdings(person, codec, is_subject, held)
    key = person.tenant.encode()
    with closing(open_consumer(settings, NAME)) as consumer:
        for kinds, take in ((FIRST, found.take_first), (SECOND, found.take_second)):
            for kind in kinds:
                for event, _ in _events(consumer, codec, settings, kind, key, holds):
                    take(event)
    return found


def _events(
    consumer: Consumer,
    codec: Codec,
    settings: Settings,
    kind: type[Event],
    key: bytes,
    holds: Holds,
) -> Iterator[tuple[Event, Message]]:
    """Read a topic in all lanes, of one tenant if its key is given.

    A tenant has one lane, but who writes without the edge may use more.
    """
    name = topic_of(kind)
    lanes = range(settings.partitions if topic(name).partitioned else 1)
    for lane in lanes:
        with closing(records(consumer, _extents(consumer, name, lane))) as messages:
            for message in messages:
                if not key or message.key() == key:
                    event = event_of(codec, kind, message, holds)
                    if event is not None:
                        yield event, message


def _extents(consumer: Consumer, name: str, lane: int) -> Iterable[Extent]:
    """Return what there is of a lane: nothing of a topic that an older stack has not."""
    try:
        return [extent_of(consumer, name, lane)]
    except KafkaException as error:
        if error.args[0].code() in _NO_TOPIC:
            return []
        raise


def event_of(codec: Codec, kind: type[Event], message: Message, holds: Holds) -> Event | None:
    """Open a record by the gate of the steps; None for what is no record of ours.

    Nor is one that nobody proved: what destroys keys is believed no sooner than a question.
    """
    try:
        event = admit(codec, kind, message.value(), message.key(), _place(message)[1])
    except Undecodable:
        return None
    if holds(message, event.meta.tenant):
        return event
    if kind in TELLING:  # of what a step reads, a dead letter says so
        name, lane, offset = _place(message)
        log.warning("nobody proved who wrote this", topic=name, partition=lane, offset=offset)
    return None


def _place(message: Message) -> tuple[str, int, int]:
    return (
        cast(str, message.topic()),
        cast(int, message.partition()),
        cast(int, message.offset()),
    )
