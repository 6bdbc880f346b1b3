"""Chunking: from the blocks of a document to texts that the embedder sees whole.

A chunk is a prefix (the title, the headings above it), a blank line, and a passage of pieces
(agents/pieces.py), so a sentence is cut only if it alone is too long. Pieces are grouped into
sections, which begin at a heading (or, in an FAQ, at a question); small sections share a chunk,
large ones are split evenly. Where a section is split, the next chunk repeats the last sentences, or
a table's first row.

Everything here is pure. Lengths come from outside: `Cutting.uncounted` tells which texts to count,
and `Cutting.remeasured` takes the counts, until nothing is left to count.

Why it is so: a heading is part of the passage, too, and not of the prefix alone. Then no text can
be lost, whatever the headings look like, and the passages one after the other are the document.
"""

from __future__ import annotations

import itertools
import uuid
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agents.errors import Permanent
from agents.pieces import Piece, divide

NAMESPACE = uuid.UUID("d1a0c1f4-6f9b-5a55-8d4e-0f4a3f5c8b21")
"""Root of all chunk ids; chosen once at random, never to be changed."""

PREFIX_PART_TOKENS_MAX = 56  # of the title, and of the headings: about one long sentence each


@dataclass(frozen=True)
class ChunkPolicy:
    """How large chunks are, in the embedder's tokens, the prefix included."""

    tokens_min: int
    """A section joins the chunk before it while that one is smaller."""
    tokens_target: int
    """Sections share a chunk up to this."""
    tokens_max: int
    """No chunk is longer; a section is split only where it exceeds this."""
    overlap_tokens: int
    """Most that is repeated where a section is split."""
    questions: bool = False
    """Whether a paragraph that asks something begins a section."""

    def __post_init__(self) -> None:
        """Raise Permanent for sizes that leave no room beside the longest prefix."""
        room = self.tokens_target - 2 * PREFIX_PART_TOKENS_MAX - self.overlap_tokens
        if room < 1 or not self.tokens_min <= self.tokens_target <= self.tokens_max:
            raise Permanent(
                f"chunk policy {self}: tokens_min <= tokens_target <= tokens_max must hold, and "
                f"tokens_target exceed overlap_tokens by {2 * PREFIX_PART_TOKENS_MAX}; "
                "correct the configuration of ingest"
            )

    @property
    def piece_max(self) -> int:
        """Longest piece that fits beside the longest prefix."""
        return self.tokens_max - 2 * PREFIX_PART_TOKENS_MAX

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> ChunkPolicy:
        """Read a policy of the configuration."""
        return cls(**values)


@dataclass(frozen=True)
class Chunk:
    """A chunk: pieces [first, end) of the cutting, after a prefix and what it repeats."""

    first: int
    end: int
    repeated: tuple[int, ...]
    """Pieces of the chunk before that stand here again."""
    text: str
    tokens: int


