"""Cut texts into pieces for the model, and what it marks at what no name holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import regex
from msgspec.structs import replace

from schemas import Span

"""What the entity recogniser does without: it has a token model of its own."""
PIECE_CHARACTERS = 10_000
"""Longer texts are cut for the model: its memory grows with the length of a text."""
OVERLAP_CHARACTERS = 200
MARKUP = regex.compile(r"[\\\[\]()/|*`_:#{}=<>$]+")
"""What no name holds: the model runs over it in tables, code and quoted mail."""


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """Cut a long text, where there is white space, into pieces that overlap."""
    start = 0
    while len(text) - start > PIECE_CHARACTERS:
        end = start + PIECE_CHARACTERS
        cut = text.rfind(" ", start + PIECE_CHARACTERS // 2, end)
        end = cut if cut > 0 else end
        yield start, text[start:end]
        start = end - OVERLAP_CHARACTERS
    if text[start:].strip():
        yield start, text[start:]


def once(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Sort spans, those that were found twice once: pieces of a text overlap, and looks agree.

    The higher score counts; and what tells of a name somewhere tells of it.
    """
    found: dict[tuple[int, int, str], Span] = {}
    for span in spans:
        key = span.start, span.end, span.kind
        before = found.get(key, span)
        found[key] = replace(
            span,
            score=max(span.score, before.score),
            by_place=span.by_place and before.by_place,
        )
    return tuple(found[key] for key in sorted(found))


def parts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a stretch at what no name holds."""
    for mark in MARKUP.finditer(text, start, end):
        part = trimmed(text, start, mark.start())
        if part[0] < part[1]:
            yield part
        start = mark.end()
    part = trimmed(text, start, end)
    if part[0] < part[1]:
        yield part


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out white space and punctuation at the edges."""
    while start < end and (text[start].isspace() or text[start] in ",;:."):
        start += 1
    while start < end and (text[end - 1].isspace() or text[end - 1] in ",;:"):
        end -= 1
    return start, end
