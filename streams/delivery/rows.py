"""Rows of tables: the newest values, each with the event that wrote it.

An event that is tried again sees the value before its own, as it did the first time, and its write
replaces its own entry. Of an event that a crash cut off, which will be run again, the next owner of
the lane sees nothing (see `tenures`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.errors import Permanent
from schemas import TableEntry, TableRow
from streams.log.writing import RECORD_BYTES_MAX

ROW_BYTES_MAX = 262_144
"""Values of a row; of more, only the newest two are kept: the one that an event made and the one
before, which it must see if it is run again."""
FRAME_BYTES = 16_384
"""Of a row's record, beside the values: ids of events, key and lengths."""


def before(row: TableRow | None, event: str) -> tuple[TableEntry, ...]:
    """Return the entries that an event may see: those before its own, oldest first."""
    if row is None:
        return ()
    for position, entry in enumerate(row.entries):
        if entry.event == event:
            return row.entries[:position]
    return row.entries


def written(
    row: TableRow | None,
    event: str,
    value: bytes,
    entries_max: int,
    *,
    log: str = "",
    offset: int = -1,
    by_offset: bool = False,
) -> TableRow:
    """Return the row after an event's write: its own entry replaced, or a new one entered.

    A new one is the newest: its value was made of the one before. Where values are not made of each
    other, `by_offset` puts it before those of later events of its log. The oldest entries go where
    there are more than `entries_max`, or more bytes than a row or its record may have.
    """
    entries = list(row.entries) if row is not None else []
    places = [position for position, entry in enumerate(entries) if entry.event == event]
    if places:
        [position] = places
        first = entries[position]
        # a copy further on, or one that was put back, keeps the place of the first
        entries[position] = TableEntry(event=event, value=value, log=first.log, offset=first.offset)
        if first.log != log:
            entries[position] = TableEntry(event=event, value=value, log=log, offset=offset)
    else:
        position = len(entries)
        while by_offset and position and _is_later(entries[position - 1], log, offset):
            position -= 1
        entries.insert(position, TableEntry(event=event, value=value, log=log, offset=offset))
    return TableRow(entries=tuple(_within_bounds(entries[-entries_max:])))


def _is_later(entry: TableEntry, log: str, offset: int) -> bool:
    return entry.log == log and entry.offset > offset


def _within_bounds(entries: Sequence[TableEntry]) -> Sequence[TableEntry]:
    """Return the newest entries, as many as a row may hold; at least one."""
    size = 0
    for kept, entry in enumerate(reversed(entries)):
        size += len(entry.value)
        bytes_max = ROW_BYTES_MAX if kept > 1 else RECORD_BYTES_MAX - FRAME_BYTES
        if kept and size > bytes_max:
            return entries[len(entries) - kept :]
    return entries


CONVERSATION = "conversation"
"""Kind of the rows that are one user's; those of documents and requests spell none."""


CONVERSATION_PARTS = 5
"""Of a conversation's key: lane, tenant, kind, subject and session."""


@dataclass(frozen=True)
class RowKey:
    """Whose row it is: what isolates is part of it.

    A conversation is the user's who holds it, whatever another calls theirs, and it is no document,
    whatever it is called. Rows of conversations from before users were part of the key have keys
    that no conversation spells any more (docs/decisions/0021).
    """

    lane: int
    tenant: str
    scope: str
    """Session, document or request."""
    kind: str = ""
    subject: str = ""

    @property
    def key(self) -> bytes:
        """The row's key in the table and its changelog; raises Permanent for one that is forged."""
        parts = (str(self.lane), self.tenant, self.kind, self.subject, self.scope)
        if any("\0" in part for part in parts):
            raise Permanent(
                "a tenant, user, session or document is named with a zero character, which parts "
                "the names in a row's key: name it without"
            )
        return "\0".join(parts if self.kind else (parts[0], self.tenant, self.scope)).encode()

    @classmethod
    def of_conversation(cls, lane: int, tenant: str, subject: str, session: str) -> RowKey:
        """Return the place of a user's conversation."""
        return cls(lane, tenant, session, CONVERSATION, subject)

    @classmethod
    def at(cls, key: bytes) -> RowKey:
        """Read a key."""
        lane, tenant, *kind_and_subject, scope = key.decode().split("\0")
        return cls(int(lane), tenant, scope, *kind_and_subject)


def whose_row(key: bytes) -> tuple[str, str] | None:
    """Tell whose conversation a row is of, as tenant and subject; None of what is nobody's."""
    parts = key.split(b"\0")
    if len(parts) != CONVERSATION_PARTS:
        return None
    return parts[1].decode("utf-8", "replace"), parts[3].decode("utf-8", "replace")
