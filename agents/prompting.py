"""Prompting in three stages: filter the passages, fit them to the token budget, fill the template.

Prefill is what the reader waits for, so a prompt holds the sentences nearest to the question rather
than whole passages, and the template begins with what never changes, which servers keep in their
prompt cache.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import regex
from msgspec.structs import replace

from agents.answering.excerpts import Excerpt
from agents.answering.nearness import Nearness
from agents.language import content, sentences
from agents.placeholders import kind_of, placeholder, placeholders_in, rename
from schemas import ChunksRetrieved, MapEntry, Passage

SAME_MIN = 0.9  # share of common content words from which two passages say the same
PROMPT_PASSAGES_MAX = 8  # passages that are looked at: later ones have never held the answer
SLOTS = regex.compile(r"\{\{(passages|question)\}\}")
# a chat model's own marks, and the labels of the template: a document must not speak in their place
_MARKS = regex.compile(r"<\|[^|<>]{0,40}\|>|</?s>|\[/?INST\]|<</?SYS>>", regex.IGNORECASE)
_LABELS = regex.compile(r"(?i)\b(text|question|answer|system|user|assistant)\s*:")


@dataclass(frozen=True)
class Sources:
    """Question and passages in which one placeholder stands for one value."""

    passages: tuple[Passage, ...]
    entries: tuple[MapEntry, ...]
    """Values behind all placeholders, those of the question first."""


class _Names:
    """The placeholders of a question and its passages, as they are given out."""

    def __init__(self, event: ChunksRetrieved) -> None:
        self.entries = {entry.placeholder: entry for entry in event.entries}
        self._by_digest = {entry.digest: entry.placeholder for entry in event.entries}
        self._unknown: dict[tuple[str, str], str] = {}
        self._next: dict[str, int] = {}
        """Of each kind, the number below which all are used."""
        self._used = {*self.entries, *placeholders_in(f"{event.question} {event.query}")}

    def of(self, passage: Passage) -> dict[str, str]:
        """Return what each placeholder of a passage is called from now on."""
        names = {entry.placeholder: self._of_value(entry) for entry in passage.entries}
        for name in placeholders_in(f"{passage.title} {passage.text}"):
            if name not in names:
                names[name] = self._of_nobody(passage.document, name)
        return names

    def _of_value(self, entry: MapEntry) -> str:
        if entry.digest not in self._by_digest:
            name = self._free(entry.kind, entry.placeholder)
            self._by_digest[entry.digest] = name
            self.entries[name] = replace(entry, placeholder=name)
        return self._by_digest[entry.digest]

    def _of_nobody(self, document: str, wanted: str) -> str:
        """Name what has no entry: its value is gone, or never was one."""
        key = (document, wanted)
        if key not in self._unknown:
            self._unknown[key] = self._free(kind_of(wanted), wanted)
        return self._unknown[key]

    def _free(self, kind: str, wanted: str) -> str:
        name, number = wanted, self._next.get(kind, 1)
        while name in self._used:
            name, number = placeholder(kind, number), number + 1
            self._next[kind] = number
        self._used.add(name)
        return name


def unify(event: ChunksRetrieved) -> Sources:
    """Give each value one placeholder, whatever it is called in its document.

    The question keeps its names. A document's placeholder takes the name that its value already
    has, or its own one if that is free, or else the next free number. One that has no entry gets a
    free name too, or it would be restored as someone else.
    """
    names = _Names(event)
    passages = []
    for passage in event.passages:
        renames = names.of(passage)
        title, text = rename(passage.title, renames), rename(passage.text, renames)
        passages.append(replace(passage, title=title, text=text, entries=()))
    return Sources(tuple(passages), tuple(names.entries.values()))


def filtered(
    passages: Sequence[Passage],
    same_min: float = SAME_MIN,
    passages_max: int = PROMPT_PASSAGES_MAX,
) -> tuple[Passage, ...]:
    """First stage: leave out passages that repeat a better one; they come best first."""
    kept: list[Passage] = []
    seen: list[frozenset[str]] = []
    for passage in passages:
        held = frozenset(chain.from_iterable(map(content, sentences(passage.text))))
        if not held or any(_alike(held, other) >= same_min for other in seen):
            continue
        seen.append(held)
        kept.append(passage)
        if len(kept) == passages_max:
            break
    return tuple(kept)


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def nearest_first(
    question: str, passages: Sequence[Passage], *, closer: bool = True, nearer: bool = True
) -> tuple[Passage, ...]:
    """First stage, where that is configured: rank passages by their nearest statement.

    `closer` is `agents.changes.CLOSER_ANSWERS`, `nearer` is NEARER_ANSWERS.
    """
    near = Nearness(question, passages, closer=closer, nearer=nearer)
    best = [0.0] * len(passages)
    for statement, score in zip(near.statements, near.scores, strict=True):
        best[statement.passage] = max(best[statement.passage], score)
    order = sorted(range(len(passages)), key=lambda index: (-best[index], index))
    return tuple(passages[index] for index in order)


def distilled(
    near: Nearness, tokens_max: int, adaptive: Mapping[str, float] | None = None
) -> tuple[Excerpt, ...]:
    """Second stage: take the statements nearest to the question that fit into the budget.

    They come in the order of the passages. The nearest one is taken even if it alone is too long.
    An entry or a row is left out where the list that holds it is taken. With `adaptive` the budget
    follows the question: what is not `near` as much as the nearest one is left out, and what is
    may go beyond the budget, up to `tokens_max`. So one that a statement answers clearly takes few
    tokens, and one to which many come as near gets more.
    """
    given, scores = near.statements, near.scores
    chosen: list[int] = []
    left, least = float(tokens_max), 0.0
    if adaptive and scores:
        left, least = adaptive["tokens_max"], adaptive["near"] * max(scores)
    for index in sorted(range(len(given)), key=lambda index: (-scores[index], index)):
        one = given[index]
        if chosen and (one.tokens > left or one.kind == "fragment" or scores[index] < least):
            continue
        if any(inside(one, given[other]) for other in chosen):
            continue
        chosen.append(index)
        left -= one.tokens
    return tuple(given[index] for index in sorted(chosen))


def inside(one: Excerpt, other: Excerpt) -> bool:
    """Tell whether a statement stands in another one of its block, or holds it."""
    beside = (one.passage, one.block) == (other.passage, other.block)
    return beside and (one.text in other.text or other.text in one.text)


class Chosen(Protocol):
    """What a passage says, as it was chosen for the prompt."""

    @property
    def passage(self) -> int:
        """Index of the passage."""
        ...

    @property
    def text(self) -> str:
        """What it says."""
        ...


def filled(template: str, question: str, chosen: Sequence[Chosen]) -> str:
    """Third stage: fill the template's slots, {{passages}} and {{question}}, in one pass.

    Each passage becomes one line, so no document can begin a line of the template's own. The best
    passage comes last, next to the question.
    """
    lines: dict[int, list[str]] = {}
    for one in chosen:
        lines.setdefault(one.passage, []).append(one.text)
    texts = [neutral(" ".join(lines[index])) for index in sorted(lines, reverse=True)]
    values = {"passages": "\n".join(texts), "question": neutral(question)}
    return SLOTS.sub(lambda slot: values[slot[1]], template.rstrip())


def neutral(text: str) -> str:
    """Take away what a text could break the template with: marks, labels and line breaks."""
    unmarked = _MARKS.sub(" ", " ".join(text.split()))
    return " ".join(_LABELS.sub(r"\1 -", unmarked).split())
