"""Have a broker drop the first records of a partition, also where it is compacted.

A broker drops nothing of a topic that is compacted alone, so for that moment it is both. A process
that ends in that moment leaves it so, and no worker starts beside such a topic; hence the next
import puts it back.
"""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import (  # exported, though not to type checkers
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from streams.log.topic_settings import settings_of

ANSWER_S = 60.0  # for the broker to drop records or to change a setting: milliseconds
POLICY, COMPACTED, BOTH = "cleanup.policy", "compact", "compact,delete"


def drop_before(admin: AdminClient, topic: str, partition: int, offset: int) -> None:
    """Let a partition begin at an offset; raises KafkaException."""
    is_compacted = settings_of(admin, [topic])[topic][POLICY] == COMPACTED
    place = TopicPartition(topic, partition, offset)
    if is_compacted:
        _set_policy(admin, topic, BOTH)
    try:
        admin.delete_records([place])[place].result(ANSWER_S)
    finally:
        if is_compacted:
            _set_policy(admin, topic, COMPACTED)


def put_back(admin: AdminClient, compacted: Iterable[str]) -> None:
    """Have topics be compacted alone that an import which was cut off left otherwise."""
    for topic, settings in settings_of(admin, compacted).items():
        if set(settings[POLICY].split(",")) == set(BOTH.split(",")):
            _set_policy(admin, topic, COMPACTED)


def _set_policy(admin: AdminClient, topic: str, policy: str) -> None:
    resource = ConfigResource(
        ConfigResource.Type.TOPIC,
        topic,
        incremental_configs=[
            ConfigEntry(POLICY, policy, incremental_operation=AlterConfigOpType.SET)
        ],
    )
    admin.incremental_alter_configs([resource])[resource].result(ANSWER_S)
