"""Publishing requests: each to its topic and lane, and word of it once the broker has it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

import httpx
from confluent_kafka import KafkaException
from confluent_kafka.schema_registry.error import SchemaRegistryError

from agents.errors import Permanent, Transient
from schemas import Event
from streams.log.addressing import address_of
from streams.log.codec import Codec
from streams.log.producer_signature import NO_KEY, SIGNED, SignedRecord, proof_of, signer_of
from streams.log.writing import DELIVERY_TIMEOUT_S, Position, QueueFull, Writer
from streams.settings import Settings

WORD_TIMEOUT_S = DELIVERY_TIMEOUT_S + 5.0
"""How long to wait for word of a request: the client gives up before."""

REGISTRY_AWAY = (OSError, httpx.TransportError, SchemaRegistryError)
"""How the registry's client says that it got no answer, or none of use."""


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

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        *,
        client: str,
        writer: Writer | None = None,
        must_sign: Callable[[], bool] = lambda: False,
    ) -> None:
        """`must_sign` says whether an unsigned request would be rejected by its step."""
        self._must_sign = must_sign
        self._codec = codec
        self._writer = writer or Writer(settings, f"playhead-{client}")
        self._signer = signer_of(settings)
        self._unsent = 0
        self._lock = threading.Lock()

    def send(self, event: Event) -> Future[Position]:
        """Publish; the future ends once the broker has it, or with Transient.

        Raises Transient at once where the queue to the broker is full or the registry is away, and
        Permanent where the log does not take the record, for its size, say.
        """
        topic, lane, key, headers = address_of(event)
        try:
            value = self._codec.encode(event)
            if self._signer is None and topic in SIGNED and self._must_sign():
                raise Transient(NO_KEY)
            record = SignedRecord(topic, key, value, event.meta.tenant)
            headers = (*headers, *proof_of(self._signer, record))
            written = self._writer.write(topic, lane, key, value, headers)
        except REGISTRY_AWAY as error:
            raise Transient(f"the schema registry is away: {type(error).__name__}") from None
        except QueueFull as error:
            raise Transient(str(error)) from None
        except KafkaException as error:
            raise Permanent(f"{topic} does not take the record: {error}") from None
        word: Future[Position] = Future()
        # running: who waits no longer (its limit passed, the gateway stops) can't cancel it
        word.set_running_or_notify_cancel()
        self._count(1)
        written.add_done_callback(lambda done: self._tell(word, topic, done))
        return word

    @property
    def unsent(self) -> int:
        """Records that the broker has not acknowledged yet."""
        return self._unsent

    def close(self) -> None:
        """Wait for what is under way, then stop."""
        self._writer.close()

    def _tell(self, word: Future[Position], topic: str, done: Future[Position]) -> None:
        self._count(-1)
        error = done.exception()
        if error is None:
            word.set_result(done.result())
            return
        name = error.args[0].name() if isinstance(error, KafkaException) else type(error).__name__
        word.set_exception(
            Transient(f"the broker did not take a record of {topic} ({name}): try again")
        )

    def _count(self, change: int) -> None:
        with self._lock:
            self._unsent += change
