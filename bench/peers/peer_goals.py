"""Goals: what a chat and a document are to cost beside Haystack's, each with what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.peers.contestants import PLAYHEAD
from bench.peers.corpus import SHORT
from bench.peers.visits import PeerRow
from bench.spread import Spread

MEMORY_MB = 400.0
MEMORY_OF = ("worker", "gateway")
INGEST_MIN = {"squad": 1.2, "awsdocs": 1.5}


@dataclass(frozen=True)
class PeerGoal:
    """A figure that is to be reached."""

    name: str
    value: float | None
    """None where it was not measured."""
    bound: float
    at_least: bool
    unit: str = "x Haystack's"

    @property
    def reached(self) -> bool | None:
        """Whether it is; None where it was not measured."""
        if self.value is None:
            return None
        return self.value >= self.bound if self.at_least else self.value <= self.bound


def goals(rows: Sequence[PeerRow], ingest: Mapping[str, Spread]) -> list[PeerGoal]:
    """Set what was measured beside the goals: answers of 48 tokens, and all sets of documents."""
    ours = {row.users: row for row in rows if row.program == PLAYHEAD and row.tokens == SHORT}
    found = list(_of_chats(ours))
    memory = (ours[16].pss_mb if 16 in ours else {}) or {}
    measured = sum(memory[name] for name in MEMORY_OF) if memory else None
    found.append(PeerGoal("memory, worker and gateway", measured, MEMORY_MB, False, "MB"))
    for name, bound in INGEST_MIN.items():
        ratio = ingest[name].ratio if name in ingest else None
        found.append(PeerGoal(f"documents/s, {name}", ratio, bound, at_least=True))
    return found


def _of_chats(ours: Mapping[int, PeerRow]) -> Iterator[PeerGoal]:
    for name, field, users, bound, at_least in (
        ("first text p50, 1 user", "first_p50_ms", 1, 1.0, False),
        ("chats/s, 16 users", "rate", 16, 1.2, True),
        ("first text p50, 16 users", "first_p50_ms", 16, 1.0, False),
        ("CPU a chat, 16 users", "own_cpu_ms", 16, 1.3, False),
        ("CPU a chat, 1 user", "own_cpu_ms", 1, 2.0, False),
    ):
        ratio = getattr(ours[users], field).ratio if users in ours else None
        yield PeerGoal(name, ratio, bound, at_least)
