"""Publishing requests: each to its topic and lane, and word of it once the broker has it."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

import confluent_kafka
import httpx
from confluent_kafka import KafkaException
from confluent_kafka.schema_registry.error import SchemaRegistryError

from agents.errors import Permanent, Transient
from schemas import Event
from streams.log.codec import Codec
from streams.settings import Settings
from streams.topics import topic_of

DELIVERY_TIMEOUT_S = 15.0
"""How long the broker may take before a request counts as not taken in."""
WORD_TIMEOUT_S = DELIVERY_TIMEOUT_S + 5.0
"""How long to wait for word of a request: the client gives up before."""
UNSENT_MAX = 10_000
"""Records that may wait for the broker; then no more are taken in."""
UNSENT_KIB_MAX = 65_536
"""The same by size, 64 MiB: larger documents travel by claim check."""

REGISTRY_AWAY = (OSError, httpx.TransportError, SchemaRegistryError)
"""How the registry's client says that it got no answer, or none of use."""


@dataclass(frozen=True)
class Position:
    """Where a record was written."""

    topic: str
    partition: int
    offset: int
    time_ms: int
    """The record's timestamp on the broker."""


class Publishes(Protocol):
    """What the gateway needs of a publisher."""

    def send(self, event: Event) -> Future[Position]:
        """Publish an event; the future ends once the broker has it."""

    @property
    def unsent(self) -> int:
        """Records that the broker has not acknowledged yet."""

    def close(self) -> None:
        """Wait for what is under way."""


class RequestPublisher:
    """Writes requests to Kafka."""

    def __init__(self, settings: Settings, codec: Codec, *, client: str) -> None:
        self._codec = codec
        self._kafka = confluent_kafka.Producer(
            {
                "bootstrap.servers": settings.kafka,
                "client.id": f"playhead-{client}",
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 0,  # a question waits for no other
                "delivery.timeout.ms": int(DELIVERY_TIMEOUT_S * 1_000),
                "request.timeout.ms": 10_000,
                "message.max.bytes": 1_000_000,
                "queue.buffering.max.messages": UNSENT_MAX,
                "queue.buffering.max.kbytes": UNSENT_KIB_MAX,
                "log_level": 2,
            }
        )
        self._open = True
        self._poller = threading.Thread(target=self._poll, name="deliveries", daemon=True)
        self._poller.start()

    def send(self, event: Event) -> Future[Position]:
        """Publish; the future ends once the broker has it, or with Transient.

        Raises Transient at once where the queue to the broker is full or the registry is away, and
        Permanent where the client does not take the record, for its size, say.
        """
        topic, meta = topic_of(event), event.meta
        word: Future[Position] = Future()
        try:
            self._kafka.produce(
                topic,
                value=self._codec.encode(event),
                key=meta.tenant.encode(),
                partition=meta.lane,
                headers=[
                    ("id", meta.id.encode()),
                    ("request", meta.request.encode()),
                    ("traceparent", meta.trace.encode()),
                ],
                on_delivery=lambda error, message: _tell(word, topic, error, message),
            )
        except REGISTRY_AWAY as error:
            raise Transient(f"the schema registry is away: {type(error).__name__}") from None
        except BufferError:
            raise Transient("too many records wait for the broker: try again shortly") from None
        except KafkaException as error:
            raise Permanent(f"{topic} does not take the record: {error}") from None
        return word

    @property
    def unsent(self) -> int:
        """Records that the broker has not acknowledged yet."""
        return len(self._kafka)

    def close(self, timeout_s: float = 10.0) -> None:
        """Wait for what is under way, then stop."""
        if self._open:
            self._kafka.flush(timeout_s)
            self._open = False
            self._poller.join()

    def _poll(self) -> None:
        while self._open:
            self._kafka.poll(0.1)


def _tell(word: Future[Position], topic: str, error: Any, message: Any) -> None:
    if error is not None:
        away = f"the broker did not take a record of {topic} ({error.name()}): try again"
        word.set_exception(Transient(away))
    else:
        place = message.partition(), message.offset(), message.timestamp()[1]
        word.set_result(Position(topic, *place))
