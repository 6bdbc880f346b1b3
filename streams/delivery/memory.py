"""Memory: how many bytes of inputs a process holds, over all its steps."""

from __future__ import annotations


class Memory:
    """Bytes of inputs taken and not finished, over all steps of a process."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    @property
    def over(self) -> bool:
        """Whether nothing more should be taken."""
        return self.used > self.limit

    @property
    def ample(self) -> bool:
        """Whether taking may begin again."""
        return self.used <= self.limit // 2
