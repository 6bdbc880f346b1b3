"""Reading rows of a table, which a newer version may have written under a schema that is new here.

A registry that does not know the schema may lag behind another: however long it says so, that is no
fact about a row, so the step that wants it is tried again. It is asked on threads of its own (see
`schema_asker`): one that hangs takes none of those on which the process reads or looks up keys.
"""

from __future__ import annotations

import asyncio
import math
from typing import TypeVar

from agents.errors import Permanent, Transient
from schemas import Record, TableRow
from schemas.registry import RegistryAway
from streams.log.codec import Codec, Undecodable, schema_id_of
from streams.log.schema_asker import SchemaAsker

RecordT = TypeVar("RecordT", bound=Record)

TOLD_S = 0.5
"""For a registry to tell a schema, before the step is tried again: one that lags takes tenths."""
TICK_S = 0.01


class RowReader:
    """Reads the rows of one table."""

    def __init__(self, table: str, codec: Codec) -> None:
        self._table = table
        self._codec = codec
        self._asker = SchemaAsker(codec, grace_s=math.inf)

    async def decoded(self, data: bytes, record: type[RecordT]) -> RecordT:
        """Decode a row or a value of one.

        Raises Transient while the registry does not tell its schema, and Permanent where it can't
        be read at all; either names the table and no row.
        """
        try:
            schema_id = schema_id_of(data)
            if not self._codec.known(schema_id, record):
                await self._learn(schema_id, record)
            return self._codec.decode(data, record)
        except Undecodable as error:
            raise Permanent(f"a row of {self._table} can't be read: {error}") from None

    async def _learn(self, schema_id: int, record: type[Record]) -> None:
        for _ in range(round(TOLD_S / TICK_S)):  # where the machine stands still, that is one tick
            self._asker.ask(schema_id, record, "")
            await asyncio.sleep(TICK_S)
            if self._codec.known(schema_id, record):
                return
        raise Transient(
            f"a row of {self._table} was written under schema {schema_id}, which the "
            "registry does not tell yet"
        )

    def events(self, data: bytes) -> tuple[str, ...]:
        """Return the events whose values a row holds; none where it can't be read here. Blocks."""
        try:
            self._codec.learn(schema_id_of(data), TableRow)
            return tuple(entry.event for entry in self._codec.decode(data, TableRow).entries)
        except (RegistryAway, Undecodable):
            return ()

    def stop(self) -> None:
        """Ask no registry any more."""
        self._asker.stop()
