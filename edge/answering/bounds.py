"""How much one gateway process holds at once, and how long it waits: bounds on memory and time."""

from __future__ import annotations

from dataclasses import dataclass

from edge.load.shares import Shares


@dataclass(frozen=True)
class Pace:
    """How slowly a body may come: one that does not move holds what others wait for."""

    grace_s: float = 10.0
    bytes_per_s: int = 16_384

    def allowed_s(self, size: int) -> float:
        """Return within how many seconds more than so many bytes must have come."""
        return self.grace_s + size / self.bytes_per_s


FOLLOWED = Shares(of_all=1_024, of_tenant=512, of_key=256, least=4)
EMBEDDED = Shares(of_all=32, of_tenant=8, of_key=4, least=1)
UPLOADING = Shares(of_all=64, of_tenant=32, of_key=16, least=2)
CONNECTIONS = Shares(of_all=8_192, of_tenant=4_096, of_key=1_024, least=8)


@dataclass(frozen=True)
class Bounds:
    """Counts end in max, times in s."""

    followed: Shares = FOLLOWED
    """Requests followed at once by one process: above what is taken in at once."""
    connections: Shares = CONNECTIONS
    """WebSockets of one process; an idle one holds some 22 KB."""
    embedded: Shares = EMBEDDED
    """Requests for embeddings at once; each may hold the embedder for a minute."""
    uploading: Shares = UPLOADING
    """Forms and parts of uploads that arrive at once: what the disk holds of forms, 33 MiB each."""
    questions_max: int = 8
    """Questions in progress on one WebSocket."""
    listening_max: int = 32
    """Answers of one WebSocket that a retraction would still be told of; the oldest go first."""

    pace: Pace = Pace()
    grace_s: float = 2.0
    """How long after the deadline an outcome may still arrive: steps degrade at the deadline."""
    settle_s: float = 2.0
    """How long a closing record waits for text that it closes before it stands alone."""
    late_s: float = 60.0
    """How long a WebSocket keeps listening for a retraction after an answer was closed."""
    stop_s: float = 3.0
    """How long a reader who cancelled waits for the log to close the answer."""
    tick_s: float = 0.5
    """How often a waiting reader looks at the clock."""
    send_timeout_s: float = 30.0
    """A client that takes nothing for so long is gone; it can come back with its cursor."""
    close_timeout_s: float = 1.0
    """How long to say goodbye to a client that took nothing."""
    farewell_s: float = 5.0
    """At most, for every stream to tell its reader to resume before the connection is closed."""
    keep_alive_s: float = 15.0
    """Proxies cut a silent stream after 30 to 60 s."""
    tidy_s: float = 3_600.0
    """How often what is remembered for a time is looked through."""
