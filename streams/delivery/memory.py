"""Memory: how many bytes of inputs a process holds, and whose fetching waits when it is too much.

All steps and lanes of a process share one budget. Over it, who holds more than an equal share waits
and nobody else: what one tenant's documents take never keeps another tenant's question out. A lane
that holds nothing may always take a record.
"""

from __future__ import annotations


class Memory:
    """Bytes of inputs taken and not finished, over all lanes of all steps of a process.

    Changed on the event loop alone; the readers' threads ask.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.holders = 0
        """Lanes that hold something."""

    @property
    def share(self) -> int:
        """Bytes that each lane may hold when all are taken."""
        return self.limit // max(1, self.holders)

    def take(self, size: int, *, first: bool) -> None:
        """Count bytes that a lane has taken; `first`: it held nothing."""
        self.used += size
        self.holders += first

    def free(self, size: int, *, last: bool) -> None:
        """Count bytes that a lane has let go of; `last`: it holds nothing any more."""
        self.used -= size
        self.holders -= last

    def exceeded_by(self, held: int) -> bool:
        """Say whether a lane that holds so many bytes is why there are too many."""
        return self.used > self.limit and held > self.share

    def has_room(self, held: int) -> bool:
        """Say whether a lane that waited, and holds so many bytes, may take more again.

        Half of what made it wait must be free, so that it does not begin and wait by turns.
        """
        return self.used <= self.limit // 2 or held <= self.share // 2
