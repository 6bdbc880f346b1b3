"""Embeddings of queries, kept for whoever of the same tenant asks the same again.

A text's vectors are a function of the text and the model (infra/triton/models/embedder). The model
is known only from an answer: the first one of another model drops what those before it gave.
"""

from __future__ import annotations

from typing import NamedTuple

from connectors.bounded_cache import BoundedCache
from schemas import Embed, Embedded


class KeptEmbedding(NamedTuple):
    """What the embedder said of one text."""

    vector: bytes
    token_vectors: bytes
    tokens: int

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.vector) + len(self.token_vectors)


class KeptEmbeddings:
    """Remembers what was embedded; passages are not asked for twice, so that they are not kept."""

    def __init__(self, cache: BoundedCache[KeptEmbedding]) -> None:
        self._cache = cache
        self._model = ""
        self._dimensions = 0

    def forget_tenant(self, tenant: str) -> None:
        """Drop what a tenant's texts gave."""
        self._cache.forget_tenant(tenant)

    def of(self, request: Embed, tenant: str) -> Embedded | None:
        """Return the answer to a request all of whose texts are kept."""
        if request.kind != "query" or not request.texts:
            return None
        found: list[KeptEmbedding] = []
        for text in request.texts:
            kept = self._cache.get(tenant, (text, request.token_vectors))
            if kept is None:
                return None
            found.append(kept)
        return Embedded(
            vectors=tuple(one.vector for one in found),
            token_vectors=tuple(one.token_vectors for one in found if request.token_vectors),
            counts=tuple(one.tokens for one in found),
            model=self._model,
            dimensions=self._dimensions,
        )

    def keep(self, request: Embed, tenant: str, answer: Embedded) -> None:
        """Remember an answer."""
        if (answer.model, answer.dimensions) != (self._model, self._dimensions):
            self._cache.forget()
            self._model, self._dimensions = answer.model, answer.dimensions
        if request.kind != "query":
            return
        tokens = answer.token_vectors or (b"",) * len(request.texts)
        rows = zip(request.texts, answer.vectors, tokens, answer.counts, strict=True)
        for text, vector, packed, count in rows:
            one = KeptEmbedding(vector, packed, count)
            key = text, request.token_vectors
            self._cache.keep(tenant, key, one, one.size + 4 * len(text))
