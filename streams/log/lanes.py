"""Tenant -> lanes -> partition.

A tenant owns K lanes: the K partitions that score highest for it in rendezvous hashing. A session
or a document hashes to one of them. K is chosen once, before the tenant's first record, as nothing
remembers in which lane a session began: raising K keeps the lanes that there were, but the further
one draws its share of all sessions, old ones too (half of them from 1 to 2), and these go on
without their tables, which stay in the lane before. The edge gives every tenant one lane.

Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM
Transactions on Networking 6(1), 1998.
"""

from functools import lru_cache
from hashlib import blake2b


def _score(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


@lru_cache(maxsize=65_536)
def lanes(tenant: str, partitions: int, count: int = 1) -> tuple[int, ...]:
    """Return the tenant's lanes, best first; a smaller count gives a prefix of a larger one.

    Raises ValueError unless 1 <= count <= partitions.
    """
    if not 1 <= count <= partitions:
        raise ValueError(f"{count} lanes of {partitions} partitions: choose 1 to {partitions}")
    ranked = sorted(range(partitions), key=lambda lane: (-_score(f"{lane}|{tenant}"), lane))
    return tuple(ranked[:count])


def lane_of(tenant: str, session: str, partitions: int, count: int = 1) -> int:
    """Return the partition of a session or document of a tenant that owns `count` lanes.

    Within the tenant's lanes the choice is rendezvous hashing again: a further lane takes its share
    of all sessions, old ones too, and none moves between the lanes that were there before.
    """
    owned = lanes(tenant, partitions, count)
    return max(owned, key=lambda lane: (_score(f"{lane}|{tenant}|{session}"), -lane))
