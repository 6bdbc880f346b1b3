"""What generated records have in common."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

import msgspec

ResponseT = TypeVar("ResponseT", bound="Record")


class Record(msgspec.Struct, frozen=True, gc=False):
    """An immutable Avro record; subclasses are generated.

    Records hold values and other records only, never themselves, so the garbage collector need not
    look into them. `msgspec.structs.replace` returns a copy with other values.
    """

    SCHEMA: ClassVar[str]

    def to_avro(self) -> dict[str, Any]:
        """Return the datum that fastavro encodes."""
        datum: dict[str, Any] = msgspec.to_builtins(self, builtin_types=(bytes,))
        return datum

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        """Build the record from a datum that fastavro decoded; raises msgspec.ValidationError."""
        return msgspec.convert(datum, cls)


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
