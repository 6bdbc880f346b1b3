"""Support head: how likely a statement is supported, by weights on what comparing it has shown.

The weights are in agents/configuration/checking-1.json, which bench/groundedness writes and says
how good they are. A logistic curve over a sum in a fixed order, rounded far above the digits in
which mathematics libraries differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from agents.checking.clauses import Claim
from agents.checking.comparing import Comparison
from agents.checking.holding import PREFIX, HeldClaim

DECIMALS = 6
EXPONENT_MAX = 60.0
RELATED = 0.3  # share of words from which a sentence is about the same
OPPOSED_MAX = 3  # sentences that say the opposite, beyond which more say no more
NAMED = ("polarity", "direction", "number", "condition", "modality")
NOTHING = Comparison(0.0, (), (), ())


def features(
    claim: Claim,
    comparisons: Sequence[Comparison],
    alone: Sequence[Comparison],
    sources: Sequence[HeldClaim],
) -> dict[str, float]:
    """Return what the head weighs: shares of words, and what was found, best candidate first.

    `alone` are more sentences, each by itself, of which those count that say something opposed.
    """
    best = comparisons[0] if comparisons else NOTHING
    asserted = [one for one in comparisons if "assertion" not in one.lacking]
    stems = {item.stem for item in claim.items}
    beginnings = {stem[:PREFIX] for stem in stems}
    all_stems = {stem for source in sources for stem in stems & source.flags.keys()}
    all_beginnings = {start for source in sources for start in beginnings & source.beginnings}
    named = {
        "share": best.share,
        "asserted_share": asserted[0].share if asserted else 0.0,
        "anywhere": len(all_stems) / max(1, len(stems)),
        "family_anywhere": len(all_beginnings) / max(1, len(beginnings)),
        "names": _part(name in all_stems for name in claim.names),
    }
    opposed = [
        one
        for one in alone
        if "direction" in one.against and "assertion" not in one.lacking and one.share >= RELATED
    ]
    named["opposed"] = min(1.0, len(opposed) / OPPOSED_MAX)
    for name in NAMED:
        named[f"against_{name}"] = _part((name in one.against for one in comparisons), 0.0)
        named[f"lacking_{name}"] = float(name in best.lacking)
        named[f"agreeing_{name}"] = float(name in best.agreeing)
    return named


def probability(named: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Map features to 0 … 1 by weights, of which `bias` has none."""
    value = weights["bias"]
    for name in sorted(weights.keys() - {"bias"}):
        value += weights[name] * named[name]
    if value < -EXPONENT_MAX:
        return 0.0
    return round(1 / (1 + math.exp(-value)), DECIMALS)


def _part(held: Iterable[bool], none: float = 1.0) -> float:
    """Return the part of several that is true; a given one where there is none."""
    listed = list(held)
    return sum(listed) / len(listed) if listed else none
