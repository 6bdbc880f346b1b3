"""Prepare broker and registry: topics, schemas, configuration. Idempotent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas import ConfigurationSet, Meta, StepVersion
from streams.log.broker_access import client_settings
from streams.log.chosen_model import in_force
from streams.log.clock import now_us
from streams.log.codec import Codec
from streams.log.configuration import Configuration, load
from streams.log.ids import request_id
from streams.log.subjects import new_registry, subjects
from streams.log.topic_settings import (
    ANSWER_TIMEOUT_S,
    check_count,
    check_settings,
    settings_of,
    tell_of_forgetful_brokers,
)
from streams.log.writing import Writer
from streams.settings import Settings
from streams.topics import STEPS, TOPICS, Topic, changelog_of, topic_of
from streams.version import CODE

CONFIGURATION_TOPIC = topic_of(ConfigurationSet)
CHANGELOG_SEGMENT_BYTES = 2_097_152
"""2 MiB, where the default is 1 GiB: about what a takeover reads in vain of a lane of a table.
A segment must hold the largest record with its batch."""
CHANGELOG_SEGMENT_MS = 60_000
"""How long a changelog's segment is written to, where its bytes do not end it before: small rows
fill it in hours, and a takeover would read them all."""
CHANGELOG_LAG_MS = 300_000
"""How long a broker leaves a changelog's records alone: so long the true row stands beside one that
came late, for whoever takes over or mends it (see `fences` and `written_between`)."""
CHANGELOG_DROPS_MS = 3_600_000
"""How long a broker keeps what dropped a row, of which a takeover reads each: an hour, where the
default is a day. Nobody knows rows of a lane from before it came, so nobody misses the drop."""
RELEASES_DROPS_MS = 600_000
"""The same of the releases, of which each answer drops one: what comes late by more than that is
of an answer that has ended, and read by nobody."""
AHEAD_MS = str(2**63 - 1)
"""How far ahead of the broker's clock a record may be: without bound. By its default, an hour, a
worker whose host's clock is further ahead can write nothing, and holds its lanes."""
CREATE_S = 30
SHOW_S = 30.0  # until the broker shows topics that it has made
POLL_S = 0.1


def topic_configuration(topic: Topic, replication: int) -> dict[str, str]:
    """Return the broker's settings of a topic."""
    return {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(topic.retention_ms),
        # vectors stand in a record and in its effects; zstd keeps such a repeat nearly free
        "compression.type": "zstd",
        "min.insync.replicas": _replicas_in_sync(replication),
        "message.timestamp.type": "CreateTime",
        "message.timestamp.after.max.ms": AHEAD_MS,
    }


def changelog_configuration(table: str, replication: int) -> dict[str, str]:
    """Return the broker's settings of a table's changelog.

    A broker never compacts the segment that it writes to, and a takeover reads all that is left: of
    100,000 chats in segments of 64 MiB these were 390,000 records for 21,000 rows
    (docs/decisions/0109-changelogs-in-small-segments.md). How old a record is, is told by the
    broker's clock: one of a worker whose clock is ahead would keep all behind it from compaction.
    """
    drops_ms = RELEASES_DROPS_MS if table == "releases" else CHANGELOG_DROPS_MS
    return {
        "cleanup.policy": "compact",
        "segment.bytes": str(CHANGELOG_SEGMENT_BYTES),
        "segment.ms": str(CHANGELOG_SEGMENT_MS),
        "min.compaction.lag.ms": str(CHANGELOG_LAG_MS),
        "delete.retention.ms": str(drops_ms),
        "message.timestamp.type": "LogAppendTime",
        "compression.type": "zstd",
        "min.insync.replicas": _replicas_in_sync(replication),
    }


def _replicas_in_sync(replication: int) -> str:
    return "2" if replication >= 3 else "1"


def wanted(settings: Settings) -> list[NewTopic]:
    """List every topic that must exist, changelogs of tables included."""
    topics = [
        NewTopic(
            topic.name,
            num_partitions=settings.partitions if topic.partitioned else 1,
            replication_factor=settings.replication,
            config=topic_configuration(topic, settings.replication),
        )
        for topic in TOPICS
    ]
    changelogs = [
        NewTopic(
            changelog_of(table),
            num_partitions=settings.partitions,
            replication_factor=settings.replication,
            config=changelog_configuration(table, settings.replication),
        )
        for step in STEPS
        for table in step.tables
    ]
    return topics + changelogs


