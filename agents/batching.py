"""Batching: which chunks of a document are put out, and how many at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from agents.chunking import Chunk


@dataclass(frozen=True)
class NewChunk:
    """A chunk that the version in force does not have."""

    number: int
    id: str
    chunk: Chunk


def new_chunks(
    ids: Sequence[str], chunks: Sequence[Chunk], kept: Collection[str]
) -> tuple[NewChunk, ...]:
    """List, in reading order, the chunks whose ids are not among the kept ones."""
    kept = frozenset(kept)
    return tuple(
        NewChunk(number, one, chunk)
        for number, (one, chunk) in enumerate(zip(ids, chunks, strict=True))
        if one not in kept
    )


def batches(
    chunks: Sequence[NewChunk], chunks_max: int, bytes_max: int
) -> Iterator[tuple[NewChunk, ...]]:
    """Group chunks, in order, by number and by size of their texts; one chunk always fits."""
    batch: list[NewChunk] = []
    size_bytes = 0
    for new in chunks:
        length = len(new.chunk.text.encode())
        if batch and (len(batch) == chunks_max or size_bytes + length > bytes_max):
            yield tuple(batch)
            batch, size_bytes = [], 0
        batch.append(new)
        size_bytes += length
    if batch:
        yield tuple(batch)
