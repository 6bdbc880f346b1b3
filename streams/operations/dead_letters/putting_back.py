"""Put dead letters back: the bytes that were rejected, once more on their topic and lane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from confluent_kafka import KafkaException, Message, Producer

from schemas import Event, EventRejected
from streams.delivery.history import RETRY
from streams.log.codec import Codec, Undecodable
from streams.settings import Settings

DELIVERY_TIMEOUT_S = 15.0  # for the broker to acknowledge what is put back


class Copy(NamedTuple):
    """A record as it is put back."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def retry_mark(event: EventRejected) -> str:
    """Name the rejected run, as the header of a record that is put back does."""
    cause = event.meta.cause
    unread = cause is None or not event.meta.tenant
    return f"{0 if unread else event.meta.attempt}@{event.offset}"


def copy_of(codec: Codec, event: EventRejected) -> Copy:
    """Return the rejected record with its own headers, as far as they are known, and the mark."""
    headers = [(RETRY, retry_mark(event).encode())]
    try:
        record = codec.decode_any(event.value)
    except Undecodable:
        pass
    else:
        if isinstance(record, Event):
            headers += [
                ("id", record.meta.id.encode()),
                ("request", record.meta.request.encode()),
                ("traceparent", record.meta.trace.encode()),
            ]
    return Copy(event.topic, event.partition, event.key, event.value, tuple(headers))


def put_back(settings: Settings, copies: Sequence[Copy]) -> list[int]:
    """Publish records in their order; return the offset of each.

    Raises KafkaException where the broker refuses one, TimeoutError where it does not acknowledge.
    """
    offsets: dict[int, int] = {}
    errors: list[Any] = []

    def delivered(number: int) -> Callable[[Any, Message], None]:
        def report(error: Any, message: Message) -> None:
            if error is not None:
                errors.append(error)
            else:
                offsets[number] = message.offset() or 0

        return report

    producer = Producer(
        {
            "bootstrap.servers": settings.kafka,
            "client.id": "playhead-dead-letters",
            "enable.idempotence": True,
            "acks": "all",
            "delivery.timeout.ms": int(DELIVERY_TIMEOUT_S * 1_000),
            "request.timeout.ms": 10_000,
            "log_level": 0,
        }
    )
    for number, copy in enumerate(copies):
        producer.produce(
            copy.topic,
            value=copy.value,
            key=copy.key,
            partition=copy.partition,
            headers=list(copy.headers),
            on_delivery=delivered(number),
        )
        producer.poll(0)
    producer.flush(DELIVERY_TIMEOUT_S + 5)
    if errors:
        raise KafkaException(errors[0])
    if len(offsets) < len(copies):
        raise TimeoutError(
            f"the broker acknowledged {len(offsets)} of {len(copies)} records: run it again, "
            "what was put back is left out"
        )
    return [offsets[number] for number in range(len(copies))]