def missing(needed: Iterable[NewTopic], existing: Mapping[str, int]) -> list[NewTopic]:
    """Return those that a broker with these topics lacks; `existing` has their partition counts.

    Raises WrongTopic where a count differs.
    """
    absent = []
    for topic in needed:
        count = existing.get(topic.topic)
        if count is None:
            absent.append(topic)
        else:
            check_count(topic, count)
    return absent


def check_topics(admin: AdminClient, needed: Sequence[NewTopic]) -> None:
    """Check topics that exist, and what brokers keep of groups.

    Raises WrongTopic, or KafkaException where the broker refuses.
    """
    settings = settings_of(admin, [topic.topic for topic in needed])
    for topic in needed:
        check_settings(topic, settings[topic.topic])
    tell_of_forgetful_brokers(admin)


def create_topics(
    settings: Settings,
    admin: AdminClient | None = None,
    show_s: float = SHOW_S,
    poll_s: float = POLL_S,
) -> None:
    """Create what is missing and wait until the broker shows it.

    Raises WrongTopic where one exists and is not as it must be, KafkaException where the broker
    refuses, TimeoutError where it still does not show them after `show_s`.
    """
    admin = admin or AdminClient(client_settings(settings))
    needed = wanted(settings)
    absent = missing(needed, partition_counts(admin))
    check_topics(admin, [topic for topic in needed if topic not in absent])
    if not absent:
        return
    for future in admin.create_topics(absent, operation_timeout=CREATE_S).values():
        try:
            future.result(2 * CREATE_S)
        except TimeoutError:
            break  # the client says nothing of it: what the broker shows counts
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    deadline = time.monotonic() + show_s
    while {topic.topic for topic in absent} - set(partition_counts(admin)):
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"the broker does not show the new topics after {show_s:g} s: see its log"
            )
        time.sleep(poll_s)


def partition_counts(admin: AdminClient) -> dict[str, int]:
    """Ask the broker for its topics and how many partitions each has; raises KafkaException."""
    topics = admin.list_topics(timeout=ANSWER_TIMEOUT_S).topics
    return {name: len(topic.partitions) for name, topic in topics.items()}


def configuration_records(
    configured: Mapping[str, Configuration] | None = None,
) -> list[ConfigurationSet]:
    """Return the configuration of every step as what stands on the log; but for `at` the same ones.

    A record is keyed by its digest, so a repeat replaces itself.
    """
    return [
        ConfigurationSet(
            meta=Meta(
                id=(request := request_id("", f"{entry.step}|{entry.digest}")),
                tenant="",
                lane=0,
                request=request,
                session="",
                at=now_us(),
                step=StepVersion(name="setup", code=CODE, configuration=""),
            ),
            step=entry.step,
            digest=entry.digest,
            content=entry.content,
        )
        for entry in (configured or load()).values()
    ]


def setup_writer(settings: Settings) -> Writer:
    """Open what writes configurations.

    A new producer asks who it is before it writes, and asks again after half a second where there
    was no connection yet: who has other things to do opens it before these.
    """
    return Writer(settings, "playhead-setup")


def publish_configuration(
    writer: Writer,
    settings: Settings,
    codec: Codec,
    configured: Mapping[str, Configuration] | None = None,
) -> None:
    """Put every step's configuration on the log.

    Raises KafkaException where the broker does not take all of it.
    """
    writer.write_all(
        (CONFIGURATION_TOPIC, 0, record.digest.encode(), codec.encode(record), ())
        for record in configuration_records(configured or in_force(settings))
    )


def prepare(settings: Settings) -> None:
    """Create topics, register schemas and publish the configuration."""
    create_topics(settings)
    registry = new_registry(settings)
    registry.register(subjects())
    with setup_writer(settings) as writer:
        publish_configuration(writer, settings, Codec(registry))
