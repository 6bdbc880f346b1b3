"""What a contender is told: where the broker is, and which topics its hops lead through."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise

HOPS = 8
PARTITIONS = 4


@dataclass(frozen=True)
class Chain:
    """A chain of hops: each reads one topic and writes the next."""

    kafka: str
    """Bootstrap servers."""
    registry: str
    """Schema registry, for those who use one."""
    run: str
    """Folder for what a contender keeps on disk."""
    group: str
    """Consumer group, or the beginning of its name."""
    topics: tuple[str, ...]
    """One more than there are hops."""

    @property
    def hops(self) -> Iterator[tuple[str, str]]:
        """Pairs of the topic that a hop reads and the topic that it writes."""
        return pairwise(self.topics)

    def argument(self) -> str:
        """Spell it as the one argument of a contender's process."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, argument: str) -> Chain:
        """Read it from what `argument` has spelt."""
        values = json.loads(argument)
        return cls(**{**values, "topics": tuple(values["topics"])})

    @classmethod
    def given(cls) -> Chain:
        """Read it from the command line of this process."""
        return cls.parse(sys.argv[1])
