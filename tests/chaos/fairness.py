"""Whether one tenant's flood stays its own: by order on the log, and by how long the others waited.

The order needs no clock and no fast machine: a neighbour's question must not wait behind many questions of the flooding
tenant that were asked after it, in the same lane. How many of those that were asked before it and were still waiting it
passed says how fair the turns are: none where all are served in the order they came.
"""

import bisect
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.chaos.quantiles import quantile

LATER_MAX = 200
"""Later questions of the flood that may end before a neighbour's: 12 windows of a lane, for what failed in between.

Of 95 in 100 neighbours; the others met a fault themselves."""


class Turn(NamedTuple):
    """Where one neighbour's question stood among those of the flood."""

    later: int
    """Questions of the flood that were asked after it and ended before it."""
    passed: int
    """Questions of the flood that were asked before it and ended after it."""


def turns_of(
    asked: Sequence[tuple[str, bool]], ended: Mapping[str, int], flood: AbstractSet[str]
) -> list[Turn]:
    """Return the turns of the neighbours among a lane's questions, of those that met the flood.

    `asked` holds request and whether it is a neighbour's, in the order of the log; `ended` where each had its end.
    """
    order = [(id_, is_neighbour) for id_, is_neighbour in asked if id_ in ended]
    later = _of_flood_below(reversed(order), ended, flood)
    earlier = _of_flood_below(order, ended, flood)
    so_far = 0
    turns = []
    for id_, is_neighbour in order:
        so_far += id_ in flood
        if is_neighbour:
            turn = Turn(later[id_], so_far - earlier[id_])
            if any(turn):
                turns.append(turn)
    return turns


def _of_flood_below(
    order: Iterable[tuple[str, bool]], ended: Mapping[str, int], flood: AbstractSet[str]
) -> dict[str, int]:
    """Return for each neighbour how many of the flood stand before it in the order and ended before it."""
    known: list[int] = []
    below: dict[str, int] = {}
    for id_, is_neighbour in order:
        if id_ in flood:
            bisect.insort(known, ended[id_])
        elif is_neighbour:
            below[id_] = bisect.bisect_left(known, ended[id_])
    return below


def out_of_turn(later: Sequence[int]) -> list[str]:
    """Say where neighbours waited behind too many questions that came later."""
    most = quantile(later, 95)
    if most <= LATER_MAX:
        return []
    behind = f"neighbours of a flood waited behind {most:g} of its questions that were asked later"
    return [
        f"{behind} (the 95th of 100, {len(later)} in all): at most {LATER_MAX} are what faults explain"
    ]


@dataclass
class Floods:
    """When the floods were let go, and what they consist of."""

    at_s: list[float] = field(default_factory=list)
    """On the monotonic clock."""
    requests: list[set[str]] = field(default_factory=list)
    neighbours: set[str] = field(default_factory=set)
    """Requests of other tenants."""

    @property
    def all(self) -> set[str]:
        """All requests of the floods."""
        return set().union(*self.requests)


def waits(
    floods: Floods, asked_s: Mapping[str, float], ends_s: Mapping[str, float]
) -> tuple[list[float], list[float]]:
    """Return how long neighbours waited for their ends, in seconds: while floods were worked off, and else."""
    spans = [
        (at_s, max((ends_s[id_] for id_ in requests if id_ in ends_s), default=at_s))
        for at_s, requests in zip(floods.at_s, floods.requests, strict=True)
    ]
    during: list[float] = []
    quiet: list[float] = []
    for id_ in floods.neighbours:
        if id_ not in ends_s or id_ not in asked_s:
            continue
        at_s = asked_s[id_]
        flooded = any(begin <= at_s <= end for begin, end in spans)
        (during if flooded else quiet).append(ends_s[id_] - at_s)
    return during, quiet
