"""Tenures: what was done of a lane's inputs when it came, as far as its tables must know.

An input that is not done is run again. What a run of it that a crash cut off has written is then no
value that others rest on: the next input of a session begins only when the one before is finished
(see `lane`). So of an input that was not done when the lane came, only what this worker's own run
writes counts. Else an input that waited for its schema, while a later one passed it and was cut
off, would go on from that one's number, which nothing on the log tells.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas import TableEntry
from streams.delivery.progress import Progress


@dataclass(frozen=True)
class Tenure:
    """Of one lane of an input topic."""

    log: str
    """The broker's id of the topic; never empty."""
    since: int
    """The table's count of turns when it came; rows written since have a count at or above it."""
    done: Progress | None
    """What was done then; None where an input that runs again makes the same value again."""

    def counts(self, entry: TableEntry, turn: int) -> bool:
        """Say whether an entry counts, in a row that was written in a turn (0: by another worker).

        Entries of another log, which is gone, do: no input of it comes again.
        """
        if entry.log != self.log or self.done is None or turn >= self.since:
            return True
        return entry.offset < self.done.committed or entry.offset in self.done.closed
