"""Prompting of 0.1.0: its first two stages, over sentences apart from their layout."""

from collections.abc import Sequence

import regex
from msgspec.structs import replace

from agents.before.grounding import Grounds, Sentence, split
from agents.language import content
from schemas import Passage

SAME_MIN = 0.9  # share of common content words from which two passages say the same
PROMPT_PASSAGES_MAX = 8  # passages that are looked at: later ones have never held the answer
_ORDERS = regex.compile(
    r"""(?ix)\b(?:ignore|disregard|forget|override)\b[^.!?\n]{0,40}
    \b(?:above|previous|prior|earlier|preceding|instructions?|prompts?|rules)\b
    |\byou\ (?:are\ now|must\ now|will\ now)\b | \bnew\ instructions?\b
    |\b(?:reveal|repeat|print|show)\b[^.!?\n]{0,30}\b(?:system\ )?(?:prompt|instructions)\b"""
)


def filtered(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """First stage: leave out passages that repeat a better one, and sentences that give orders.

    The passages come best first. A sentence that speaks to the model instead of the reader ("ignore
    the above") is no evidence, so it is neither shown to the model nor quoted.
    """
    kept: list[Passage] = []
    seen: list[frozenset[str]] = []
    for passage in passages:
        text = "\n".join(s.text for s in split([passage]) if not _ORDERS.search(s.text))
        held = frozenset(content(text))
        if not held or any(_same(held, other) for other in seen):
            continue
        seen.append(held)
        kept.append(replace(passage, text=text))
        if len(kept) == PROMPT_PASSAGES_MAX:
            break
    return tuple(kept)


def _same(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) / len(one | other) >= SAME_MIN


def fitted(grounds: Grounds, tokens_max: int) -> tuple[Sentence, ...]:
    """Second stage: take the sentences nearest to the question that fit into the budget.

    They come in the order of the passages. The nearest one is taken even if it alone is too long.
    """
    given, scores = grounds.sentences, grounds.scores
    chosen: list[int] = []
    left = tokens_max
    for index in sorted(range(len(given)), key=lambda index: (-scores[index], index)):
        if given[index].tokens <= left or not chosen:
            chosen.append(index)
            left -= given[index].tokens
    return tuple(given[index] for index in sorted(chosen))
