"""Whether a record on a topic may reach a step at all; live traffic and replay ask the same way."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from schemas import Event, EventRejected, Failed, Meta, StepVersion
from streams.log.codec import Codec, Undecodable
from streams.log.ids import position_id
from streams.running.run import Input
from streams.topics import INBOX, Step

INBOX_TOPICS = frozenset(topic.name for topic in INBOX)


class WrongTenant(Undecodable):
    """A record that lies under another tenant's key or outside its own lane."""


def admit(
    codec: Codec, record: type[Event], value: bytes | None, key: bytes | None, partition: int
) -> Event:
    """Decode an input of a step and check that it lies where its tenant's records lie.

    Raises Undecodable, or WrongTenant: its Kafka key must be its tenant, its partition its lane.
    """
    event = codec.decode(value, record)
    check_place(event, key, partition)
    return event


def check_place(event: Event, key: bytes | None, partition: int) -> None:
    """Check that an event lies where its tenant's records lie; raises WrongTenant."""
    meta = event.meta
    if not meta.tenant or key != meta.tenant.encode():
        raise WrongTenant(
            f"{event.SCHEMA} lies under another key than its tenant: publish it with meta.tenant "
            "as the key"
        )
    if meta.lane != partition:
        raise WrongTenant(
            f"{event.SCHEMA} says lane {meta.lane} and lies in partition {partition}: publish it "
            "to its lane"
        )


class Unreadable(Event, frozen=True, gc=False):
    """Stands for a record that was not admitted: a position, of no tenant; it is never written."""

    SCHEMA: ClassVar[str] = "Unreadable"

    meta: Meta
    """Its position as an identity; nothing that the record itself claims."""


def unreadable(topic: str, partition: int, offset: int) -> Input:
    """Return the input that stands for a record that was not admitted."""
    position = position_id(topic, partition, offset)
    nobody = StepVersion(name="", code="", configuration="")
    meta = Meta(
        id=position, tenant="", lane=partition, request="", session=position, at=0, step=nobody
    )
    return Input(event=Unreadable(meta), topic=topic, partition=partition, offset=offset)


def rejection(
    step: Step, given: Input, key: bytes | None, value: bytes | None
) -> Callable[[Failed, Meta], EventRejected]:
    """Return what builds the dead letter of an input; an inbox's plain bytes stay out of it."""

    def build(failed: Failed, meta: Meta) -> EventRejected:
        return EventRejected(
            meta=meta,
            topic=given.topic,
            partition=given.partition,
            offset=given.offset,
            step=step.name,
            error=failed.error,
            message=failed.message,
            traceback=failed.traceback,
            attempts=failed.attempts,
            key=key,
            value=None if given.topic in INBOX_TOPICS else value,
        )

    return build
