"""Records to put in at the first topic, each of which can be told at the last one."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass, field
from typing import Any

from bench.transports.chain import PARTITIONS
from schemas import Ask, Meta, QuestionAsked, Sealed, StepVersion
from schemas.registry import SchemaIds
from streams.log.clock import now_us
from streams.log.codec import Codec
from streams.log.ids import request_id
from streams.log.lanes import lane_of
from streams.version import CODE

VALUE_BYTES = 540  # a record of Playhead without vectors or long texts
SESSIONS = 96
TENANTS = 8
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"  # the example of W3C's standard
SEQUENCE = struct.Struct(">Q")


@dataclass(frozen=True)
class Input:
    """A record ready to be produced."""

    sequence: int
    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, str | bytes | None]] = field(default_factory=list)


class Plain:
    """Bytes that begin with their sequence number; the keys are sessions."""

    def make(self, sequence: int) -> Input:
        """Return the input with this number."""
        session = sequence % SESSIONS
        value = SEQUENCE.pack(sequence).ljust(VALUE_BYTES, b".")
        return Input(sequence, session % PARTITIONS, f"session-{session}".encode(), value)

    def sequence_of(self, message: Any) -> int:
        """Return the number of a record at the end of the chain."""
        number: int = SEQUENCE.unpack_from(message.value())[0]
        return number


class Asked:
    """Questions of several tenants' sessions, as the edge writes them; nothing in them is sealed.

    Their requests are numbers written as UUIDs, which the last record's headers still carry.
    """

    def __init__(self, ids: SchemaIds) -> None:
        self._codec = Codec(ids)
        self._run = uuid.uuid4().hex

    def make(self, sequence: int) -> Input:
        """Return the input with this number."""
        session = sequence % SESSIONS
        tenant = f"tenant-{session % TENANTS}"
        session_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"session-{session}"))
        lane = lane_of(tenant, session_id, PARTITIONS, PARTITIONS)
        meta = Meta(
            id=request_id(tenant, f"{self._run}/{sequence}"),
            tenant=tenant,
            lane=lane,
            request=str(uuid.UUID(int=sequence)),
            session=session_id,
            at=now_us(),
            step=StepVersion(name="gateway", code=CODE, configuration=""),
            trace=TRACE,
        )
        sealed = Sealed(key="user/bench", event=meta.id, field="text", ciphertext=b"")
        event = QuestionAsked(meta=meta, subject="bench", text=sealed, ask=Ask())
        headers: list[tuple[str, str | bytes | None]] = [
            ("id", meta.id.encode()),
            ("traceparent", TRACE.encode()),
            ("request", meta.request.encode()),
        ]
        return Input(sequence, lane, tenant.encode(), self._codec.encode(event), headers)

    def sequence_of(self, message: Any) -> int:
        """Return the number of a record at the end of the chain."""
        [request] = [value for name, value in message.headers() if name == "request"]
        return uuid.UUID(request.decode()).int
