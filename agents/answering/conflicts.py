"""Conflicts: statements of different documents that say different things of the same.

Shown as such, each with its document, since nobody but the reader can say which one holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.answering.excerpts import Excerpt
from agents.answering.nearness import Nearness
from agents.checking import supporting
from agents.language import content, is_number

NEAR_MIN = 0.7  # part of the best score that both have to reach
ALIKE_MIN = 0.6  # share of the longer one's words, numbers apart, that both hold
CONFLICTING_MAX = 3
LOOKED_AT = 8  # the nearest statements


def conflict(near: Nearness, order: Sequence[int]) -> tuple[int, ...]:
    """Return the nearest statement and those of other documents that differ from it, if any."""
    if not order or near.scores[order[0]] <= 0:
        return ()
    first = order[0]
    found = [first]
    least = NEAR_MIN * near.scores[first]
    for index in order[1:LOOKED_AT]:
        if near.scores[index] < least or len(found) == CONFLICTING_MAX:
            break
        documents = {_document(near, other) for other in found}
        if _document(near, index) not in documents and all(
            differ(near.statements[index], near.statements[other]) for other in found
        ):
            found.append(index)
    return tuple(found) if len(found) > 1 else ()


def _document(near: Nearness, index: int) -> str:
    return near.passages[near.statements[index].passage].document


def differ(one: Excerpt, other: Excerpt) -> bool:
    """Tell whether two sentences of the same say different things: a number, a day, a negation, …

    5 GB and 5,000 MB are the same, and so are two weeks and 14 days.
    """
    if not one.kind == other.kind == "sentence":
        return False
    first, second = _said(one.text), _said(other.text)
    if not first or not second or len(first & second) < ALIKE_MIN * max(len(first), len(second)):
        return False
    return bool(supporting.differ(one.text, other.text))


def _said(text: str) -> frozenset[str]:
    return frozenset(word for word in content(text) if not is_number(word))
