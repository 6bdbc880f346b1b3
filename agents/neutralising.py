"""Neutralising: leave out of passages the sentences that give a model orders, and tell which.

A sentence that speaks to the model instead of the reader ("ignore the above") is no evidence: it is
neither shown to a model nor quoted. The answer tells what was left out, so that whoever looks after
the documents finds who wrote it.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import regex
from msgspec.structs import replace

from agents.instructions import orders, suspected
from agents.language import PASSAGES_KEPT, boundaries
from agents.placeholders import cut
from schemas import Neutralised, Passage

TOLD_MAX = 16
"""Sentences that an answer tells: one passage can hold hundreds."""
TOLD_CHARACTERS = 200
"""Of each; the chunk holds the rest."""
_ENDED = regex.compile(r"[.!?…。！？][\"'”’»)\]]*+\s*+\Z")  # what is behind it is another sentence


def without_orders(
    passages: Sequence[Passage],
) -> tuple[tuple[Passage, ...], tuple[Neutralised, ...]]:
    """Return the passages without sentences that give orders, and the first of those sentences.

    The layout of the rest stays. The work is linear in the passages.
    """
    kept: list[Passage] = []
    told: list[Neutralised] = []
    for passage in passages:
        text, left_out = _told_apart(passage.text)
        kept.append(replace(passage, text=text) if left_out else passage)
        told += [_told(passage, part) for part in left_out[: TOLD_MAX - len(told)]]
    return tuple(kept), tuple(told)


@lru_cache(maxsize=PASSAGES_KEPT)
def _told_apart(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text without the sentences that give orders, and those."""
    parts = _parted(text)
    left_out = tuple(part for part, order in parts if order)
    return "".join(part for part, order in parts if not order) if left_out else text, left_out


def _parted(text: str) -> list[tuple[str, bool]]:
    """Cut a text at its sentences and lines, and say of each part whether it gives orders."""
    parts = [text[start:end] for start, end in pairwise([0, *boundaries(text), len(text)])]
    rules = suspected(parts)
    if not rules:
        return [(part, False) for part in parts]
    given = [orders(part, rules) for part in parts]
    for at, (one, other) in enumerate(pairwise(parts)):  # one may go on in the next line
        if given[at] or given[at + 1] or _ENDED.search(one, max(0, len(one) - 40)):
            continue
        if orders(" ".join(f"{one} {other}".split()), rules):
            given[at] = given[at + 1] = True
    return list(zip(parts, given, strict=True))


def _told(passage: Passage, sentence: str) -> Neutralised:
    """Tell a sentence, or its beginning; a placeholder is never cut."""
    text = cut(" ".join(sentence.split()), TOLD_CHARACTERS)
    return Neutralised(document=passage.document, chunk=passage.chunk, text=text)
