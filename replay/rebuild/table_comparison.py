"""Rows of a table as made again from the log, against those that its changelog holds.

Compared is what a worker would find (`two_rows`), not how it is spelt: an older release may have
spelt it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec

from replay.rebuild.made_tables import OpenInputs
from replay.rebuild.remade_tables import RemadeTable
from replay.rebuild.row_store import LIVE, MADE, RowStore
from replay.rebuild.two_rows import TwoRows
from schemas import TableEntry, TableRow
from streams.delivery.rows import RowKey
from streams.delivery.tables import Person

RowVerdict = Literal[
    "equal", "missing", "extra", "different", "pending", "dropped", "erased", "unverifiable"
]
DIFFERENT: tuple[RowVerdict, ...] = ("missing", "extra", "different")
LISTED_MAX = 100
"""Differences that a report lists; it counts all."""
SLACK = 64
"""Rows by which the order of last writes may be another than the log tells: four windows."""
BEFORE_LOGS = "it is of 0.1.0, whose rows name no log and had other keys"
_encode = msgspec.msgpack.Encoder().encode


class RowDifference(NamedTuple):
    """A row that is not as the log says."""

    table: str
    lane: int
    offset: int
    """Of its last record in the changelog; -1 where there is none."""
    tenant: str
    scope: str
    """Session, document or request."""
    verdict: RowVerdict
    made: str
    """Digest of the row as made again; empty where there is none."""
    held: str
    """Digest of the row in the changelog; empty where there is none."""
    reason: str


@dataclass
class TableReport:
    """What the comparison of tables came to."""

    listed_max: int = LISTED_MAX
    rows: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """Table -> verdict -> rows."""
    differences: list[RowDifference] = field(default_factory=list)
    """The first of them."""
    lost: list[str] = field(default_factory=list)
    """Changelogs that the broker does not have."""
    digests: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """Table -> digests of all rows as made again, and as held."""

    def add(self, one: RowDifference) -> None:
        """Take in what is said of a row."""
        self.rows += 1
        of_table = self.counts.setdefault(one.table, {})
        of_table[one.verdict] = of_table.get(one.verdict, 0) + 1
        if one.verdict in (*DIFFERENT, "unverifiable") and len(self.differences) < self.listed_max:
            self.differences.append(one)
        digests = self.digests.setdefault(one.table, (hashlib.sha256(), hashlib.sha256()))
        for digest, row in zip(digests, (one.made, one.held), strict=True):
            digest.update(f"{one.lane}\0{one.tenant}\0{one.scope}\0{row}\n".encode())

    def count(self, *verdicts: RowVerdict) -> int:
        """Count the rows of which one of these is said."""
        return sum(of.get(verdict, 0) for of in self.counts.values() for verdict in verdicts)

    @property
    def status(self) -> int:
        """How a process that compared exits, as `replay verify` does."""
        if self.lost or self.count(*DIFFERENT):
            return 1
        return 3 if self.count("unverifiable") else 0

    def as_json(self) -> dict[str, Any]:
        """Return it as the command line prints it."""
        return {
            "rows": self.rows,
            "tables": {
                name: {
                    **dict(sorted(of.items())),
                    "digests": [one.hexdigest() for one in self.digests[name]],
                }
                for name, of in sorted(self.counts.items())
            },
            "lost": self.lost,
            "differences": [one._asdict() for one in self.differences],
        }


class ComparedRow(NamedTuple):
    """A row, and what to write in its place."""

    key: bytes
    told: RowDifference
    wanted: bytes | None
    """The row as it should be, with what is open in the changelog; None for no row."""
    mends: bool
    """Whether writing that mends it."""


class RowComparison:
    """Compares the rows of a lane of a table."""

    def __init__(
        self,
        table: RemadeTable,
        lane: int,
        store: RowStore,
        open_inputs: OpenInputs,
        topics: Mapping[str, str],
        people: AbstractSet[Person],
    ) -> None:
        self._table = table
        self._lane = lane
        self._store = store
        self._open = open_inputs
        self._topics = {log: topic for topic, log in topics.items()}
        self._people = people
        self._made = store.rows(MADE, table.NAME)
        self._held = store.rows(LIVE, table.NAME)

    def rows(self) -> Iterator[ComparedRow]:
        """Compare all rows that one of the two sides has, in the order of their keys."""
        name, oldest = self._table.NAME, -1
        if self._table.ROWS_MAX is not None:
            oldest = self._made.turn_of_newest(self._table.ROWS_MAX - SLACK)
        for key in self._store.keys(name, MADE, LIVE):
            yield self._compared(key, oldest)

    def _compared(self, key: bytes, oldest: int) -> ComparedRow:
        made, held = self._made.get(key), self._held.get(key)
        doubts = self._store.doubts(self._table.NAME, key)
        rows = self._table.row_of(made), self._table.row_of(held)
        two = TwoRows(*rows, doubts, self._is_open, self._table.said)
        verdict, reason = self._verdict(key, held, two, oldest)
        told = self._told(key, verdict, reason, two)
        if verdict in {"missing", "different"}:
            wanted = self._table.spelt(two.wanted(self._table.ENTRIES))
            return ComparedRow(key, told, wanted, mends=verdict == "missing" or not two.doubt())
        return ComparedRow(key, told, None, mends=verdict == "extra")

    def _verdict(
        self, key: bytes, held: bytes | None, two: TwoRows, oldest: int
    ) -> tuple[RowVerdict, str]:
        if two.made is None:
            return self._extra(key, held or b"", two)
        if held is None:
            if self._made.turn_of(key) <= oldest:
                return "dropped", ""
            if not two.certain(two.made):
                return two.doubt() or ("pending", "")
            return "missing", "the changelog holds no such row"
        if two.held is None:
            return "different", "the changelog's row can't be read"
        if reason := two.difference(self._table.ENTRIES):
            return "different", reason
        return two.doubt() or ("pending" if two.opened else "equal", "")

    def _extra(self, key: bytes, held: bytes, two: TwoRows) -> tuple[RowVerdict, str]:
        if self._table.is_of(key, held, self._people):
            return "extra", "it is of somebody who was erased"
        if two.held is None:
            return "extra", "it can't be read, and the log has no such row"
        if not two.certain(two.held):
            return two.doubt() or ("pending", "")
        if not any(entry.log for entry in two.held.entries):
            return "unverifiable", BEFORE_LOGS
        return "extra", "nothing on the log writes it"

    def _is_open(self, entry: TableEntry) -> bool:
        end = self._open.ends.get(self._topics.get(entry.log, ""))
        return entry.event in self._open.events or (end is not None and entry.offset >= end)

    def _told(self, key: bytes, verdict: RowVerdict, reason: str, two: TwoRows) -> RowDifference:
        try:
            place = RowKey.at(key)
        except (ValueError, TypeError):  # no key of ours: whoever wrote it knows
            place = RowKey(self._lane, "", key.hex())
        made = self._digest(two.made, self._made.get(key))
        held = self._digest(two.held, self._held.get(key))
        return RowDifference(
            self._table.NAME,
            self._lane,
            self._held.turn_of(key),
            place.tenant,
            place.scope,
            verdict,
            made,
            held,
            reason,
        )

    def _digest(self, row: TableRow | None, data: bytes | None) -> str:
        if row is None:  # one that can't be read is what its bytes are
            return "" if data is None else hashlib.sha256(data).hexdigest()
        told = [(entry.event, self._table.said(entry)) for entry in row.entries]
        return hashlib.sha256(_encode(told)).hexdigest()
