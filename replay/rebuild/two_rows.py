"""One row, as made again from the log and as a changelog holds it.

Of each entry counts which event made it and what it says. Passed over on both sides is what the log
does not tell: what an input may have written that has no closed outcome yet, and what a run wrote
that can't be made again. A row keeps its newest entries, so the one that holds more of what is
passed over may hold less of the oldest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from replay.rebuild.made_tables import ERASED
from schemas import Record, TableEntry, TableRow
from streams.delivery.rows import ROW_BYTES_MAX, written


@dataclass(frozen=True)
class TwoRows:
    """A row on two sides; None where a side has none, or it can't be read."""

    made: TableRow | None
    held: TableRow | None
    doubts: Mapping[str, str]
    """Event -> why it can't be told what it wrote."""
    is_open: Callable[[TableEntry], bool]
    said: Callable[[TableEntry], Record]

    def certain(self, row: TableRow | None) -> list[TableEntry]:
        """Return the entries of a row that the log tells."""
        return [one for one in _entries(row) if not self._passed_over(one)]

    def _passed_over(self, entry: TableEntry) -> bool:
        return entry.event in self.doubts or self.is_open(entry)

    @property
    def opened(self) -> bool:
        """Whether one of them holds what is not finished."""
        return any(map(self.is_open, (*_entries(self.made), *_entries(self.held))))

    def doubt(self) -> tuple[Literal["erased", "unverifiable"], str] | None:
        """Say what can't be told of what they hold; None where all can."""
        whys = [
            self.doubts[entry.event]
            for entry in (*_entries(self.made), *_entries(self.held))
            if entry.event in self.doubts
        ]
        if not whys:
            return None
        others = [why for why in whys if why != ERASED]
        return ("unverifiable", others[0]) if others else ("erased", "")

    def difference(self, entries_max: int) -> str:
        """Say what differs; empty where nothing does."""
        made, held = self.certain(self.made), self.certain(self.held)
        count = min(len(made), len(held))
        if len(made) != len(held):
            longer, row = (made, self.held) if len(made) > len(held) else (held, self.made)
            if not _is_full(row, longer[-count - 1], entries_max):
                return _uneven(made, held)
        for one, other in zip(made[len(made) - count :], held[len(held) - count :], strict=True):
            if one.event != other.event:
                return f"it holds {_named(other)} where the log has {_named(one)}"
            if self.said(one) != self.said(other):
                return f"{_named(one)} says something else"
            if one.log == other.log != "" and one.offset != other.offset:
                return f"{_named(one)} names offset {other.offset}"
        return ""

    def wanted(self, entries_max: int) -> TableRow:
        """Return the row as it should be, with what is passed over of the changelog's."""
        entries = list(_entries(self.made))
        known = {entry.event for entry in entries}
        entries += [
            entry
            for entry in _entries(self.held)
            if entry.event not in known and self._passed_over(entry)
        ]
        row, last = TableRow(entries=tuple(entries[:-1])), entries[-1]
        return written(row, last.event, last.value, entries_max, log=last.log, offset=last.offset)


def _entries(row: TableRow | None) -> Sequence[TableEntry]:
    return () if row is None else row.entries


def _is_full(row: TableRow | None, older: TableEntry, entries_max: int) -> bool:
    """Say whether a row had no room for an older entry."""
    entries = _entries(row)
    size = sum(len(entry.value) for entry in entries) + len(older.value)
    return len(entries) >= entries_max or size > ROW_BYTES_MAX


def _uneven(made: Sequence[TableEntry], held: Sequence[TableEntry]) -> str:
    events = {entry.event for entry in held}
    lacking = next((entry for entry in made if entry.event not in events), None)
    if lacking is not None:
        return f"it lacks {_named(lacking)}"
    events = {entry.event for entry in made}
    more = next((entry for entry in held if entry.event not in events), None)
    return (
        "it holds an entry twice"
        if more is None
        else f"it holds {_named(more)}, which no run wrote"
    )


def _named(entry: TableEntry) -> str:
    return f"the entry of {entry.event} (offset {entry.offset})"
