"""Records to put in at the first topic, each of which can be told at the last one."""

from __future__ import annotations

import struct
import uuid

from confluent_kafka import Message

from bench.ends import InputRecord
from bench.transports.chain import PARTITIONS
from schemas import Ask, Meta, QuestionAsked, Sealed, StepVersion
from schemas.registry import SchemaIds
from streams.log.addressing import address_of, headers_of
from streams.log.clock import now_us
from streams.log.codec import Codec
from streams.log.ids import request_id
from streams.log.lanes import lane_of
from streams.version import CODE

VALUE_BYTES = 540  # a record of Playhead without vectors or long texts
SESSIONS = 96
TENANTS = 8
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"  # the example of W3C's standard
NUMBER = struct.Struct(">Q")


class PlainInputs:
    """Bytes that begin with their number; the keys are sessions."""

    def make(self, number: int) -> InputRecord:
        """Return the input with this number."""
        session = number % SESSIONS
        value = NUMBER.pack(number).ljust(VALUE_BYTES, b".")
        return InputRecord(session % PARTITIONS, f"session-{session}".encode(), value)

    def number_of(self, message: Message) -> int:
        """Return the number of a record at the end of the chain."""
        number: int = NUMBER.unpack_from(message.value() or b"")[0]
        return number


class AskedInputs:
    """Questions of several tenants' sessions, as the edge writes them; nothing in them is sealed.

    Their requests are numbers written as UUIDs, which the last record's headers still carry.
    """

    def __init__(self, ids: SchemaIds) -> None:
        self._codec = Codec(ids)
        self._run = uuid.uuid4().hex

    def make(self, number: int) -> InputRecord:
        """Return the input with this number."""
        session = number % SESSIONS
        tenant = f"tenant-{session % TENANTS}"
        session_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"session-{session}"))
        meta = Meta(
            id=request_id(tenant, f"{self._run}/{number}"),
            tenant=tenant,
            lane=lane_of(tenant, session_id, PARTITIONS, PARTITIONS),
            request=str(uuid.UUID(int=number)),
            session=session_id,
            at=now_us(),
            step=StepVersion(name="gateway", code=CODE, configuration=""),
            trace=TRACE,
        )
        sealed = Sealed(key="user/bench", event=meta.id, field="text", ciphertext=b"")
        event = QuestionAsked(meta=meta, subject="bench", text=sealed, ask=Ask())
        _, lane, key, headers = address_of(event)
        return InputRecord(lane, key, self._codec.encode(event), headers)

    def number_of(self, message: Message) -> int:
        """Return the number of a record at the end of the chain."""
        return uuid.UUID(dict(headers_of(message))["request"].decode()).int
