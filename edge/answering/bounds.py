"""How much one gateway process holds at once, and how long it waits: bounds on memory and time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Counts end in max, times in s."""

    followed_max: int = 1_024
    """Requests followed at once by one process: above what is taken in at once."""
    followed_per_key_max: int = 256
    """Requests followed at once by one key: one tenant must not use up the process."""
    connections_max: int = 4_096
    """WebSockets of one process; each holds two queues and a few tasks."""
    connections_per_key_max: int = 1_024
    """WebSockets of one key."""
    questions_max: int = 8
    """Questions in progress on one WebSocket."""
    listening_max: int = 32
    """Answers of one WebSocket that a retraction would still be told of; the oldest go first."""
    out_max: int = 256
    """Frames that may wait to be sent; behind them, entries wait in the subscriptions."""

    grace_s: float = 2.0
    """How long after the deadline an outcome may still arrive: steps degrade at the deadline."""
    settle_s: float = 2.0
    """How long a closing record waits for text that it closes before it stands alone."""
    late_s: float = 60.0
    """How long a WebSocket keeps listening for a retraction after an answer was closed."""
    tick_s: float = 0.5
    """How often a waiting reader looks at the clock."""
    send_timeout_s: float = 30.0
    """A client that takes nothing for so long is gone; it can come back with its cursor."""
    close_timeout_s: float = 1.0
    """How long to say goodbye to a client that took nothing."""
    farewell_s: float = 0.5
    """For every stream to tell its reader to resume, before the connection is closed."""
    keep_alive_s: float = 15.0
    """Proxies cut a silent stream after 30 to 60 s."""
    tidy_s: float = 3_600.0
    """How often what is remembered for a time is looked through."""
