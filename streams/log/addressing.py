"""How a record is addressed: its place, key and headers, as they are written and read.

The headers say of a record who it is, what it belongs to and by which span it was written, to those
who don't open its value. The key is the tenant, as everything is parted by tenants.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from confluent_kafka import Message

from schemas import Event
from streams.log.writing import Header
from streams.topics import topic_of


class RecordAddress(NamedTuple):
    """What an event is written with, its value aside."""

    topic: str
    partition: int
    key: bytes
    headers: tuple[Header, ...]


def address_of(event: Event, traceparent: str | None = None) -> RecordAddress:
    """Return what an event is written with; the trace is the event's own unless one is given."""
    meta = event.meta
    trace = meta.trace if traceparent is None else traceparent
    headers = (
        ("id", meta.id.encode()),
        ("request", meta.request.encode()),
        ("traceparent", trace.encode()),
    )
    return RecordAddress(topic_of(event), meta.lane, meta.tenant.encode(), headers)


def headers_of(message: Message) -> tuple[Header, ...]:
    """Return the headers of a record; Kafka takes such as have no value, which count as empty."""
    headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])
    return tuple((name, value or b"") for name, value in headers)
