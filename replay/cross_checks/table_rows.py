"""Rows of the steps' tables, against what was written to them before.

Runs that are made again ask for their writes again, so what a row holds is known though the log
keeps no more of a write than a digest. Events of one session run one after another: a run reads
what the run before it wrote. Where a run can't be made again, its row is not known until it is
read.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import NamedTuple

from replay.cross_checks.forms import form_of
from schemas import Record, ReleaseState

ROWS_MAX = 100_000
"""Rows that are followed in a lane at once; of older ones it is no longer known what they hold."""
ANSWERS_MAX = 4_000
"""Answers whose moderation is followed at once, as many as the table keeps."""
RELEASES_KEPT = 8  # newest states of an answer
Key = tuple[str, ...]


class RowState(NamedTuple):
    """What a row holds, and of which code version who wrote it."""

    form: bytes
    code: str
    event: str
    """The event that wrote it; empty where that was not seen."""
    before: bytes | None
    """What the event found that wrote it; None where that is not known."""


class Rows:
    """What is known of the rows of a table in a lane."""

    def __init__(self, empty: Record, rows_max: int = ROWS_MAX) -> None:
        self._empty = form_of(empty)
        self._rows: OrderedDict[Key, RowState | None] = OrderedDict()
        """None where a row was written, and what is not known."""
        self._rows_max = rows_max
        self._complete = True
        """Whether no row was forgotten."""
        self._begun: dict[Key, bytes] = {}
        """What rows of forks begin with, once that has been taken in."""

    def begin(self, key: Key, state: Record) -> None:
        """Take in that a row may hold a state before any run writes it; the first one counts."""
        self._begun.setdefault(key, form_of(state))

    def against_read(self, key: Key, state: Record, event: str, code: str) -> str:
        """Say what speaks against what an event read of a row."""
        read, known = form_of(state), self._rows.get(key)
        if known is None:
            unknown = key in self._rows or not self._complete
            if not unknown and read not in {self._empty, self._begun.get(key)}:
                return "no run before wrote it"
        elif not known.event and known.form == self._empty and read == self._begun.get(key):
            pass  # read before what it begins with was there, and written by nobody since
        elif known.event == event:  # run again: it sees what it saw the first time
            return "" if known.before in {None, read} else "its event read otherwise before"
        elif read != known.form and (read != self._empty or code == known.code):
            return "the run before it left another state"  # rows may begin anew with a release
        self._keep(key, RowState(read, code, "", None))
        return ""

    def unknown(self, key: Key) -> bool:
        """Say whether a row was written in a way that is not known."""
        return not self._complete or (key in self._rows and self._rows[key] is None)

    def holds(self, key: Key, state: Record) -> bool:
        """Say whether a row holds a state, as far as it is known."""
        known = self._rows.get(key)
        return known is not None and known.form == form_of(state)

    def write(self, key: Key, state: Record, event: str, code: str) -> None:
        """Take in what an event wrote."""
        known = self._rows.get(key)
        before = None
        if known is not None:
            before = known.before if known.event == event else known.form
        self._keep(key, RowState(form_of(state), code, event, before))

    def forget(self, key: Key) -> None:
        """Take in that a run may have written a row, and not what."""
        self._keep(key, None)

    def _keep(self, key: Key, state: RowState | None) -> None:
        self._rows[key] = state
        self._rows.move_to_end(key)
        if len(self._rows) > self._rows_max:
            self._rows.popitem(last=False)
            self._complete = False


class ReleaseRows:
    """The newest states of the answers that are being moderated.

    A batch reads the newest state of a batch before it, of whichever attempt, or that nothing has
    begun: so does the first batch, however often its answer was begun anew, and so does a batch
    whose row has no such state any more (the table keeps four, and runs that were cut off before
    their outcomes were on the log may have written as many).
    """

    def __init__(self) -> None:
        self._states: OrderedDict[Key, deque[tuple[int, bytes]] | None] = OrderedDict()
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
        if unknown or (state.batch, form_of(state)) in (known or ()):
            return ""
        return "no batch before left it"

    def write(self, key: Key, state: ReleaseState) -> None:
        """Take in what a batch left."""
        states = self._states.get(key, deque[tuple[int, bytes]](maxlen=RELEASES_KEPT))
        if states is not None:
            states.append((state.batch, form_of(state)))
        self._keep(key, states)

    def forget(self, key: Key) -> None:
        """Take in that a run may have written a row, and not what."""
        self._keep(key, None)

    def _keep(self, key: Key, states: deque[tuple[int, bytes]] | None) -> None:
        self._states[key] = states
        self._states.move_to_end(key)
        if len(self._states) > ANSWERS_MAX:
            self._states.popitem(last=False)
            self._complete = False
