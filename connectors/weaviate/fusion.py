"""Rank candidates: fuse those found by words with those found by vector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from connectors.weaviate.tenant_objects import ReadObject
from schemas import Candidate

RRF_K = 60  # the constant of Cormack, Clarke and Büttcher, SIGIR 2009
DECIMALS = 6  # of every score that is handed out; float32 carries about seven digits


def fuse(
    lexical: Sequence[ReadObject],
    dense: Sequence[ReadObject],
    vector: NDArray[np.float32],
    limit: int,
) -> list[Candidate]:
    """Merge two rankings by reciprocal rank; every candidate gets its cosine similarity.

    Both are best first: `lexical` with their BM25 scores and their vectors,
    `dense` with their distances from the query's vector. A chunk that stands in one ranking twice,
    as objects of two versions, counts by the better one. Ties go by the chunk's id. Returns at most
    `limit`.
    """
    near: dict[str, ReadObject] = {}
    words: dict[str, ReadObject] = {}
    for ranking, held in ((dense, near), (lexical, words)):
        for item in ranking:
            held.setdefault(item.properties["chunk"], item)
    scores: defaultdict[str, float] = defaultdict(float)
    for held in (words, near):
        for rank, chunk in enumerate(held, start=1):
            scores[chunk] += 1 / (RRF_K + rank)
    order = sorted(sorted(scores), key=scores.__getitem__, reverse=True)
    return [
        _candidate(chunk, words.get(chunk), near.get(chunk), vector, scores[chunk])
        for chunk in order[:limit]
    ]


def _candidate(
    chunk: str,
    by_words: ReadObject | None,
    by_vector: ReadObject | None,
    vector: NDArray[np.float32],
    score: float,
) -> Candidate:
    """Say of a chunk what the rankings that hold it tell."""
    held = by_vector or by_words
    assert held is not None  # one of them named it
    cosine = 0.0
    if by_vector is not None:
        cosine = 1 - by_vector.distance
    elif vector.size:
        cosine = float(np.frombuffer(held.vector, "<f4") @ vector)
    return Candidate(
        chunk=chunk,
        document=held.properties["document"],
        dense=round(cosine, DECIMALS),
        lexical=round(by_words.score, DECIMALS) if by_words is not None else 0.0,
        score=round(score, DECIMALS),
    )
