"""Bytes <-> record: Avro in the Confluent wire format (magic byte 0, 4-byte schema id, body)."""

from __future__ import annotations

import io
import struct
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar, cast

import fastavro
from fastavro.types import Schema

import schemas
from schemas import Event, Record, foreign, wire
from schemas.definitions import (
    NAMESPACE,
    parsed,
    same_records,
    self_contained,
    without_logical_types,
)
from schemas.registry import SchemaIds, UnknownSchema
from streams.log.subjects import open_registry
from streams.settings import Settings

RecordT = TypeVar("RecordT", bound=Record)
HEADER = struct.Struct(">bI")
MAGIC = 0
REFUSALS_MAX = 10_000  # remembered ids that stand for no record of ours: anybody may send them
DOUBTED_S = 5.0  # an id is asked for again where no record was read by what the registry told
REFUSED_S = 60.0  # then an id is asked for again: a registry may learn it later


class Undecodable(ValueError):
    """Bytes that are no record of ours; the message says which rule they break."""


class Codec:
    """Encodes and decodes records; one instance serves a process.

    `clock` tells seconds on a monotonic clock: by it refused ids grow old.
    """

    def __init__(self, ids: SchemaIds, clock: Callable[[], float] = time.monotonic) -> None:
        self._ids = ids
        self._clock = clock
        self._headers: dict[str, bytes] = {}
        self._writers: dict[int, tuple[str, Schema | None]] = {}
        self._unproven: dict[int, float] = {}
        """Ids by which nothing was read yet -> when the registry told of them."""
        self._refusals: OrderedDict[tuple[int, str], tuple[str, float]] = OrderedDict()
        """Id and the record that it can't stand for -> why, and since when."""

    def known(self, schema_id: int, record: type[Record]) -> bool:
        """Say whether it is known already what an id means for a record; asks nobody.

        Decoding a record with a known id never waits for the registry.
        """
        if schema_id in self._writers:
            return True
        refusal = self._refusals.get((schema_id, record.SCHEMA))
        return refusal is not None and self._clock() - refusal[1] < REFUSED_S

    def learn(self, schema_id: int, record: type[Record]) -> None:
        """Look up the definition behind an id, unless it is known; may block: use a thread.

        Raises schemas.registry.RegistryAway where the registry does not answer, and Undecodable
        where it does not know the id or says that it stands for another record. Neither is
        remembered: a registry may lag behind the one that a schema was registered at, so what it
        does not know yet is no fact. `refuse` makes it one.
        """
        if not self.known(schema_id, record):
            self._take_in(schema_id, record.SCHEMA)

    def refuse(self, schema_id: int, record: type[Record], why: str) -> None:
        """Take it for a fact, for a while, that an id does not stand for a record."""
        key = schema_id, record.SCHEMA
        self._refusals[key] = (why, self._clock())
        self._refusals.move_to_end(key)
        if len(self._refusals) > REFUSALS_MAX:
            self._refusals.popitem(last=False)

    def encode(self, record: Record) -> bytes:
        """Encode with our own definition."""
        name = record.SCHEMA
        header = self._headers.get(name)
        if header is None:
            header = self._headers[name] = HEADER.pack(MAGIC, self._ids.id_of(name))
        return header + body(record)

    def encode_as(self, record: Record, schema_id: int) -> bytes:
        """Encode with the definition behind an id, maybe an older one: fields it lacks drop out."""
        name, writer = self._writer(schema_id)
        if name != record.SCHEMA:
            raise Undecodable(f"schema {schema_id} is {name}, the record is {record.SCHEMA}")
        header = HEADER.pack(MAGIC, schema_id)
        if writer is None:
            return header + body(record)
        out = io.BytesIO(header)
        out.seek(HEADER.size)
        fastavro.schemaless_writer(out, writer, record.to_avro())
        return out.getvalue()

    def decode(self, data: bytes | None, record: type[RecordT]) -> RecordT:
        """Decode a record of the given type.

        Raises Undecodable for anything else: no bytes, another format, an unknown schema, another
        record type, a body that is cut off or has bytes left over.
        """
        schema_id = schema_id_of(data)
        assert data is not None
        name, writer = self._writer(schema_id, record.SCHEMA)
        if name != record.SCHEMA:
            raise Undecodable(f"schema {schema_id} is {name}, expected {record.SCHEMA}")
        try:
            decoded = _read(data, record, writer)
        except Undecodable:
            self._doubt(schema_id)
            raise
        if self._unproven:
            self._unproven.pop(schema_id, None)
        return decoded

    def decode_any(self, data: bytes | None) -> Record:
        """Decode a record of whatever type its schema names; raises Undecodable."""
        name, _ = self._writer(schema_id_of(data))
        return self.decode(data, record_type(name))

    def _writer(self, schema_id: int, record: str = "") -> tuple[str, Schema | None]:
        writer = self._writers.get(schema_id)
        if writer is None:
            refusal = self._refusals.get((schema_id, record))
            if refusal is not None:
                raise Undecodable(refusal[0])
            writer = self._take_in(schema_id, record)
        return writer

    def _take_in(self, schema_id: int, record: str) -> tuple[str, Schema | None]:
        """Look up an id, and keep what it stands for if that is the record (empty: any)."""
        name, writer = self._look_up(schema_id)
        if record and name != record:
            raise Undecodable(f"schema {schema_id} is {name}, expected {record}")
        self._writers[schema_id] = name, writer
        self._unproven[schema_id] = self._clock()
        return name, writer

    def _doubt(self, schema_id: int) -> None:
        """Forget a definition by which nothing was read so far: it may be the wrong one.

        Not at once: whoever writes nonsense under an id must not have the registry asked each time.
        """
        told_s = self._unproven.get(schema_id)
        if told_s is not None and self._clock() - told_s >= DOUBTED_S:
            del self._unproven[schema_id]
            self._writers.pop(schema_id, None)

    def _look_up(self, schema_id: int) -> tuple[str, Schema | None]:
        try:
            definition = self._ids.definition_of(schema_id)
        except UnknownSchema as error:
            raise Undecodable(str(error)) from None
        try:
            foreign.check(definition)
            name = str(definition["name"])
            if name not in schemas.__all__ or definition.get("namespace") != NAMESPACE:
                raise Undecodable(f"schema {schema_id} is no record of ours")
            return name, _parsed_as(name, definition)
        except Undecodable:
            raise
        except foreign.UnfitDefinition as error:
            raise Undecodable(f"nothing is read by schema {schema_id}: {error}") from None
        except Exception as error:  # noqa: BLE001 - whatever a definition makes a parser raise
            raise Undecodable(
                f"the definition behind schema {schema_id} can't be read: {type(error).__name__}"
            ) from None


