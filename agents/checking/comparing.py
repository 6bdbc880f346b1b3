"""Comparing: where a claim says something else than another, and how much of it the other holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from agents.checking.clauses import Claim, Marked, Term
from agents.checking.holding import HEAD, HeldClaim, beside

_Finding = tuple[str, str]
AGAINST, LACKING, AGREEING = "against", "lacking", "agreeing"
NOTHING: frozenset[str] = frozenset()
NEITHER: frozenset[bool] = frozenset()


class Comparison(NamedTuple):
    """How a claim stands to another."""

    share: float
    """Part of the claim's content words that the other holds."""
    against: tuple[str, ...]
    """Names of what the other says otherwise."""
    lacking: tuple[str, ...]
    """Names of what the other does not say."""
    agreeing: tuple[str, ...]
    """Names of what both say alike, and could have said otherwise."""


def compare(claim: Claim, other: HeldClaim, given: frozenset[str] = NOTHING) -> Comparison:
    """Compare a claim with what may support it; stems that are given count as held."""
    found: dict[str, list[str]] = {AGAINST: [], LACKING: [], AGREEING: []}
    for part in (_polarity, _directions, _numbers, _dates, _modality, _quantifiers):
        for how, name in part(claim, other):
            found[how].append(name)
    for how, name in _conditions(claim, other, given):
        found[how].append(name)
    if any(name not in other.flags and name not in given for name in claim.names):
        found[LACKING].append("name")
    if all(other.claim.opened) and not all(claim.opened):
        found[LACKING].append("assertion")
    held = sum(item.stem in given or other.holds(item) for item in claim.items)
    share = held / len(claim.items) if claim.items else 1.0
    return Comparison(share, **{how: tuple(dict.fromkeys(names)) for how, names in found.items()})


def _polarity(claim: Claim, other: HeldClaim) -> Iterator[_Finding]:
    """Compare what is negated, by the first words that negations of either reach."""
    own: dict[str, set[bool]] = {}
    for item in claim.items:
        own.setdefault(item.stem, set()).add(item.negated)
    scopes = (scope for said in (claim, other.claim) for scope in said.scopes)
    reached = [stem for scope in scopes for stem in scope[:HEAD] if stem in own]
    shared = [stem for stem in reached if stem in other.flags]
    turned = [_turned(item, other) for item in claim.items]
    if AGAINST in turned or any(own[stem].isdisjoint(other.flags[stem]) for stem in shared):
        yield AGAINST, "polarity"
    elif shared or AGREEING in turned:
        yield AGREEING, "polarity"
    elif any(claim.scopes):
        yield LACKING, "polarity"


def _turned(item: Term, other: HeldClaim) -> str:
    """Tell how a word stands to its opposite by a beginning, if alone that is held: (un)stable."""
    flags = NEITHER if item.stem in other.flags else other.flags_of(item)
    return (AGREEING if item.negated in flags else AGAINST) if flags else ""


def _directions(claim: Claim, other: HeldClaim) -> Iterator[_Finding]:
    """Compare the polar words of both that stand beside the same words."""
    for index, item in enumerate(claim.items):
        if not item.axis:
            continue
        same, opposite = other.nearest(item, beside(claim.items, index))
        if opposite > max(same, 0):
            yield AGAINST, "direction"
        elif same > 0:
            yield AGREEING, "direction"


def _numbers(claim: Claim, other: HeldClaim) -> Iterator[_Finding]:
    """Compare the numbers of both, with their units and bounds."""
    for number in claim.quantities:
        if any(number.agrees(one) for one in other.of_value(number)):
            swapped = number.noun in other.counted and not any(
                number.same_value(one) for one in other.counted[number.noun]
            )
            yield (AGAINST if swapped else AGREEING), "number"
        elif not number.dimension and any(value in other.years for value in number.raw):
            yield AGREEING, "date"
        else:
            yield (AGAINST if other.measures(number) else LACKING), "number"


def _dates(claim: Claim, other: HeldClaim) -> Iterator[_Finding]:
    """Compare days and times; of very many, only those that are written alike."""
    for point in claim.points:
        following = [one for one in other.points if point.follows_from(one)]
        if point.key() in other.point_keys or any(
            not one.bound or one.bound == point.bound for one in following
        ):
            yield AGREEING, "date"
        elif following:
            opposed = point.bound and all(one.bound[:1] != point.bound[:1] for one in following)
            yield (AGAINST if opposed else LACKING), "date"
        elif any(point.excludes(one) for one in other.points):
            yield AGAINST, "date"
        else:
            yield LACKING, "date"


_FOLLOWS_FROM: Mapping[str, frozenset[str]] = {
    "must": frozenset({"must"}),
    "should": frozenset({"must", "should"}),
    "may": frozenset({"must", "should", "may"}),
}
"""From which modal verbs one follows."""


def _modality(claim: Claim, other: HeldClaim) -> Iterator[_Finding]:
    """Compare modal verbs that belong to the same words."""
    for one in claim.modals:
        theirs = other.marked(other.modals, one)
        if any(not (one.negated ^ no) and kind in _FOLLOWS_FROM[one.kind] for kind, no in theirs):
            yield AGREEING, "modality"
        elif any(one.negated != negated for _, negated in theirs):
            yield AGAINST, "modality"
        elif theirs or (one.kind == "must" and not one.near.isdisjoint(other.flags)):
            yield LACKING, "modality"
    if not claim.modals and other.claim.modals:
        stems = {item.stem for item in claim.items}
        weak = (two for two in other.claim.modals if two.kind == "may" and not two.negated)
        if any(not two.near.isdisjoint(stems) for two in weak):
            yield LACKING, "modality"


def _quantifiers(claim: Claim, other: HeldClaim) -> Iterator[_Finding]:
    """Compare how many of the same words are spoken of."""
    for one in (marked for marked in claim.quantifiers if marked.near):
        kinds = {kind for kind, _ in other.marked(other.quantifiers, one)}
        if one.kind in kinds:
            yield AGREEING, "quantifier"
        elif one.kind == "only" or (one.kind in {"all", "most"} and kinds & {"some", "most"}):
            yield LACKING, "quantifier"
    said = {stem for one in claim.quantifiers for stem in one.near}
    stems = {item.stem for item in claim.items} - said
    if any(two.kind == "some" and two.near & stems for two in other.claim.quantifiers):
        yield LACKING, "quantifier"


def _conditions(claim: Claim, other: HeldClaim, given: frozenset[str]) -> Iterator[_Finding]:
    """See whether a condition of the other is left out or turned, or one is added."""
    stems = {item.stem for item in claim.items} | given
    kinds = _kinds_of(claim.conditions)
    for two in other.claim.conditions:
        if 2 * sum(stem in stems for stem in two.near) < len(two.near):
            yield LACKING, "condition"
        elif (said := _kinds_at(kinds, two)) and two.kind not in said:
            yield AGAINST, "condition"
    theirs = _kinds_of(other.claim.conditions)
    if any(one.near and not _kinds_at(theirs, one) for one in claim.conditions):
        yield LACKING, "condition"


def _kinds_of(conditions: list[Marked]) -> dict[str, set[str]]:
    kinds: dict[str, set[str]] = {}
    for one in conditions:
        for stem in one.near:
            kinds.setdefault(stem, set()).add(one.kind)
    return kinds


def _kinds_at(kinds: Mapping[str, set[str]], one: Marked) -> set[str]:
    return {kind for stem in one.near for kind in kinds.get(stem, ())}
