"""Whether topics and brokers are as they must be: shape and settings, compared at every start.

A topic that keeps too little loses the log without a word, and one that takes smaller records than
the others ends each writer that meets it. So whoever reads or writes compares first, and waits
aloud until an operator has mended the topic. What only costs (compression, say) is not compared.

Brokers that forget early how far a group has come are told of and not waited for: not everybody can
change that, and a position that was lost is refused where it would repeat (`read_back`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource  # exported, though not to type checkers
from confluent_kafka.cimpl import NewTopic

from streams.log.writing import RECORD_BYTES_MAX
from streams.watching.logs import logger

log = logger("settings of the broker")

ANSWER_TIMEOUT_S = 15.0  # of the broker, to a question about its topics
WORD_S = 2 * ANSWER_TIMEOUT_S
"""For the client's word of it: one was seen that said nothing in five minutes."""
ASKED_MAX = 3
"""How often a question is asked of which the client says nothing."""
BATCH_BYTES = 8_192  # of a batch, around its records
RECORD_BYTES_NEEDED = RECORD_BYTES_MAX + BATCH_BYTES
OFFSETS_RETENTION = "offsets.retention.minutes"
OFFSETS_KEPT_MIN = 525_600
"""A year, in minutes: of a step that was off for less nothing may be forgotten."""


class WrongTopic(ValueError):
    """A topic exists in another shape than the table says."""


def check_count(topic: NewTopic, count: int) -> None:
    """Check how many partitions a topic has; raises WrongTopic."""
    if count != topic.num_partitions:
        raise WrongTopic(
            f"{topic.topic} has {count} partitions, the settings say {topic.num_partitions}: the "
            "count is chosen once; set PLAYHEAD_PARTITIONS to it"
        )


def check_settings(topic: NewTopic, settings: Mapping[str, str]) -> None:
    """Check the broker's settings of a topic; raises WrongTopic, which names the first wrong one.

    A setting that the broker does not tell is not compared.
    """
    for name, holds in _rules(topic.config or {}).items():
        value = settings.get(name)
        wanted, fits = holds
        if value is not None and not fits(value):
            raise WrongTopic(
                f"{topic.topic} has {name}={value}, it must be {wanted}: change it with "
                f"kafka-configs --alter --entity-type topics --entity-name {topic.topic} "
                f"--add-config {name}={wanted.split()[-1]}"
            )


def settings_of(
    admin: AdminClient, topics: Iterable[str], word_s: float = WORD_S
) -> dict[str, dict[str, str]]:
    """Ask the broker for the settings of topics that it has.

    Raises KafkaException, or TimeoutError where the client says nothing again and again.
    """
    resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in topics]
    if not resources:
        return {}
    for _ in range(ASKED_MAX):
        told = admin.describe_configs(resources, request_timeout=ANSWER_TIMEOUT_S)
        try:
            return {
                resource.name: {entry.name: entry.value for entry in future.result(word_s).values()}
                for resource, future in told.items()
            }
        except TimeoutError:
            log.warning("nothing is heard of the settings of topics, asking again")
    raise TimeoutError(f"the broker's client told nothing of {len(resources)} topics")


def tell_of_forgetful_brokers(admin: AdminClient) -> int:
    """Warn where brokers forget the offsets of a group that is away for less than a year.

    Returns how many do. Any of them may keep a group's; one that does not tell is not compared.
    """
    try:
        nodes = admin.describe_cluster(request_timeout=ANSWER_TIMEOUT_S).result(WORD_S).nodes
    except (KafkaException, TimeoutError):
        return 0
    kept = {node.id: _offsets_kept_min(admin, node.id) for node in nodes}
    short = {broker: each for broker, each in kept.items() if each < OFFSETS_KEPT_MIN}
    if short:
        log.warning(
            "the broker forgets how far a step has come when its workers are away for so long; "
            "then lanes are refused or begin anew: set offsets.retention.minutes to a year or more",
            brokers=sorted(short),
            days=round(min(short.values()) / 1_440, 1),
        )
    return len(short)


def _offsets_kept_min(admin: AdminClient, broker: int) -> float:
    """Ask one broker, since only itself answers for its settings; infinity where it does not."""
    resource = ConfigResource(ConfigResource.Type.BROKER, str(broker))
    try:
        [told] = admin.describe_configs([resource], request_timeout=ANSWER_TIMEOUT_S).values()
        return int(told.result(WORD_S)[OFFSETS_RETENTION].value)
    except (KafkaException, TimeoutError, KeyError, TypeError, ValueError):
        return math.inf


SettingRule = tuple[str, Callable[[str], bool]]
"""What a setting must be, in words that end with a value, and whether a value is that."""


def _rules(wanted: Mapping[str, Any]) -> dict[str, SettingRule]:
    rules: dict[str, SettingRule] = {
        "max.message.bytes": (
            f"at least {RECORD_BYTES_NEEDED}",
            lambda value: int(value) >= RECORD_BYTES_NEEDED,
        ),
        "retention.bytes": ("-1", lambda value: value == "-1"),
        "cleanup.policy": (
            policy := str(wanted["cleanup.policy"]),
            lambda value: value == policy,
        ),
    }
    if policy == "delete":
        kept_ms = int(wanted["retention.ms"])
        rules["retention.ms"] = (
            "-1" if kept_ms < 0 else f"at least {kept_ms}",
            lambda value: int(value) < 0 or 0 <= kept_ms <= int(value),
        )
    return rules
