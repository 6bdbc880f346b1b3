"""An input of a lane on its way through the runner: from the record that came to its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streams.delivery.lane import Lane
    from streams.delivery.rota import Share


class Item:
    """One record of a lane, and what has become of it."""

    __slots__ = (
        "attempt",
        "closed",
        "finished",
        "lane",
        "message",
        "offset",
        "session",
        "share",
        "size",
        "tenant",
        "unacknowledged",
        "work",
    )

    share: Share
    """What its tenant has of the lane; set when it is entered there."""

    def __init__(self, lane: Lane, offset: int, size: int, tenant: bytes, message: Any) -> None:
        self.lane = lane
        self.offset = offset
        self.size = size
        """Bytes of its record."""
        self.tenant = tenant
        """The record's key: whose turn of the lane it takes."""
        self.message = message
        """The record as it was delivered."""
        self.session = ""
        """What keeps its order: the event's session, or something of its own."""
        self.work: Any = None
        """What is to be done with it, called with the item; None until it has been opened."""
        self.unacknowledged = 0
        """Records of its outcome that the broker has not acknowledged."""
        self.attempt = 0
        """The newest run of which an outcome was handed over; 0: none."""
        self.closed = False
        self.finished = False

    @property
    def place(self) -> str:
        """Where its record lies."""
        return f"{self.lane.topic}[{self.lane.partition}]@{self.offset}"

    def acknowledged(self) -> None:
        """Say that the broker has one more record of its outcome."""
        self.unacknowledged -= 1
        if self.closed and not self.unacknowledged:
            self.lane.finish(self)

    def failed(self, error: Exception) -> None:
        """Say that the broker refused a record of its outcome: the lane can't go on."""
        self.lane.on_failed(error)

    def close(self) -> None:
        """Say that no further record of its outcome follows."""
        self.closed = True
        if not self.unacknowledged:
            self.lane.finish(self)
