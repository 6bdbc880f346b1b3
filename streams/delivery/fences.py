"""Fences of a changelog: whose rows count from here on.

A worker that has lost a lane may still have rows on their way to the broker, which takes them
although the lane's new owner has written since. So whoever takes a lane over first puts a record
into its partition of the changelog, a fence, and names it in a header of every row that it writes
there. A row that comes behind a fence and names another one came late: whoever reads the changelog
passes it over, and writes its key's true row once more, since compaction keeps the last.

It costs one record for each lane and table at a takeover. A transactional producer would keep the
late record out of the log itself; what that costs stands in docs/decisions/9062-fences.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka import Message

from streams.log.addressing import headers_of
from streams.log.writing import Headers

KEY = b"\0fence"
"""Of the record that is a fence; no row's key begins with a zero."""
HEADER = "fence"


class FencedRow(NamedTuple):
    """A record of a changelog."""

    key: bytes
    value: bytes | None
    """None drops the row."""
    fence: bytes = b""
    """The one that it names; empty in 0.1.0."""

    @classmethod
    def of(cls, message: Message) -> FencedRow:
        """Read a record of a changelog."""
        fence = dict(headers_of(message)).get(HEADER, b"")
        return cls(message.key() or b"", message.value(), fence)


class Timely(NamedTuple):
    """The rows of one lane that came in time."""

    rows: list[FencedRow]
    fence: bytes
    """The newest one."""
    passed_over: frozenset[bytes]
    """Keys of which the last record on the log came late."""


def new_fence() -> bytes:
    """Return a fence that nobody else has."""
    return secrets.token_hex(8).encode()


def headers_with(fence: bytes | None) -> Headers:
    """Return the headers of a row that is written behind a fence."""
    return [(HEADER, fence)] if fence else []


def timely(rows: Iterable[FencedRow], fence: bytes = b"") -> Timely:
    """Leave out the rows that came late, and the fences; `fence` stood before the first."""
    kept: list[FencedRow] = []
    late: set[bytes] = set()
    for row in rows:
        if row.key == KEY:
            fence = row.fence
        elif row.fence and fence and row.fence != fence:
            late.add(row.key)
        else:
            late.discard(row.key)
            kept.append(row)
    return Timely(kept, fence, frozenset(late))