@dataclass(frozen=True)
class Cutting:
    """A document on its way into chunks."""

    title: Piece
    pieces: tuple[Piece, ...]
    policy: ChunkPolicy

    @classmethod
    def of(cls, title: str, pieces: tuple[Piece, ...], policy: ChunkPolicy) -> Cutting:
        """Begin with the pieces of a document."""
        return cls(Piece(title, "", "heading"), pieces, policy)

    def uncounted(self) -> Iterator[str | None]:
        """Yield the texts whose tokens must be counted next, and None for each that was measured.

        Where there is none, the cutting is ready to be packed.
        """
        for piece in itertools.chain((self.title,), self.pieces):
            yield piece.text if piece.tokens < 0 else None

    def remeasured(self, counts: Sequence[int]) -> Iterator[Piece]:
        """Yield the title, then the pieces, with the counts of `uncounted`, none too long."""
        count = iter(counts)
        title = _counted(self.title, count)
        if title.weight > PREFIX_PART_TOKENS_MAX and len(title.text) > 1:
            title = next(divide(title, PREFIX_PART_TOKENS_MAX))
        yield title
        for one in self.pieces:
            piece = _counted(one, count)
            if piece.weight > self.policy.piece_max and len(piece.text) > 1:
                yield from divide(piece, self.policy.piece_max)
            else:
                yield piece

    def with_pieces(self, pieces: Sequence[Piece]) -> Cutting:
        """Return the cutting with a title and pieces as `remeasured` yields them."""
        return Cutting(pieces[0], tuple(pieces[1:]), self.policy)

    def packed(self) -> Iterator[Chunk | None]:
        """Yield the chunks, and None for each piece that was looked at."""
        outline = Outline()
        yield from outline.drawn(self.pieces)
        for first, end, repeated in self._spans(outline):
            yield self._chunk(first, end, repeated, outline.above[first])
            yield from itertools.repeat(None, end - first + len(repeated))

    # ------------------------------------------------------------------ where chunks begin and end

    def _spans(self, outline: Outline) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        """Yield (first piece, end, repeated pieces) of each chunk."""
        policy, headings, total = self.policy, outline.above, outline.total
        first = 0  # of the chunk that is being filled

        def length(start: int, end: int) -> int:
            return self._prefix(start, headings[start])[1] + total[end] - total[start]

        for start, end in itertools.pairwise((*outline.sections, len(self.pieces))):
            if first < start:
                joined, small = length(first, end), length(first, start) < policy.tokens_min
                share = joined <= policy.tokens_target or (
                    small
                    and (joined <= policy.tokens_max or length(start, end) > policy.tokens_max)
                )
                if not share:
                    yield first, start, ()
                    first = start
            if length(first, end) > policy.tokens_max:
                yield from self._split(first, end, outline)
                first = end
        if first < len(self.pieces):
            yield first, len(self.pieces), ()

    def _split(
        self, first: int, end: int, outline: Outline
    ) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        """Split what is too long for one chunk, as evenly as its pieces allow."""
        pieces, policy, total = self.pieces, self.policy, outline.total
        repeated: tuple[int, ...] = ()
        while first < end:
            room = policy.tokens_max - self._prefix(first, outline.above[first])[1]
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
            repeated = self._repeat(first, stop, outline) if stop < end else ()
            first = stop

    def _repeat(self, first: int, stop: int, outline: Outline) -> tuple[int, ...]:
        """Choose what of the chunk [first, stop) the next one says again."""
        follows, room = self.pieces[stop], self.policy.overlap_tokens
        if follows.kind == "table" and follows.before != "\n\n":
            head = outline.block_starts[stop]
            return (head,) if self.pieces[head].weight <= room else ()
        start = stop
        while start - 1 > first and self.pieces[start - 1].kind == "sentence":
            room -= self.pieces[start - 1].weight
            if room < 0:
                break
            start -= 1
        return tuple(range(start, stop))

    # ------------------------------------------------------------------ what a chunk says

    def _prefix(self, first: int, headings: Sequence[int]) -> tuple[list[str], int]:
        """Return the lines above a passage and their weight.

        Of many headings the innermost are kept, since they say most about the passage.
        """
        lines, weight = [], 0
        if self.title.text and self.title.text != self.pieces[first].text:
            lines, weight = [self.title.text], min(self.title.weight, PREFIX_PART_TOKENS_MAX)
        path: list[str] = []
        room = PREFIX_PART_TOKENS_MAX
        for index in reversed(headings):
            heading = self.pieces[index]
            room -= heading.weight + 1  # 1 for the mark between two headings
            if room < 0:
                break
            if heading.text != self.title.text:
                path.insert(0, heading.text.replace("\n", " "))
                weight += heading.weight + 1
        if path:
            lines.append(" > ".join(path))
        return lines, weight

    def _chunk(
        self, first: int, end: int, repeated: tuple[int, ...], headings: Sequence[int]
    ) -> Chunk:
        lines, weight = self._prefix(first, headings)
        shown = [self.pieces[index] for index in (*repeated, *range(first, end))]
        passage = "".join(
            piece.before + piece.text if number else piece.text
            for number, piece in enumerate(shown)
        )
        text = "\n".join(lines) + "\n\n" + passage if lines else passage
        tokens = weight + sum(piece.tokens for piece in shown)
        return Chunk(first, end, repeated, text, tokens)


class Outline:
    """What is known of each piece of a document, by its number."""

    def __init__(self) -> None:
        self.above: list[tuple[int, ...]] = []
        """The headings that it stands under, the outermost first."""
        self.total: list[int] = [0]
        """The weight of all before it; last, that of all."""
        self.block_starts: list[int] = []
        """Where its block begins: what is not parted by a blank line is of one."""
        self.heading_starts: list[int] = []
        """Where the headings begin that stand together there; itself for others."""
        self.sections: list[int] = []
        """Where sections begin; a heading right after another one does not begin its own."""

    def drawn(self, pieces: Sequence[Piece]) -> Iterator[None]:
        """Look at each piece in turn."""
        path: tuple[int, ...] = ()
        kind = ""
        for index, piece in enumerate(pieces):
            heading, after_heading = piece.kind == "heading", kind == "heading"
            if heading:
                path = tuple(one for one in path if pieces[one].level < piece.level)
            self.above.append(path)
            if heading:
                path = (*path, index)
            self.total.append(self.total[-1] + piece.weight)
            goes_on = index > 0 and piece.before != "\n\n"
            self.block_starts.append(self.block_starts[-1] if goes_on else index)
            self.heading_starts.append(
                self.heading_starts[-1] if heading and after_heading else index
            )
            if index == 0 or (heading and not after_heading):
                self.sections.append(index)
            kind = piece.kind
            yield None


def _counted(piece: Piece, count: Iterator[int]) -> Piece:
    return replace(piece, tokens=next(count)) if piece.tokens < 0 else piece


def chunk_ids(tenant: str, document: str, digests: Sequence[str]) -> tuple[str, ...]:
    """Name chunks by tenant, document, keyed digest of the text and how often it came before."""
    seen: Counter[str] = Counter()
    ids = []
    for digest in digests:
        ids.append(str(uuid.uuid5(NAMESPACE, f"{tenant}|{document}|{digest}|{seen[digest]}")))
        seen[digest] += 1
    return tuple(ids)
