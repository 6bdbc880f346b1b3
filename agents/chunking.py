"""Chunking: from the blocks of a document to texts that the embedder sees whole.

A chunk is a prefix (the title, the headings above it), a blank line, and a passage of pieces
(agents/pieces.py), so a sentence is cut only if it alone is too long. Pieces are grouped into
sections, which begin at a heading (or, in an FAQ, at a question); small sections share a chunk,
large ones are split evenly. Where a section is split, the next chunk repeats the last sentences, or
a table's first row.

Everything here is pure. Lengths come from outside: `Cutting.unmeasured` says which texts to count,
and `Cutting.measured` takes the counts, until nothing is left to count.

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
from functools import cached_property
from typing import Any

from agents.errors import Permanent
from agents.pieces import Piece, divide, pieces_of
from schemas import Block

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
    def begin(cls, title: str, blocks: Sequence[Block], policy: ChunkPolicy) -> Cutting:
        """Take the blocks of a document apart."""
        pieces = tuple(pieces_of(blocks, questions=policy.questions))
        return cls(Piece(title, "", "heading"), pieces, policy)

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """Texts whose tokens must be counted next; none when the cutting is ready to be packed."""
        return tuple(piece.text for piece in (self.title, *self.pieces) if piece.tokens < 0)

    def measured(self, counts: Sequence[int]) -> Cutting:
        """Take the counts of `unmeasured`, and divide what turns out to be too long."""
        count = iter(counts)
        title, *pieces = (
            replace(piece, tokens=next(count)) if piece.tokens < 0 else piece
            for piece in (self.title, *self.pieces)
        )
        if title.weight > PREFIX_PART_TOKENS_MAX and len(title.text) > 1:
            title = next(divide(title, PREFIX_PART_TOKENS_MAX))
        fitting: list[Piece] = []
        for piece in pieces:
            if piece.weight > self.policy.piece_max and len(piece.text) > 1:
                fitting.extend(divide(piece, self.policy.piece_max))
            else:
                fitting.append(piece)
        return Cutting(title, tuple(fitting), self.policy)

    def chunks(self) -> tuple[Chunk, ...]:
        """Pack the pieces into chunks, in reading order."""
        headings = self._headings_above()
        return tuple(
            self._chunk(first, end, repeated, headings[first])
            for first, end, repeated in self._spans(headings)
        )

    # ------------------------------------------------------------------ where chunks begin and end

    def _spans(
        self, headings: Sequence[tuple[int, ...]]
    ) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        """Yield (first piece, end, repeated pieces) of each chunk."""
        policy = self.policy
        total = [0, *itertools.accumulate(piece.weight for piece in self.pieces)]
        first = 0  # of the chunk that is being filled

        def length(start: int, end: int) -> int:
            return self._prefix(start, headings[start])[1] + total[end] - total[start]

        for start, end in itertools.pairwise((*self._section_starts(), len(self.pieces))):
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
                yield from self._split(first, end, headings, total)
                first = end
        if first < len(self.pieces):
            yield first, len(self.pieces), ()

    def _split(
        self, first: int, end: int, headings: Sequence[tuple[int, ...]], total: Sequence[int]
    ) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        """Split what is too long for one chunk, as evenly as its pieces allow."""
        pieces, policy = self.pieces, self.policy
        repeated: tuple[int, ...] = ()
        while first < end:
            room = policy.tokens_max - self._prefix(first, headings[first])[1]
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
                stop = max(first + 1, self._heading_starts[stop - 1])
            yield first, stop, repeated
            repeated = self._repeat(first, stop) if stop < end else ()
            first = stop

    def _repeat(self, first: int, stop: int) -> tuple[int, ...]:
        """Choose what of the chunk [first, stop) the next one says again."""
        follows, room = self.pieces[stop], self.policy.overlap_tokens
        if follows.kind == "table" and follows.before != "\n\n":
            head = self._block_starts[stop]
            return (head,) if self.pieces[head].weight <= room else ()
        start = stop
        while start - 1 > first and self.pieces[start - 1].kind == "sentence":
            room -= self.pieces[start - 1].weight
            if room < 0:
                break
            start -= 1
        return tuple(range(start, stop))

    @cached_property
    def _block_starts(self) -> tuple[int, ...]:
        """For each piece, where its block begins: what is not parted by a blank line is of one."""
        begins: list[int] = []
        for index, piece in enumerate(self.pieces):
            begins.append(begins[-1] if begins and piece.before != "\n\n" else index)
        return tuple(begins)

    @cached_property
    def _heading_starts(self) -> tuple[int, ...]:
        """For each piece, where the headings begin that stand together there; itself for others."""
        begins: list[int] = []
        kind = ""
        for index, piece in enumerate(self.pieces):
            begins.append(begins[-1] if kind == piece.kind == "heading" else index)
            kind = piece.kind
        return tuple(begins)

    def _section_starts(self) -> Iterator[int]:
        """Yield where sections begin; a heading right after another one does not begin its own."""
        for index, piece in enumerate(self.pieces):
            if index == 0 or (piece.kind == "heading" and self.pieces[index - 1].kind != "heading"):
                yield index

    # ------------------------------------------------------------------ what a chunk says

    def _headings_above(self) -> list[tuple[int, ...]]:
        """Find for each piece the headings that it stands under, the outermost first."""
        above: list[tuple[int, ...]] = []
        path: tuple[int, ...] = ()
        for index, piece in enumerate(self.pieces):
            if piece.kind == "heading":
                path = tuple(one for one in path if self.pieces[one].level < piece.level)
            above.append(path)
            if piece.kind == "heading":
                path = (*path, index)
        return above

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


def chunk_ids(tenant: str, document: str, digests: Sequence[str]) -> tuple[str, ...]:
    """Name chunks by tenant, document, keyed digest of the text and how often it came before."""
    seen: Counter[str] = Counter()
    ids = []
    for digest in digests:
        ids.append(str(uuid.uuid5(NAMESPACE, f"{tenant}|{document}|{digest}|{seen[digest]}")))
        seen[digest] += 1
    return tuple(ids)
