"""The two topics of configurations on the broker: what stands there, and a further choice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException
from msgspec.structs import replace

from schemas import ConfigurationActivated, ConfigurationSet, Meta, StepVersion
from streams.log.activations import Activations, Lying, activations_of, contents_of
from streams.log.clock import now_us
from streams.log.codec import Codec
from streams.log.configuration import Configuration
from streams.log.ids import request_id
from streams.log.offsets import end_of, extent_of
from streams.log.reading import new_consumer, records
from streams.log.setup import configuration_records
from streams.log.writing import Position, Writer
from streams.settings import Settings
from streams.topics import topic_of
from streams.version import CODE

CONTENTS, CHOICES = topic_of(ConfigurationSet), topic_of(ConfigurationActivated)
_NO_TOPIC = frozenset(
    {KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART}  # noqa: SLF001 - public
)


class ConfigurationLog:
    """Reads configurations and choices from the broker. Not to be used by two threads at once.

    Every method raises KafkaException or TimeoutError where the broker does not answer, and
    `schemas.registry.RegistryAway` where the registry does not.
    """

    def __init__(self, settings: Settings, codec: Codec, consumer: Consumer | None = None) -> None:
        self._codec = codec
        self._consumer = consumer or new_consumer(settings, "configuration")

    def end(self) -> int | None:
        """Return how many choices were written; None where there is no topic for them."""
        try:
            return end_of(self._consumer, CHOICES, 0)
        except KafkaException as error:
            if error.args[0].code() in _NO_TOPIC:
                return None
            raise

    def read(self) -> Activations:
        """Read what stands there now. The choices first: what they name was written before them."""
        choices = list(self._records(CHOICES)) if self.end() is not None else []
        contents = contents_of(self._records(CONTENTS), self._codec)
        return activations_of(choices, contents, self._codec)

    def _records(self, topic: str) -> Iterator[Lying]:
        with closing(records(self._consumer, [extent_of(self._consumer, topic, 0)])) as messages:
            for message in messages:
                yield Lying(cast(int, message.offset()), message.key(), message.value())

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()


def activation(choice: ConfigurationActivated, fingerprint: str) -> ConfigurationActivated:
    """Give a choice its meta; one fingerprint is one choice."""
    request = request_id("", f"activated|{choice.step}|{fingerprint}")
    meta = Meta(
        id=request,
        tenant="",
        lane=0,
        request=request,
        session="",
        at=now_us(),
        step=StepVersion(name="operator", code=CODE, configuration=""),
    )
    return replace(choice, meta=meta)


def put_choice(
    writer: Writer, codec: Codec, choice: ConfigurationActivated, content: Configuration | None
) -> Position:
    """Write a choice, and before it what it chooses.

    The content is acknowledged first, so that no choice names what the log does not hold. Raises
    KafkaException, QueueFull, TimeoutError where the broker does not take one of them, and
    RecordTooLarge.
    """
    if content is not None:
        writer.write_all(
            (CONTENTS, 0, record.digest.encode(), codec.encode(record), ())
            for record in configuration_records({content.step: content})
        )
    entry = CHOICES, 0, choice.step.encode(), codec.encode(choice), ()
    [position] = writer.write_all([entry])
    return position
