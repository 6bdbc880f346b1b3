"""Whether a record on a topic may reach a step at all; live traffic and replay ask the same way."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from msgspec.structs import replace

from agents.changes import BOUNDED_LETTERS, has
from schemas import Event, EventRejected, Failed, Meta, StepVersion
from streams.log.codec import Codec, Undecodable, body
from streams.log.ids import position_id
from streams.running.run import Input
from streams.topics import INBOX

INBOX_TOPICS = frozenset(topic.name for topic in INBOX)

OUTCOME_BYTES_MAX = 1_000_000
"""Value of an outcome; its key and headers, which repeat parts of `meta`, come on top."""
SCHEMA_ID_BYTES = 5  # before a body, with the magic byte
IDENTITY_CHARS_MAX = 4_096
"""Characters of ids that every outcome and its headers repeat; the edge's take some 300."""
KEY_BYTES_MAX = 4 * IDENTITY_CHARS_MAX
ATTEMPT_MAX = 1_000_000_000
"""Of an input: runs over it are numbered above its attempt, within 32 bits."""
OF_NO_STEP = 2
"""Effects of a run that consumed nothing: its beginning and its failure."""


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


def check_place(event: Event, key: bytes | None, partition: int, *, bounded: bool = True) -> None:
    """Check that an event lies where its tenant's records lie; raises WrongTenant.

    Raises Undecodable where its ids are so long that no outcome could carry them, unless it is not
    `bounded`: see `agents.changes.BOUNDED_IDS`.
    """
    meta = event.meta
    if bounded:
        _check_bounds(event)
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


def _check_bounds(event: Event) -> None:
    meta = event.meta
    ids = (meta.id, meta.tenant, meta.request, meta.session)
    if (size := sum(map(len, ids))) > IDENTITY_CHARS_MAX:
        raise Undecodable(
            f"{event.SCHEMA} has ids of {size} characters, an outcome can carry "
            f"{IDENTITY_CHARS_MAX}: publish it with shorter ones"
        )
    if meta.attempt > ATTEMPT_MAX:
        raise Undecodable(f"{event.SCHEMA} says attempt {meta.attempt}: no step counts so far")


class Unreadable(Event, frozen=True, gc=False):
    """Stands for a record that was not admitted, and is never written.

    Its meta is its position as an identity; nothing that the record itself claims.
    """

    SCHEMA: ClassVar[str] = "Unreadable"


def unreadable(topic: str, partition: int, offset: int) -> Input:
    """Return the input that stands for a record that was not admitted."""
    position = position_id(topic, partition, offset)
    nobody = StepVersion(name="", code="", configuration="")
    meta = Meta(
        id=position, tenant="", lane=partition, request="", session=position, at=0, step=nobody
    )
    return Input(event=Unreadable(meta=meta), topic=topic, partition=partition, offset=offset)


def rejection(
    step: str, given: Input, key: bytes | None, value: bytes | None
) -> Callable[[Failed, Meta], EventRejected]:
    """Return what builds the dead letter of an input, by a step or by the inbox.

    An inbox's plain bytes stay out of it, and so do bytes with which it would fit no record: they
    lie where the letter says. What remains is bounded, but for the effects of the run that failed.
    """
    if given.topic in INBOX_TOPICS:
        value = None

    def build(failed: Failed, meta: Meta) -> EventRejected:
        letter = EventRejected(
            meta=meta,
            topic=given.topic,
            partition=given.partition,
            offset=given.offset,
            step=step,
            error=failed.error,
            message=failed.message,
            traceback=failed.traceback,
            attempts=failed.attempts,
            key=key,
            value=value,
        )
        # with what the run consumed it may not fit: then a run that consumed nothing closes it
        alone = len(meta.effects) <= OF_NO_STEP and has(meta.step.code, BOUNDED_LETTERS)
        if alone and (value or key) and len(body(letter)) > OUTCOME_BYTES_MAX - SCHEMA_ID_BYTES:
            letter = replace(letter, value=None)
            if len(key or b"") > KEY_BYTES_MAX:
                letter = replace(letter, key=None)
        return letter

    return build
