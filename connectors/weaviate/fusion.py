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
    lexical: Sequence[ReadObject], dense: Sequence[ReadObject], vector: NDArray[np.float32]
) -> list[Candidate]:
    """Merge two rankings by reciprocal rank; every candidate gets its cosine similarity.

    Both are best first: `lexical` with their BM25 scores and their vectors,
    `dense` with their distances from the query's vector. A chunk that stands in one ranking twice,
    as objects of two versions, counts by the better one. Ties go by the chunk's id.
    """
    words: dict[str, float] = {}
    cosines: dict[str, float] = {}
    scores: defaultdict[str, float] = defaultdict(float)
    documents: dict[str, str] = {}
    for item in lexical:
        chunk = item.properties["chunk"]
        if chunk in words:
            continue
        words[chunk] = round(item.score, DECIMALS)
        documents[chunk] = item.properties["document"]
        scores[chunk] += 1 / (RRF_K + len(words))
        if vector.size:
            cosine = float(np.frombuffer(item.vector, "<f4") @ vector)
            cosines[chunk] = round(cosine, DECIMALS)
    ranked: set[str] = set()
    for item in dense:
        chunk = item.properties["chunk"]
        if chunk in ranked:
            continue
        ranked.add(chunk)
        cosines[chunk] = round(1 - item.distance, DECIMALS)
        documents[chunk] = item.properties["document"]
        scores[chunk] += 1 / (RRF_K + len(ranked))
    order = sorted(scores, key=lambda chunk: (-scores[chunk], chunk))
    return [
        Candidate(
            chunk=chunk,
            document=documents[chunk],
            dense=cosines.get(chunk, 0.0),
            lexical=words.get(chunk, 0.0),
            score=round(scores[chunk], DECIMALS),
        )
        for chunk in order
    ]
