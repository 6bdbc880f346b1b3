"""Holding: a claim by what can be looked up in it, so that comparing stays linear."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from agents.checking.clauses import CLAIMS_KEPT, Claim, Marked, Term, claim_of
from agents.checking.polar_words import without_prefix
from agents.checking.quantities import Number, Quantity

ANCHOR = 3  # content words beside a polar word by which it is found again
HEAD = 3  # content words of a negation's reach that tell whether it is the same one
PLACES_MAX = 4  # occurrences of a polar word that are looked at
PREFIX = 5  # letters by which words of one family are alike: metabolise, metabolism
POINTS_MAX = 16  # dates of a sentence that are compared by their parts

_FLAGS = {flag: frozenset([flag]) for flag in (False, True)}
Marks = Mapping[str, set[tuple[str, bool]]]


class HeldClaim:
    """What a source says, by words, values and marks."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.flags: dict[str, frozenset[bool]] = {}
        """Stem -> whether it stands negated, not negated, or both."""
        self.turned: dict[str, bool] = {}
        """Stem of a word without its negating beginning -> whether that word is negated."""
        self.axes: defaultdict[str, dict[tuple[int, bool], list[int]]] = defaultdict(dict)
        """Axis -> place and negation -> where such words stand."""
        for index, item in enumerate(claim.items):
            flags = _FLAGS[item.negated]
            known = self.flags.setdefault(item.stem, flags)
            if known is not flags:
                self.flags[item.stem] = known | flags
            if item.axis:
                self.axes[item.axis].setdefault((item.place, item.negated), []).append(index)
            elif bare := without_prefix(item.word):
                self.turned.setdefault(bare, item.negated)
        self.keys = frozenset([*keys_of(claim), *self.turned])
        """By which sentences are found that may hold a word or a number."""
        self.modals = _by_stem(claim.modals)
        self.quantifiers = _by_stem(claim.quantifiers)
        self._index_numbers(claim.quantities)
        self.beginnings = frozenset(stem[:PREFIX] for stem in self.flags)
        self.raw_values = frozenset(value for one in claim.quantities for value in one.raw)
        self.years = {point.parts[0] for point in claim.points if point.parts[0]}
        self.points = claim.points[:POINTS_MAX]
        self.point_keys = {point.key() for point in claim.points}

    def _index_numbers(self, numbers: Sequence[Quantity]) -> None:
        self._values: defaultdict[str | Number, dict[object, Quantity]] = defaultdict(dict)
        self.counted: defaultdict[str, list[Quantity]] = defaultdict(list)
        """Noun -> the numbers of it, of a few."""
        self._dimensions = set()
        for number in numbers:
            distinct = number.raw, number.dimension, number.factor, number.bound
            for value in number.values():
                self._values[value].setdefault(distinct, number)
            self._dimensions.add(number.dimension or f"of {number.noun}")
            if number.noun and len(self.counted[number.noun]) < PLACES_MAX:
                self.counted[number.noun].append(number)

    def of_value(self, number: Quantity) -> list[Quantity]:
        """Return the numbers that may have the value of another."""
        return [one for value in number.values() for one in self._values.get(value, {}).values()]

    def measures(self, number: Quantity) -> bool:
        """Tell whether another number of the same dimension or noun stands there."""
        return (number.dimension or f"of {number.noun}") in self._dimensions

    def flags_of(self, item: Term) -> frozenset[bool]:
        """Return with which negations a word is held, or its opposite by a beginning."""
        if item.stem in self.flags:
            return self.flags[item.stem]
        bare = without_prefix(item.word)
        if bare and bare in self.flags:
            return frozenset(not flag for flag in self.flags[bare])
        return _FLAGS[not self.turned[item.stem]] if item.stem in self.turned else frozenset()

    def holds(self, item: Term) -> bool:
        """Tell whether a word stands there, or another of the same place on its axis."""
        alike = item.axis in self.axes and (item.place, item.negated) in self.axes[item.axis]
        return alike or bool(self.flags_of(item))

    def nearest(self, item: Term, near: frozenset[str]) -> tuple[int, int]:
        """Return how many words are beside a polar word and one of the same, of the other side.

        -1 where there is no such word.
        """
        same, opposite = -1, -1
        for (place, negated), places in self.axes.get(item.axis, {}).items():
            shared = max(len(near & beside(self.claim.items, at)) for at in places[:PLACES_MAX])
            if (place, negated) == (item.place, item.negated):
                same = max(same, shared)
            elif place == item.place or negated == item.negated:
                opposite = max(opposite, shared)
        return same, opposite

    def marked(self, marks: Marks, one: Marked) -> set[tuple[str, bool]]:
        """Return kind and negation of the marks that belong to the same words as another."""
        return {mark for stem in one.near for mark in marks.get(stem, ())}


@lru_cache(maxsize=CLAIMS_KEPT)
def held_of(sentence: str) -> HeldClaim:
    """Read a sentence of a source. The result is shared, not to be changed."""
    return HeldClaim(claim_of(sentence))


def keys_of(claim: Claim) -> Iterator[str]:
    """Yield by what a claim is looked for: stems, places of polar words on their axes, values."""
    for item in claim.items:
        yield f"{item.axis} {item.place} {item.negated}" if item.axis else item.stem
    for number in claim.quantities:
        yield from {f"# {value}" for value in number.values()}
    for point in claim.points:
        if point.parts[0]:
            yield f"# {point.parts[0]}"
        yield f"@ {point.parts[1:]} {point.minute}"


def beside(items: Sequence[Term], index: int) -> frozenset[str]:
    """Return the stems beside a polar word that are not polar themselves."""
    near = items[max(0, index - ANCHOR) : index + ANCHOR + 1]
    return frozenset(item.stem for item in near if not item.axis)


def _by_stem(marks: Sequence[Marked]) -> Marks:
    found: defaultdict[str, set[tuple[str, bool]]] = defaultdict(set)
    for one in marks:
        for stem in one.near:
            found[stem].add((one.kind, one.negated))
    return found
