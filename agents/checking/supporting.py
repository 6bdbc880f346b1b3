"""Supporting: whether a statement rests on sentences of sources, contradicts them, or neither.

Why it is so: words that a source holds don't make a statement true. "The lake is not the largest"
holds all words of "The lake is the largest". So beside the share of its words that the best one or
two sentences hold, each number, date and name of a statement has to stand there, and what turns
its meaning has to stand there alike: negations with what they reach, polar words (more, less),
modal verbs, quantifiers, conditions. Only what a short list or a form knows is seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from agents.checking.clauses import Claim, claim_of
from agents.checking.comparing import Comparison, compare
from agents.checking.holding import HeldClaim, held_of, keys_of
from agents.checking.support_head import features, probability
from agents.language import content

SHARE_MIN = 0.7  # of a statement's content words, that it may be called supported
RELATED_MIN = 0.5  # of them, that a source can be said to contradict it
NEAR_BEST = 0.1  # share by which a sentence may hold less than the best, and still be looked at
CANDIDATES_MAX = 6
WIDE_MAX = 24  # the same, where what speaks against a statement is looked for
DECIMALS = 6
SUPPORTED, CONTRADICTED, NOT_SUPPORTED = "supported", "contradicted", "not_supported"


class SupportCheck(NamedTuple):
    """What became of a statement that was checked."""

    outcome: str
    """`supported`, `contradicted` or `not_supported`."""
    reasons: tuple[str, ...]
    """Why it is not supported.

    Each of polarity, direction, number, date, modality, quantifier and condition where a source
    says it otherwise; with `lacks_` before it, and name and assertion, where none says it; `words`
    where too few of its words stand in a source.
    """
    share: float
    """Part of its content words that the sources hold."""
    sources: tuple[int, ...]
    """Indices of the one or two sentences it was compared with; none if none shares a word."""
    score: float = 0.0
    """How likely it is supported, 0 to 1, by the head whose weights were given."""


UNKNOWN = SupportCheck(NOT_SUPPORTED, ("words",), 0.0, ())


def check(
    statement: str,
    sources: Sequence[str],
    given: str = "",
    weights: Mapping[str, float] | None = None,
) -> SupportCheck:
    """Check a statement against the sentences of its sources, in their order.

    An empty source parts those of two passages, so that no pair is made across. Words that are
    `given`, such as the question's, count as held; numbers and polarity do not.
    """
    claim, held = claim_of(statement), read(sources)
    known = frozenset(content(given))
    near = Candidates(claim, held)
    found = [(compare(claim, other, known), where) for where, other in near.nearest]
    best = max((_judged(*one) for one in found), key=_rank, default=UNKNOWN)
    if not found and not claim.items:
        best = _judged(compare(claim, held_of(""), known), ())
    if weights is None:
        return best
    return best._replace(score=probability(support_features(claim, held, near, known), weights))


def read(sources: Sequence[str]) -> list[HeldClaim]:
    """Read the sentences of sources, each once: no cache keeps as many as a document may have."""
    return [held_of(source) for source in sources]


def support_features(
    claim: Claim,
    held: Sequence[HeldClaim],
    found: Candidates | None = None,
    known: frozenset[str] = frozenset(),
) -> dict[str, float]:
    """Return what the head weighs of a claim and the sentences of its sources, as `read` tells.

    `found` are the candidates among those, where they are known already.
    """
    found = found or Candidates(claim, held)
    near = [compare(claim, other, known) for _, other in found.nearest]
    alone = [compare(claim, other, known) for other in found.alone]
    return features(claim, near, alone, held)


def differ(one: str, other: str) -> tuple[str, ...]:
    """Name what two sentences about the same thing say otherwise: number, date, polarity, …

    Nothing where they share too little to be about the same thing, or don't contradict each other.
    """
    first, second = claim_of(one), claim_of(other)
    there, back = compare(first, held_of(other)), compare(second, held_of(one))
    if max(there.share, back.share) < SHARE_MIN and min(there.share, back.share) < RELATED_MIN:
        return ()
    return tuple(dict.fromkeys(name for name in there.against if name in back.against))


class Candidates:
    """The sentences, alone and with the next one, that hold most of a claim, best first."""

    def __init__(self, claim: Claim, held: Sequence[HeldClaim]) -> None:
        self._held = held
        wanted = Counter(keys_of(claim))
        self._total = wanted.total()
        sets = [one.keys & wanted.keys() for one in held]
        ranked: list[tuple[int, int, int, tuple[int, ...]]] = []
        for index, own in enumerate(sets):
            if not own:
                continue
            alone = sum(wanted[key] for key in own)
            ranked.append((alone, 1, -index, (index,)))
            if index + 1 < len(sets) and not own >= sets[index + 1]:
                both = sum(wanted[key] for key in own | sets[index + 1])
                ranked.append((both, 0, -index, (index, index + 1)))
        ranked.sort(reverse=True)
        self._ranked = ranked

    @cached_property
    def nearest(self) -> list[tuple[tuple[int, ...], HeldClaim]]:
        """The few that hold nearly as much as the best, and where they stand."""
        near = self._best(NEAR_BEST, CANDIDATES_MAX)
        return [(where, _together([self._held[index] for index in where])) for where in near]

    @property
    def alone(self) -> list[HeldClaim]:
        """The single sentences among the many that hold something of the claim."""
        wide = self._best(1.0, WIDE_MAX)
        return [self._held[where[0]] for where in wide if len(where) == 1]

    def _best(self, within: float, most: int) -> list[tuple[int, ...]]:
        """Return at `most` so many, and of those what holds less than the best by up to a share."""
        least = self._ranked[0][0] - within * self._total if self._ranked else 0.0
        return [where for count, _, _, where in self._ranked[:most] if count >= least]


def _together(parts: Sequence[HeldClaim]) -> HeldClaim:
    if len(parts) == 1:
        return parts[0]
    return HeldClaim(parts[0].claim.joined(parts[1].claim))


def _judged(found: Comparison, where: tuple[int, ...]) -> SupportCheck:
    """Say what a comparison comes to."""
    lacking = tuple(name if name == "words" else f"lacks_{name}" for name in found.lacking)
    few = ("words",) if found.share < SHARE_MIN else ()
    reasons = found.against + lacking + few
    outcome = NOT_SUPPORTED if reasons else SUPPORTED
    if found.against and found.share >= RELATED_MIN:
        outcome = CONTRADICTED
    return SupportCheck(outcome, reasons, round(found.share, DECIMALS), where)


def _rank(found: SupportCheck) -> tuple[bool, float, int]:
    return found.outcome == SUPPORTED, found.share, -len(found.reasons)
