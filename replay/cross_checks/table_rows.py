"""Rows of the steps' tables, against what was written to them before.

Runs that are made again ask for their writes again, so what a row holds is known though the log
keeps no more of a write than a digest. Events of one session run one after another: a run reads
what the run before it wrote. Where a run can't be made again, its row is not known until it is
read.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from sys import intern
from typing import NamedTuple

from replay.cross_checks.forms import form_number
from schemas import Record, ReleaseState

ROWS_MAX = 100_000
"""Rows that are followed in a lane at once; of older ones it is no longer known what they hold."""
ANSWERS_MAX = 4_000
"""Answers whose moderation is followed at once, as many as the table keeps."""
RELEASES_KEPT = 8  # newest states of an answer
Key = tuple[str, ...]


class RowState(NamedTuple):
    """What a row holds, and of which code version who wrote it."""

    form: int
    code: str
    event: int | None
    """The event that wrote it, by its number; None where that was not seen."""
    before: int | None
    """What the event found that wrote it; None where that is not known."""


class Rows:
    """What is known of the rows of a table in a lane."""

    def __init__(self, empty: Record, rows_max: int = ROWS_MAX) -> None:
        self._empty = form_number(empty)
        self._rows: dict[int, RowState | None] = {}
        """By the numbers of keys, the one that was looked at last at the end; None where a row was
        written, and what is not known."""
        self._rows_max = rows_max
        self._complete = True
        """Whether no row was forgotten."""
        self._begun: dict[int, int] = {}
        """What rows of forks begin with, once that has been taken in."""

    def begin(self, key: Key, state: Record) -> None:
        """Take in that a row may hold a state before any run writes it; the first one counts."""
        self._begun.setdefault(form_number(key), form_number(state))

    def against_read(self, key: Key, state: Record, event: str, code: str) -> str:
        """Say what speaks against what an event read of a row."""
        row, read = form_number(key), form_number(state)
        known, begun = self._rows.get(row), self._begun.get(row)
        if known is None:
            unknown = row in self._rows or not self._complete
            if not unknown and read not in {self._empty, begun}:
                return "no run before wrote it"
        elif known.event is None and known.form == self._empty and read == begun:
            pass  # read before what it begins with was there, and written by nobody since
        elif known.event == form_number(event):  # run again: it sees what it saw the first time
            return "" if known.before in {None, read} else "its event read otherwise before"
        elif read != known.form and (read != self._empty or code == known.code):
            return "the run before it left another state"  # rows may begin anew with a release
        self._keep(row, RowState(read, intern(code), None, None))
        return ""

    def unknown(self, key: Key) -> bool:
        """Say whether a row was written in a way that is not known."""
        row = form_number(key)
        return not self._complete or (row in self._rows and self._rows[row] is None)

    def holds(self, key: Key, state: Record) -> bool:
        """Say whether a row holds a state, as far as it is known."""
        known = self._rows.get(form_number(key))
        return known is not None and known.form == form_number(state)

    def write(self, key: Key, state: Record, event: str, code: str) -> None:
        """Take in what an event wrote."""
        row, by = form_number(key), form_number(event)
        known = self._rows.get(row)
        before = None
        if known is not None:
            before = known.before if known.event == by else known.form
        self._keep(row, RowState(form_number(state), intern(code), by, before))

    def forget(self, key: Key) -> None:
        """Take in that a run may have written a row, and not what."""
        self._keep(form_number(key), None)

    def _keep(self, row: int, state: RowState | None) -> None:
        self._rows.pop(row, None)
        self._rows[row] = state
        if len(self._rows) > self._rows_max:
            del self._rows[next(iter(self._rows))]
            self._complete = False


class ReleaseRows:
    """The newest states of the answers that are being moderated.

    A batch reads the newest state of a batch before it, of whichever attempt, or that nothing has
    begun: so does the first batch, however often its answer was begun anew, and so does a batch
    whose row has no such state any more (the table keeps four, and runs that were cut off before
    their outcomes were on the log may have written as many).
    """

    def __init__(self) -> None:
        self._states: OrderedDict[Key, deque[tuple[int, int]] | None] = OrderedDict()
        """None where a run may have written that can't be made again."""
        self._complete = True

    def against_read(self, key: Key, batch: int, state: ReleaseState) -> str:
        """Say what speaks against what a batch read."""
        if state == ReleaseState():
            return ""
        if state.batch >= batch:
            return "it is the state of a batch that comes later, or of its own"
        known = self._states.get(key, ())
        unknown = known is None or (not known and not self._complete)
        if unknown or (state.batch, form_number(state)) in (known or ()):
            return ""
        return "no batch before left it"

    def write(self, key: Key, state: ReleaseState) -> None:
        """Take in what a batch left."""
        states = self._states.get(key, deque[tuple[int, int]](maxlen=RELEASES_KEPT))
        if states is not None:
            states.append((state.batch, form_number(state)))
        self._keep(key, states)

    def forget(self, key: Key) -> None:
        """Take in that a run may have written a row, and not what."""
        self._keep(key, None)

    def _keep(self, key: Key, states: deque[tuple[int, int]] | None) -> None:
        self._states[key] = states
        self._states.move_to_end(key)
        if len(self._states) > ANSWERS_MAX:
            self._states.popitem(last=False)
            self._complete = False
