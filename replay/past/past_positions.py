"""Which position of a tenant's index a time was, and in which lane its documents lie.

A position is the offset of a document's batch in the tenant's lane of `playhead.chunks.embedded`:
what index read when it made a version visible.
"""

from __future__ import annotations

from dataclasses import dataclass

from replay.log import Log
from schemas import ChunksEmbedded, ChunksIndexed
from streams.log.codec import Codec, Undecodable
from streams.topics import topic_of

EMBEDDED, INDEXED = topic_of(ChunksEmbedded), topic_of(ChunksIndexed)


@dataclass(frozen=True)
class TenantPositions:
    """The changes of a tenant's index, in the order of its lane."""

    lane: int
    changes: tuple[tuple[int, int], ...]
    """Position, and when index wrote that it was reached, in microseconds since the Unix epoch."""

    def at(self, time_us: int) -> int:
        """Return the last position that was reached by a time; -1 where nothing was."""
        return max(
            (place for place, reached_us in self.changes if reached_us <= time_us), default=-1
        )


def positions_of(log: Log, codec: Codec, tenant: str) -> TenantPositions:
    """Read the changes of a tenant's index.

    Raises LookupError where there is none, or where the tenant has several lanes: each counts
    positions of its own, and a search asks for one.
    """
    key = tenant.encode()
    by_lane: dict[int, list[tuple[int, int]]] = {}
    for topic, lane in sorted(log.extents()):
        if topic != INDEXED:
            continue
        for stored in log.records(topic, lane):
            if stored.key != key:
                continue
            try:
                event = codec.decode(stored.value, ChunksIndexed)
            except Undecodable:
                continue  # verify reports it
            cause = event.meta.cause
            if cause is not None and cause.topic == EMBEDDED:
                by_lane.setdefault(lane, []).append((cause.offset, event.meta.at))
    if not by_lane:
        raise LookupError(f"no document of tenant {tenant} was ever indexed")
    if len(by_lane) > 1:
        lanes = ", ".join(map(str, sorted(by_lane)))
        raise LookupError(
            f"tenant {tenant} has documents in the lanes {lanes}, which count positions each for "
            "itself: a search as of one position is not defined"
        )
    [(lane, changes)] = by_lane.items()
    return TenantPositions(lane, tuple(sorted(changes)))
