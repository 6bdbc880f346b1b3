"""What generated records have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar

import msgspec

if TYPE_CHECKING:
    from schemas.records import Meta

ResponseT = TypeVar("ResponseT", bound="Record")


class Record(msgspec.Struct, frozen=True, gc=False):
    """An immutable Avro record; subclasses are generated.

    Records hold values and other records only, never themselves, so the garbage collector need not
    look into them. `msgspec.structs.replace` returns a copy with other values.
    """

    SCHEMA: ClassVar[str]

    def encoded(self) -> bytes:
        """Return the Avro encoding, without a header.

        Raises ValueError, TypeError or AttributeError for a value that is not of its field's type.
        """
        raise NotImplementedError

    @classmethod
    def read(cls, data: bytes, here: int) -> tuple[Self, int]:
        """Read a record that begins at `here`; return it and the position after it.

        Errors are those of `schemas.binary`, whose word on cut-off data holds here too.
        """
        raise NotImplementedError

    def to_avro(self) -> dict[str, Any]:
        """Return the datum that fastavro encodes."""
        datum: dict[str, Any] = msgspec.to_builtins(self, builtin_types=(bytes,))
        return datum

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        """Build the record from a datum that fastavro decoded; raises msgspec.ValidationError."""
        return msgspec.convert(datum, cls)


class Event(Record, frozen=True, gc=False):
    """A record on a topic of the log: it begins with `meta`.

    A step leaves `meta` out; who runs the step stamps it. Encoding an unstamped event is an error.
    """

    if TYPE_CHECKING:

        @property
        def meta(self) -> Meta:
            """Identity, lineage and the effects it rests on."""


class Request(Record, Generic[ResponseT], frozen=True, gc=False):
    """Something that a step may ask of the world through `fx`.

    EFFECT is "recorded" (the log keeps the response), "local" (the log keeps a keyed digest, replay
    executes it again) or "stream". PERSONAL says that the request holds personal data, so that its
    digest must be keyed.
    """

    EFFECT: ClassVar[Literal["recorded", "local", "stream"]]
    PERSONAL: ClassVar[bool]
    RESPONSE: ClassVar[type[Record]]


class StreamRequest(Request[ResponseT], frozen=True, gc=False):
    """A request that is answered in parts."""
