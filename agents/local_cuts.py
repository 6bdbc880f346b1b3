"""Local cuts: where a document is cut, so that an edit moves no cut that is far from it.

At first every piece is a chunk. The boundaries between pieces are looked at once each, the weakest
first, those of equal strength in the order of a digest of the piece behind; where what lies on both
sides fits into one chunk, it becomes one. So two chunks side by side never fit into one, and they
are full to some 70 % on average.

Why it is so: a rule that goes from the beginning to the end, or splits evenly, lets one word move
all cuts behind it. Here what decides on a boundary are weaker ones, at most a chunk away, on which
weaker ones yet decide: the order of digests is random, so such a chain ends soon. It is the idea of
content-defined chunking (Muthitacharoen, Chen and Mazières, "A Low-bandwidth Network File System",
SOSP 2001), with boundaries of a document in the place of a rolling window over bytes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b

from agents.chunk_policies import ChunkPolicy
from agents.outline import HEADING, Outline
from agents.pieces import Piece

BUCKET_BITS = 8  # of a digest: boundaries are put in order some at a time, with pauses between
DIGEST_BITS = 64


def spans(
    pieces: Sequence[Piece], outline: Outline, policy: ChunkPolicy, lead: Callable[[int], int]
) -> Iterator[tuple[int, int] | None]:
    """Yield (first piece, end) of each chunk, and None for each step of the work before.

    `lead` tells what weight stands above a piece where a chunk begins with it.
    """
    buckets: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for index in range(1, len(pieces)):
        rank = _rank(pieces[index].text)
        bucket = outline.strengths[index] << BUCKET_BITS | rank >> DIGEST_BITS - BUCKET_BITS
        buckets[bucket].append((rank, index))
        yield None
    joined = _Joined(outline, policy, lead)
    for _, boundaries in sorted(buckets.items()):
        for _, index in sorted(boundaries):
            joined.look_at(index)
            yield None
    yield from joined.all_of_them()


def _rank(text: str) -> int:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BITS // 8)
    return int.from_bytes(digest.digest(), "big")


class _Joined:
    """The chunks so far: where each ends, by its first piece, and begins, by its last one."""

    def __init__(self, outline: Outline, policy: ChunkPolicy, lead: Callable[[int], int]) -> None:
        self._outline, self._policy, self._lead = outline, policy, lead
        self._ends = list(range(1, len(outline.total)))
        self._firsts = list(range(len(outline.total)))
        """By the last piece."""

    def look_at(self, boundary: int) -> None:
        """Join what lies on both sides of a boundary, if it fits into one chunk."""
        first, end = self._firsts[boundary - 1], self._ends[boundary]
        length = self._length(first, end)
        if length > self._policy.tokens_max:
            return
        across_sections = self._outline.strengths[boundary] >= HEADING
        if across_sections and length > self._policy.tokens_target:
            least = self._policy.tokens_min
            if min(self._length(first, boundary), self._length(boundary, end)) >= least:
                return
        self._ends[first], self._firsts[end - 1] = end, first

    def all_of_them(self) -> Iterator[tuple[int, int]]:
        """Yield the chunks in order."""
        first = 0
        while first < len(self._ends):
            yield first, self._ends[first]
            first = self._ends[first]

    def _length(self, first: int, end: int) -> int:
        total = self._outline.total
        return self._lead(first) + total[end] - total[first]
