"""Put dead letters back: the bytes that were rejected, once more on their topic and lane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas import Event, EventRejected
from streams.delivery.history import RETRY
from streams.log.addressing import address_of
from streams.log.codec import Codec, Undecodable
from streams.log.producer_signature import ProducerSigner, SignedRecord, proof_of, signer_of
from streams.log.writing import Writer
from streams.settings import Settings


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
            headers += address_of(record).headers
    return Copy(event.topic, event.partition, event.key, event.value, tuple(headers))


def _vouched_for(signer: ProducerSigner | None, copy: Copy) -> Copy:
    """Sign a request for whoever signed it first, whose signature the letter does not hold."""
    if copy.value is None:
        return copy
    key = copy.key or b""
    record = SignedRecord(copy.topic, key, copy.value, key.decode("utf-8", "surrogateescape"))
    return copy._replace(headers=(*copy.headers, *proof_of(signer, record)))


def put_back(settings: Settings, copies: Sequence[Copy]) -> list[int]:
    """Publish records in their order; return the offset of each.

    Raises KafkaException where the broker refuses one, TimeoutError where it does not acknowledge,
    RecordTooLarge for one that fits the log no longer with its mark.
    """
    signer = signer_of(settings)
    vouched = [_vouched_for(signer, copy) for copy in copies]
    with Writer(settings, "playhead-dead-letters") as writer:
        try:
            return [position.offset for position in writer.write_all(vouched)]
        except TimeoutError:
            raise TimeoutError(
                f"the broker at {settings.kafka} did not acknowledge all of {len(copies)} records: "
                "run it again, what was put back is left out"
            ) from None
