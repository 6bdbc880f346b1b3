"""How long a run took to go on after what was done to it."""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from streams.delivery.slot import SESSION_S

ProgressAfter = Callable[[float], float | None]
"""Seconds from a moment until every lane had a new record; None where none came any more."""


def recoveries(
    hits: Sequence[tuple[str, float]], progress_after: ProgressAfter
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return how long all lanes took to go on after each fault; and after those that stood alone.

    A fault stands alone if all lanes had gone on after those before it, and went on before the next.
    """
    every: defaultdict[str, list[float]] = defaultdict(list)
    alone: defaultdict[str, list[float]] = defaultdict(list)
    calm_s = 0.0  # when all lanes had gone on after the faults so far
    for (kind, at_s), (_, next_s) in itertools.pairwise([*hits, ("", math.inf)]):
        waited_s = progress_after(at_s)
        if waited_s is None:
            continue
        every[kind].append(waited_s)
        if calm_s < at_s and at_s + waited_s < next_s:
            alone[kind].append(waited_s)
        calm_s = max(calm_s, at_s + waited_s)
    return dict(every), dict(alone)


def longest_waits(
    hits: Sequence[tuple[str, float]], asked_s: Mapping[str, float], ends_s: Mapping[str, float]
) -> dict[str, list[float]]:
    """Return how long the last waited of the requests that were open at a fault, or came soon after.

    It counts from the fault, or from when the request came. Lanes that had nothing to do count for
    nothing here; a request that takes long by itself does.
    """
    spans = [(asked_s[id_], end_s) for id_, end_s in ends_s.items() if id_ in asked_s]
    waits: defaultdict[str, list[float]] = defaultdict(list)
    for kind, at_s in hits:
        open_s = (
            end - max(begin, at_s)
            for begin, end in spans
            if begin <= at_s + SESSION_S and end > at_s
        )
        waits[kind].append(max(open_s, default=0.0))
    return {f"longest wait of a request about a {kind}": of for kind, of in waits.items()}


def after_outage(
    away_s: float,
    back_s: float,
    asked_s: Mapping[str, float],
    ends_s: Mapping[str, float],
    progress_after: ProgressAfter,
) -> dict[str, float]:
    """Return how long a component was away, and how long after it was back all went on and had ended.

    `asked_s` and `ends_s` say when each request was asked and had its end; only those asked before
    the component was back are waited for.
    """
    waiting = [request for request, at_s in asked_s.items() if at_s < back_s]
    ended_s = max((ends_s.get(request, back_s) for request in waiting), default=0.0)
    return {
        "away_s": away_s,
        "lanes_went_on_s": progress_after(back_s) or 0.0,
        "all_that_waited_had_ended_s": max(0.0, ended_s - back_s),
    }
