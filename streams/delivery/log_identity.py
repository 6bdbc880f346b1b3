"""Is the log of a lane still the one of which was committed?

A group keeps offsets, and nothing of what lies there. A topic that was deleted and made anew, or
that lost its tail, counts its offsets once more; as long as it ends before the committed one the
broker says so itself, but once it has grown beyond, a lane would go on in the middle of other
records and never read those before. So what is committed names the topic, by the id that the broker
gave it, and the last record that was finished, by a fingerprint (see `progress`); whoever takes a
lane over holds both against the log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicCollection
from confluent_kafka.admin import AdminClient

from streams.delivery.lane import Lane, Place
from streams.delivery.progress import Progress
from streams.log.broker_access import client_settings
from streams.log.offsets import ANSWER_TIMEOUT_S, Extent, extent_of
from streams.log.reading import records
from streams.settings import Settings
from streams.watching.logs import logger

log = logger("lane")

WHAT_TO_DO = (
    "Nothing of it is read, so nothing is lost: stop the workers, choose where to go on with "
    "kafka-consumer-groups --reset-offsets, then start them"
)

MADE_ANEW = "its topic was deleted and made anew"


class Committed(NamedTuple):
    """What was committed of a lane."""

    topic: str
    partition: int
    told: Progress


def displace(lane: Lane, reason: str) -> None:
    """Read a lane no further, and say why; it is told of until an operator has decided.

    It counts as stuck (`playhead.lane.stuck`), and its worker is not ready (worker/watchdog.py).
    """
    if not lane.displaced:
        lane.displaced = True
        log.error(
            "a lane is not read any further",
            reason=f"{reason}. {WHAT_TO_DO}",
            topic=lane.topic,
            lane=lane.partition,
            committed=lane.base,
        )


def fingerprint(message: Message) -> str:
    """Tell a record from every other one that might lie in its place: 16 hex digits."""
    digest = hashlib.blake2b(message.value() or b"", key=(message.key() or b"")[:64], digest_size=8)
    return digest.hexdigest()


def topic_ids(settings: Settings, topics: Collection[str]) -> dict[str, str]:
    """Ask the broker which topics these are; one that there is not has no id.

    Raises KafkaException or TimeoutError where it does not answer.
    """
    ids = {}
    asked = _admin(settings).describe_topics(
        TopicCollection(sorted(topics)), request_timeout=ANSWER_TIMEOUT_S
    )
    for topic, answer in asked.items():
        try:
            ids[topic] = str(answer.result(2 * ANSWER_TIMEOUT_S).topic_id)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
    return ids


@cache
def _admin(settings: Settings) -> AdminClient:
    """Keep one client for all that a process asks, each of its threads included."""
    return AdminClient({**client_settings(settings), "log_level": 0})


def other_logs(
    consumer: Consumer, committed: Iterable[Committed], ids: Mapping[str, str]
) -> dict[Place, str]:
    """Say of which lanes the log is another one, and how that shows.

    Raises KafkaException or TimeoutError where the broker does not answer.
    """
    reasons: dict[Place, str] = {}
    last: dict[Place, tuple[int, str]] = {}
    for topic, partition, told in committed:
        if told.topic and ids.get(topic, told.topic) != told.topic:
            reasons[topic, partition] = MADE_ANEW
        elif told.last is not None:
            last[topic, partition] = told.last
    prints = _prints(consumer, {place: offset for place, (offset, _) in last.items()})
    for place, (offset, known) in last.items():
        if place in prints and prints[place] != known:
            reasons[place] = (
                f"another record lies at offset {offset} than the one that was finished there: the "
                "topic lost its tail and has grown again, or was made anew"
            )
    return reasons


def _prints(consumer: Consumer, offsets: Mapping[Place, int]) -> dict[Place, str]:
    """Read the fingerprints of single records; of one that is gone from the front there is none."""
    prints: dict[Place, str] = {}
    extents = []
    for (topic, partition), offset in offsets.items():
        whole = extent_of(consumer, topic, partition)
        if offset >= whole.end:
            prints[topic, partition] = "nothing"
        elif offset >= whole.begin:
            prints[topic, partition] = "nothing"  # until it is read
            extents.append(Extent(topic, partition, offset, offset + 1))
    for message in records(consumer, extents):
        prints[message.topic() or "", message.partition() or 0] = fingerprint(message)
    return prints
