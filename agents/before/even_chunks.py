"""Where chunks began and ended before 0.2.0.dev3: sections in turn, long ones split evenly.

Each decision followed from the one before it, so an edit could move every later boundary of a
section, and of small sections those of the whole document.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from agents.chunking import Chunk, Cutting, chunk_of, prefix_of
from agents.outline import Outline


def packed_evenly(cutting: Cutting) -> Iterator[Chunk | None]:
    """Yield the chunks, and None for each piece that was looked at."""
    outline = Outline()
    yield from outline.drawn(cutting.pieces)
    for first, end, repeated in _spans(cutting, outline):
        yield chunk_of(cutting, first, end, repeated, outline.above[first])
        yield from itertools.repeat(None, end - first + len(repeated))


def _spans(cutting: Cutting, outline: Outline) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Yield (first piece, end, repeated pieces) of each chunk."""
    policy, headings, total = cutting.policy, outline.above, outline.total
    first = 0  # of the chunk that is being filled

    def length(start: int, end: int) -> int:
        return prefix_of(cutting, start, headings[start])[1] + total[end] - total[start]

    for start, end in itertools.pairwise((*outline.sections, len(cutting.pieces))):
        if first < start:
            joined, small = length(first, end), length(first, start) < policy.tokens_min
            share = joined <= policy.tokens_target or (
                small and (joined <= policy.tokens_max or length(start, end) > policy.tokens_max)
            )
            if not share:
                yield first, start, ()
                first = start
        if length(first, end) > policy.tokens_max:
            yield from _split(cutting, first, end, outline)
            first = end
    if first < len(cutting.pieces):
        yield first, len(cutting.pieces), ()


def _split(
    cutting: Cutting, first: int, end: int, outline: Outline
) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Split what is too long for one chunk, as evenly as its pieces allow."""
    pieces, policy, total = cutting.pieces, cutting.policy, outline.total
    repeated: tuple[int, ...] = ()
    while first < end:
        room = policy.tokens_max - prefix_of(cutting, first, outline.above[first])[1]
        again = sum(pieces[index].weight for index in repeated)
        if again + pieces[first].weight > room:
            repeated, again = (), 0
        left = total[end] - total[first]
        wanted = room - (policy.tokens_max - policy.tokens_target) - policy.overlap_tokens
        parts = 1 if again + left <= room else -(-left // wanted)
        even = -(-left // parts)
        fits = bisect_right(total, total[first] + room - again) - 1
        full = bisect_left(total, total[first] + even)
        stop = max(first + 1, min(end, fits, full))
        if stop < end and pieces[stop - 1].kind == "heading":  # goes with what follows it
            stop = max(first + 1, outline.heading_starts[stop - 1])
        yield first, stop, repeated
        repeated = _repeat(cutting, first, stop, outline) if stop < end else ()
        first = stop


def _repeat(cutting: Cutting, first: int, stop: int, outline: Outline) -> tuple[int, ...]:
    """Choose what of the chunk [first, stop) the next one says again."""
    follows, room = cutting.pieces[stop], cutting.policy.overlap_tokens
    if follows.kind == "table" and follows.before != "\n\n":
        head = outline.block_starts[stop]
        return (head,) if cutting.pieces[head].weight <= room else ()
    start = stop
    while start - 1 > first and cutting.pieces[start - 1].kind == "sentence":
        room -= cutting.pieces[start - 1].weight
        if room < 0:
            break
        start -= 1
    return tuple(range(start, stop))
