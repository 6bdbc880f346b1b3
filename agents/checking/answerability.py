"""Answerability: whether passages hold an answer to a question, by what stands beside its words.

Most near misses hold nearly all words of a question: what gives them away is a name or number that
stands nowhere, a negation or a polar word that is another one, or no thing of the kind asked for
(who, when, how many) where the words are.

What is left out on purpose: how many of a question's words stand nowhere. In SQuAD 2 that speaks
for an answer (area under the ROC curve .755 with it, .747 without), since its unanswerable
questions were written with the passage's words. A question of a user is no such trap. Nor does a
placeholder that stands nowhere: what is a person in a question may not have been seen as one in a
document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import regex

from agents.checking.clauses import Claim, claim_of
from agents.checking.holding import HeldClaim
from agents.checking.quantities import Quantity
from agents.checking.support_head import probability
from agents.checking.supporting import Candidates, read, support_features
from agents.statements import statements

ASKED = {
    kind: regex.compile(rf"(?<!\p{{L}})(?:{words})(?!\p{{L}})", regex.IGNORECASE)
    for kind, words in {
        "day": "when|(?:what|which|in what|in which) (?:year|date|day|month|decade|century)"
        r"|wann|welche[msn]? jahr|quand|quelle année|cuándo|qué año",
        "number": "how (?:many|much|long|old|far|large|tall|high|often)"
        "|(?:what|which) (?:percentage|percent|number|amount|proportion)"
        "|wie ?viele?|wie lange|combien|cuánt[oa]s?",
        "name": "who|whom|whose|where|wer|wem|wen|wo|qui|où|quién(?:es)?|dónde",
    }.items()
}
"""Kind of a thing -> how it is asked for, surest first."""
YEARS = range(1000, 2200)


def answerable(question: str, passages: Sequence[str], weights: Mapping[str, float]) -> float:
    """Return how likely it is that passages hold an answer, 0 to 1."""
    return probability(answer_features(question, passages), weights)


def answer_features(question: str, passages: Sequence[str]) -> dict[str, float]:
    """Return what is weighed."""
    sources: list[str] = []
    for passage in passages:
        sources += [*(part.text for part in statements(passage)), ""]
    claim, held = claim_of(question), read(sources)
    found = Candidates(claim, held)
    near = [other for _, other in found.nearest]
    named = support_features(claim, held, found)
    kind = asked_kind(question)
    has = bool(kind) and any(has_kind(kind, claim, other) for other in near)
    named["kind_found"] = float(has)
    named["kind_missing"] = float(bool(kind) and not has)
    missing = any(_stands_nowhere(number, held) for number in claim.quantities) or any(
        name[:1] != "<" and not any(name in other.flags for other in held) for name in claim.names
    )
    named["missing"] = float(missing)
    return named


def _stands_nowhere(number: Quantity, held: Sequence[HeldClaim]) -> bool:
    """Tell whether no sentence has a number or a year of that value."""
    return all(
        other.raw_values.isdisjoint(number.raw) and other.years.isdisjoint(number.raw)
        for other in held
    )


def asked_kind(question: str) -> str:
    """Return the kind of thing that is asked for: day, number, name, or nothing known."""
    return next((kind for kind, words in ASKED.items() if words.search(question)), "")


def has_kind(kind: str, asked: Claim, other: HeldClaim) -> bool:
    """Tell whether a sentence has a thing of a kind that the question has not."""
    if kind == "name":
        said = {item.stem for item in asked.items}
        return any(name not in said for name in other.claim.names)
    said_values = {value for number in asked.quantities for value in number.raw}
    numbers = [one for one in other.claim.quantities if not {*one.raw} & said_values]
    if kind == "number":
        return bool(numbers)
    return bool(other.claim.points) or any(value in YEARS for one in numbers for value in one.raw)
