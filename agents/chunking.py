"""Chunking: from the blocks of a document to texts that the embedder sees whole.

A chunk is a prefix (the title, the headings above it), a blank line, and a passage of pieces
(agents/pieces.py), so a sentence is cut only if it alone is too long. Sections begin at a heading
(or, in an FAQ, at a question); small sections share a chunk, large ones are split
(agents/local_cuts.py). Where a section is split, the next chunk repeats the last sentences, a
table's first row, or the lines that a part of a listing is indented under.

Everything here is pure. Lengths come from outside: `Cutting.uncounted` tells which texts to count,
and `Cutting.remeasured` takes the counts, until nothing is left to count.

Why it is so: a heading is part of the passage, too, and not of the prefix alone. Then no text can
be lost, whatever the headings look like, and the passages one after the other are the document.
What stands above a passage follows from its first piece alone, wherever the chunk before it began:
so an edit there changes nothing here.
"""

from __future__ import annotations

import itertools
import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from agents.chunk_policies import PREFIX_PART_TOKENS_MAX, ChunkPolicy
from agents.local_cuts import spans
from agents.outline import Outline
from agents.pieces import Piece, divide

NAMESPACE = uuid.UUID("d1a0c1f4-6f9b-5a55-8d4e-0f4a3f5c8b21")
"""Root of all chunk ids; chosen once at random, never to be changed."""


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
        """Yield the chunks, and None for each step of the work."""
        outline = Outline(turns=self.policy.turns)
        yield from outline.drawn(self.pieces)
        leads = _Leads(self, outline)
        for span in spans(self.pieces, outline, self.policy, leads.weight):
            if span is None:
                yield None
                continue
            first, end = span
            repeated = leads.repeated(first)
            yield chunk_of(self, first, end, repeated, outline.above[first])
            yield from itertools.repeat(None, end - first + len(repeated))


class _Leads:
    """What stands above a passage that begins with a piece: prefix, and what is repeated."""

    def __init__(self, cutting: Cutting, outline: Outline) -> None:
        self._cutting, self._outline = cutting, outline
        self._sections = frozenset(outline.sections)
        self._known: dict[int, tuple[int, Sequence[int]]] = {}

    def weight(self, first: int) -> int:
        """Return the weight of all of it."""
        return self._lead(first)[0]

    def repeated(self, first: int) -> tuple[int, ...]:
        """Choose the pieces that are said again; none where there is no room."""
        return tuple(self._lead(first)[1])

    def _lead(self, first: int) -> tuple[int, Sequence[int]]:
        known = self._known.get(first)
        if known is None:
            prefix = prefix_of(self._cutting, first, self._outline.above[first])[1]
            weight, repeated = self._again(first)
            fits = prefix + weight + self._cutting.pieces[first].weight
            known = (prefix + weight, repeated)
            if fits > self._cutting.policy.tokens_max:
                known = (prefix, ())
            self._known[first] = known
        return known

    def _again(self, first: int) -> tuple[int, Sequence[int]]:
        """Choose what would be repeated, with its weight."""
        outline = self._outline
        if outline.headers[first]:
            return self._innermost(outline.headers[first])
        start = outline.run_starts[first]
        if start < first and first not in self._sections:
            total = outline.total
            least = total[first] - self._cutting.policy.overlap_tokens
            start = bisect_left(total, least, start, first)
            return total[first] - total[start], range(start, first)
        return 0, ()

    def _innermost(self, header: Sequence[int]) -> tuple[int, Sequence[int]]:
        """Keep as many lines as there is room for, from the innermost on."""
        weight = 0
        kept: list[int] = []
        for index in reversed(header):
            more = weight + self._cutting.pieces[index].weight
            if more > self._cutting.policy.header_tokens:
                break
            weight = more
            kept.insert(0, index)
        return weight, kept


def prefix_of(cutting: Cutting, first: int, headings: Sequence[int]) -> tuple[list[str], int]:
    """Return the lines above a passage and their weight.

    Of many headings the innermost are kept, since they say most about the passage.
    """
    title = cutting.title
    lines, weight = [], 0
    if title.text and title.text != cutting.pieces[first].text:
        lines, weight = [title.text], min(title.weight, PREFIX_PART_TOKENS_MAX)
    path: list[str] = []
    room = PREFIX_PART_TOKENS_MAX
    for index in reversed(headings):
        heading = cutting.pieces[index]
        room -= heading.weight + 1  # 1 for the mark between two headings
        if room < 0:
            break
        if heading.text != title.text:
            path.insert(0, heading.text.replace("\n", " "))
            weight += heading.weight + 1
    if path:
        lines.append(" > ".join(path))
    return lines, weight


def chunk_of(
    cutting: Cutting, first: int, end: int, repeated: tuple[int, ...], headings: Sequence[int]
) -> Chunk:
    """Make the chunk of the pieces [first, end), behind what is repeated."""
    lines, weight = prefix_of(cutting, first, headings)
    shown = [cutting.pieces[index] for index in (*repeated, *range(first, end))]
    passage = "".join(
        piece.before + piece.text if number else piece.text for number, piece in enumerate(shown)
    )
    text = "\n".join(lines) + "\n\n" + passage if lines else passage
    tokens = weight + sum(piece.tokens for piece in shown)
    return Chunk(first, end, repeated, text, tokens)


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
