"""Prepare broker and registry: topics, schemas, configuration. Idempotent."""

from __future__ import annotations

import time
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas import ConfigurationSet, Meta, StepVersion
from schemas.registry import Registry
from streams.log.codec import Codec
from streams.log.configuration import load
from streams.log.ids import request_id
from streams.log.subjects import subjects
from streams.settings import Settings
from streams.topics import STEPS, TOPICS, Topic, changelog_of, topic_of
from streams.version import CODE

CONFIGURATION_TOPIC = topic_of(ConfigurationSet)


class WrongTopic(ValueError):
    """A topic exists in another shape than the table says."""


def topic_configuration(topic: Topic, replication: int) -> dict[str, str]:
    """Return the broker's settings of a topic."""
    return {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(topic.retention_ms),
        # vectors stand in a record and in its effects; zstd keeps such a repeat nearly free
        "compression.type": "zstd",
        "min.insync.replicas": "2" if replication >= 3 else "1",
        "message.timestamp.type": "CreateTime",
    }


def wanted(settings: Settings) -> list[NewTopic]:
    """List every topic that must exist, changelogs of tables included."""
    found = [
        NewTopic(
            topic.name,
            num_partitions=settings.partitions if topic.partitioned else 1,
            replication_factor=settings.replication,
            config=topic_configuration(topic, settings.replication),
        )
        for topic in TOPICS
    ]
    for step in STEPS:
        for table in step.tables:
            found.append(
                NewTopic(
                    changelog_of(table),
                    num_partitions=settings.partitions,
                    replication_factor=settings.replication,
                    config={
                        "cleanup.policy": "compact",
                        "compression.type": "zstd",
                        "min.insync.replicas": "2" if settings.replication >= 3 else "1",
                    },
                )
            )
    return found


def create_topics(settings: Settings) -> None:
    """Create what is missing; raises WrongTopic where the partitions differ from the settings."""
    admin = AdminClient({"bootstrap.servers": settings.kafka})
    needed = wanted(settings)
    existing = admin.list_topics(timeout=15).topics
    for topic in needed:
        found = existing.get(topic.topic)
        if found is not None and len(found.partitions) != topic.num_partitions:
            raise WrongTopic(
                f"{topic.topic} has {len(found.partitions)} partitions, the settings say "
                f"{topic.num_partitions}: the count is chosen once; set PLAYHEAD_PARTITIONS to it"
            )
    missing = [topic for topic in needed if topic.topic not in existing]
    if not missing:
        return
    for future in admin.create_topics(missing, operation_timeout=30).values():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    deadline = time.monotonic() + 30
    while {t.topic for t in missing} - set(admin.list_topics(timeout=15).topics):
        if time.monotonic() > deadline:
            raise TimeoutError("the broker does not show the new topics after 30 s: see its log")
        time.sleep(0.1)


def publish_configuration(settings: Settings, codec: Codec) -> None:
    """Put every step's configuration on the log; keyed by digest, so a repeat replaces itself."""
    producer = Producer(
        {"bootstrap.servers": settings.kafka, "enable.idempotence": True, "acks": "all"}
    )
    failures: list[Any] = []
    for entry in load().values():
        meta = Meta(
            id=request_id("", f"{entry.step}|{entry.digest}"),
            tenant="",
            lane=0,
            request=request_id("", f"{entry.step}|{entry.digest}"),
            session="",
            at=time.time_ns() // 1_000,
            step=StepVersion(name="setup", code=CODE, configuration=""),
        )
        record = ConfigurationSet(
            meta=meta, step=entry.step, digest=entry.digest, content=entry.content
        )
        producer.produce(
            CONFIGURATION_TOPIC,
            value=codec.encode(record),
            key=entry.digest.encode(),
            partition=0,
            on_delivery=lambda error, _: failures.append(error) if error else None,
        )
    if producer.flush(30) or failures:
        raise TimeoutError(f"the broker did not take the configuration: {failures or 'no answer'}")


def prepare(settings: Settings) -> None:
    """Create topics, register schemas and publish the configuration."""
    create_topics(settings)
    registry = Registry(settings.registry)
    registry.register(subjects())
    publish_configuration(settings, Codec(registry))
