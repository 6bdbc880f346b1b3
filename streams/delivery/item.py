"""An input of a lane on its way through the runner: from the record that came to its outcome."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
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
        "has_run",
        "held",
        "in_flight",
        "in_flight_to",
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
        self.in_flight = 0
        """Those of them that were handed over; all go to one topic."""
        self.in_flight_to = ""
        self.held: deque[tuple[str, Callable[[], object]]] = deque()
        """Those that wait for these."""
        self.attempt = 0
        """The newest run of which an outcome was handed over; 0: none."""
        self.closed = False
        self.finished = False
        self.has_run = False

    @property
    def place(self) -> str:
        """Where its record lies."""
        return f"{self.lane.topic}[{self.lane.partition}]@{self.offset}"

    def hand_over(self, topic: str, send: Callable[[], object]) -> None:
        """Have a record of its outcome sent, once those that lie on other topics are on the log.

        Topics keep no order among each other: a crash could leave the record that closes an outcome
        and lose one before it.
        """
        self.unacknowledged += 1
        self.held.append((topic, send))
        self._send_held()

    def _send_held(self) -> None:
        held = self.held
        while held and not self.lane.revoked and self._may_send(held[0][0]):
            self.in_flight_to, send = held.popleft()
            self.in_flight += 1
            send()

    def _may_send(self, topic: str) -> bool:
        return not self.in_flight or topic == self.in_flight_to

    def acknowledged(self) -> None:
        """Say that the broker has one more record of its outcome."""
        self.unacknowledged -= 1
        self.in_flight -= 1
        if self.held:
            self._send_held()
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
