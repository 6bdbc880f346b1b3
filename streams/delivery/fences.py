"""Fences of a changelog: whose rows count.

A worker that has lost a lane may still have rows on their way to the broker, which takes them
although the lane's new owner has written since. So whoever takes a lane over first puts a record
into its partition of the changelog, a fence, and names it in a header of every row that it writes
there. A row came late if it names an older fence than the row of its key before: whoever reads the
changelog passes it over, and writes the key's true row once more, since compaction keeps the last.

One of a key that the new owner has not written yet stands: its outcome may be on the log too, and
then nobody runs its input again. Whether that is done decides whether it counts (see `tenures`).

Whoever holds a lane reads its changelog piece by piece and remembers what the rows that stand name.
What dropped a row named is not remembered for each, since drops have no end, but only which fences
drops named. A row of a key without a row that names an older one than those may have come late, or
be the first of its key: the piece can't tell, and the whole changelog is read again. That is as
rare as rows that come late.

It costs one record for each lane and table at a takeover. A transactional producer would keep the
late record out of the log itself; what that costs stands in docs/decisions/0039-fences.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, cast

from confluent_kafka import Message

from streams.log.writing import Headers

KEY = b"\0fence"
"""Of the record that is a fence; no row's key begins with a zero."""
HEADER = "fence"
KNOWN_MAX = 1_000
"""Fences that are remembered of a lane; what an older one's owner has on its way is long gone."""
EMPTY: Mapping[bytes, bytes] = MappingProxyType({})


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
        return cls(message.key() or b"", message.value(), _fence_in(message))


def _fence_in(message: Message) -> bytes:
    """Return the fence that a record names; of several the last, as `headers_of` has it."""
    fence = b""
    for name, value in cast("list[tuple[str, bytes | None]]", message.headers() or []):
        if name == HEADER:
            fence = value or b""
    return fence


class Timely(NamedTuple):
    """The rows of one lane that came in time."""

    rows: list[FencedRow]
    fences: tuple[bytes, ...]
    """All that are known, oldest first."""
    passed_over: frozenset[bytes]
    """Keys of which the last record on the log came late."""
    by_drops: frozenset[bytes]
    """Fences that rows name which dropped one."""
    is_certain: bool
    """Whether these rows told it; else whether some of them came late, only all rows tell."""


@dataclass
class LaneFences:
    """What is known of the fences of a lane; grows with the rows that stand, and with takeovers."""

    read: tuple[bytes, ...] = ()
    """Those that are known to be on the log, oldest first."""
    ours: bytes = b""
    turn: int | None = None
    """The table's turn in which ours was put."""
    by_rows: dict[bytes, bytes] = field(default_factory=dict)
    """The fence that each row names that stands."""
    by_drops: frozenset[bytes] = frozenset()
    """Fences that rows named which dropped one."""

    def put(self, fence: bytes, turn: int) -> None:
        """Take note of a fence of ours, which is on its way."""
        self.ours, self.turn = fence, turn

    def wrote(self, key: bytes) -> None:
        """Take note of a row that was written behind our fence."""
        self.by_rows[key] = self.ours

    def dropped(self, key: bytes) -> None:
        """Take note of a row that was dropped behind our fence."""
        self.by_rows.pop(key, None)
        self.by_drops |= {self.ours}


def new_fence() -> bytes:
    """Return a fence that nobody else has."""
    return secrets.token_hex(8).encode()


def headers_with(fence: bytes | None) -> Headers:
    """Return the headers of a row that is written behind a fence."""
    return [(HEADER, fence)] if fence else []


def timely(
    rows: Iterable[FencedRow],
    fences: tuple[bytes, ...] = (),
    named: Mapping[bytes, bytes] = EMPTY,
    by_drops: AbstractSet[bytes] = frozenset(),
) -> Timely:
    """Leave out the rows that came late, and the fences.

    `fences` stood before the first row, `named` are those that the rows before it name, and
    `by_drops` those that drops before it named whose keys `named` does not have. A fence that is
    not known any more is older than all that are.
    """
    order = {fence: place for place, fence in enumerate(fences, start=1)}
    newest: dict[bytes, bytes] = {}
    kept: list[FencedRow] = []
    late: set[bytes] = set()
    new_drops: set[bytes] = set()
    is_certain = True
    for row in rows:
        if row.key == KEY:
            order.setdefault(row.fence, len(order) + 1)
            continue
        place = order.get(row.fence, 0)
        before = newest.get(row.key, named.get(row.key))
        if before is None and row.fence:
            is_certain &= all(place >= order.get(fence, 0) for fence in by_drops)
        if row.fence and place < order.get(before or b"", 0):
            late.add(row.key)
        else:
            late.discard(row.key)
            newest[row.key] = row.fence
            kept.append(row)
            if row.value is None:
                new_drops.add(row.fence)
    known = tuple(order)[-KNOWN_MAX:]
    return Timely(kept, known, frozenset(late), frozenset(by_drops | new_drops), is_certain)
