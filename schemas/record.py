"""What generated records have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar

if TYPE_CHECKING:
    from schemas.records import Meta

ResponseT = TypeVar("ResponseT", bound="Record")


class Record:
    """An immutable Avro record; subclasses are generated."""

    __slots__ = ()
    SCHEMA: ClassVar[str]

    def to_avro(self) -> dict[str, Any]:
        """Return the datum that fastavro encodes."""
        raise NotImplementedError

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        """Build the record from a datum that fastavro decoded."""
        raise NotImplementedError


class Event(Record):
    """A record on a topic of the log: it begins with `meta`.

    A step leaves `meta` out; who runs the step stamps it. Encoding an unstamped event is an error.
    """

    __slots__ = ()
    if TYPE_CHECKING:

        @property
        def meta(self) -> Meta:
            """Identity, lineage and the effects it rests on."""


class Request(Record, Generic[ResponseT]):
    """Something that a step may ask of the world through `fx`.

    EFFECT is "recorded" (the log keeps the response), "local" (the log keeps a keyed digest, replay
    executes it again) or "stream". PERSONAL says that the request holds personal data, so that its
    digest must be keyed.
    """

    __slots__ = ()
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]]
    PERSONAL: ClassVar[bool]
    RESPONSE: ClassVar[type[Record]]


class StreamRequest(Request[ResponseT]):
    """A request that is answered in parts."""

    __slots__ = ()