def open_codec(settings: Settings) -> Codec:
    """Make the codec of a process that asks the registry of the settings."""
    return Codec(open_registry(settings))


def _parsed_as(name: str, definition: dict[str, Any]) -> Schema | None:
    """Parse a definition; None for one that means what ours means: the records read that."""
    if same_records(definition, self_contained(name)):
        return None
    return fastavro.parse_schema(without_logical_types(definition))


def _resolved(data: bytes, writer: Schema, record: type[RecordT]) -> tuple[RecordT, int]:
    """Read a record of another definition than ours; return it and the position after it."""
    stream = io.BytesIO(data)
    stream.seek(HEADER.size)
    datum = fastavro.schemaless_reader(stream, writer, parsed(record.SCHEMA))
    return record.from_avro(cast(dict[str, Any], datum)), stream.tell()


def _read(data: bytes, record: type[RecordT], writer: Schema | None) -> RecordT:
    """Read a record after its header; raises Undecodable."""
    name = record.SCHEMA
    try:
        decoded, end = (
            wire.read(record, data, HEADER.size)
            if writer is None
            else _resolved(data, writer, record)
        )
    except Exception as error:  # noqa: BLE001 - whatever bytes make a reader raise is theirs
        raise Undecodable(f"the body does not follow {name}: {type(error).__name__}") from None
    if end > len(data):
        raise Undecodable(f"the body does not follow {name}: it is cut off")
    if end < len(data):
        raise Undecodable(f"{len(data) - end} bytes are left over after {name}")
    return decoded


def schema_id_of(data: bytes | None) -> int:
    """Read the schema id of a record; raises Undecodable for bytes in another format."""
    if data is None:
        raise Undecodable("a tombstone: this topic has none")
    if len(data) < HEADER.size:
        raise Undecodable(f"{len(data)} bytes are too few for the 5-byte header")
    magic, schema_id = HEADER.unpack_from(data)
    if magic != MAGIC:
        raise Undecodable(f"magic byte {magic} where 0 is expected: not the Confluent wire format")
    return cast(int, schema_id)


def record_type(name: str) -> type[Record]:
    """Return the record class of a name; raises Undecodable for a name that is not ours."""
    record = getattr(schemas, name, None)
    if not (isinstance(record, type) and issubclass(record, Record)):
        raise Undecodable(f"{name} is no record of ours")
    return record


def body(record: Record) -> bytes:
    """Encode without the header, with our own definition: what digests are taken of.

    Raises ValueError for an event that no run has stamped.
    """
    if isinstance(record, Event) and record.meta is schemas.UNSTAMPED:
        raise ValueError(f"{record.SCHEMA} has no meta: only a run may put it on the log")
    return wire.encode(record)
