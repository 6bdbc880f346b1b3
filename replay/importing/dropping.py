"""Have a broker drop the first records of a partition, also where it is compacted.

A broker drops nothing of a topic that is compacted alone, so for that moment it is both. A process
that ends in that moment leaves it so, and no worker starts beside such a topic; hence the next
import puts it back.

A broker takes a setting over a moment after it was acknowledged: its controller has written it
down, and each broker learns of it then. Until this one tells of it, nothing goes on that rests on
it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import (  # exported, though not to type checkers
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from streams.log.topic_settings import settings_of

ANSWER_S = 60.0  # for the broker to drop records or to change a setting: milliseconds
POLL_S = 0.05
POLICY, COMPACTED, BOTH = "cleanup.policy", "compact", "compact,delete"


def drop_before(
    admin: AdminClient, topic: str, partition: int, offset: int, patience_s: float = ANSWER_S
) -> None:
    """Let a partition begin at an offset; raises KafkaException, or TimeoutError."""
    is_compacted = settings_of(admin, [topic])[topic][POLICY] == COMPACTED
    place = TopicPartition(topic, partition, offset)
    if is_compacted:
        _set_policy(admin, topic, BOTH, patience_s)
    try:
        _drop(admin, place, patience_s=patience_s if is_compacted else 0.0)
    finally:
        if is_compacted:
            _set_policy(admin, topic, COMPACTED, patience_s)


def put_back(admin: AdminClient, compacted: Iterable[str]) -> None:
    """Have topics be compacted alone that an import which was cut off left otherwise."""
    for topic, settings in settings_of(admin, compacted).items():
        if set(settings[POLICY].split(",")) == set(BOTH.split(",")):
            _set_policy(admin, topic, COMPACTED)


def _drop(admin: AdminClient, place: TopicPartition, *, patience_s: float) -> None:
    """Drop what lies before a place; by its policy the broker may refuse it for so long.

    The partition's leader may be another broker than the one that told of the policy.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            admin.delete_records([place])[place].result(ANSWER_S)
        except KafkaException as error:
            refused = error.args[0].code() == KafkaError.POLICY_VIOLATION
            if not refused or time.monotonic() >= deadline:
                raise
            time.sleep(POLL_S)
        else:
            return


def _set_policy(admin: AdminClient, topic: str, policy: str, patience_s: float = ANSWER_S) -> None:
    """Set a topic's policy and wait until the broker tells of it."""
    resource = ConfigResource(
        ConfigResource.Type.TOPIC,
        topic,
        incremental_configs=[
            ConfigEntry(POLICY, policy, incremental_operation=AlterConfigOpType.SET)
        ],
    )
    admin.incremental_alter_configs([resource])[resource].result(ANSWER_S)
    deadline = time.monotonic() + patience_s
    while (told := settings_of(admin, [topic])[topic][POLICY]) != policy:
        if time.monotonic() >= deadline:
            raise TimeoutError(
                f"the broker took {POLICY}={policy} for {topic} and still tells {told} after "
                f"{patience_s:g} s: see its log, and call this again"
            )
        time.sleep(POLL_S)
