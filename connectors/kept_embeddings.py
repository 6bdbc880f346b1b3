"""Embeddings of queries, kept for whoever of the same tenant asks the same again.

A text's vectors are a function of the text and the model (infra/triton/models/embedder). Which
model an embedder is, is known only from an answer: the first one of another model drops all that
was kept.
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
        self._models: dict[str, tuple[str, int]] = {}
        """Embedder, as it is asked for -> its model and dimensions, of its last answer."""

    def forget_tenant(self, tenant: str) -> None:
        """Drop what a tenant's texts gave."""
        self._cache.forget_tenant(tenant)

    def of(self, request: Embed, tenant: str) -> Embedded | None:
        """Return the answer to a request all of whose texts are kept."""
        if request.kind != "query" or not request.texts or request.embedder not in self._models:
            return None
        model, dimensions = self._models[request.embedder]
        found: list[KeptEmbedding] = []
        for text in request.texts:
            kept = self._cache.get(tenant, (request.embedder, text, request.token_vectors))
            if kept is None:
                return None
            found.append(kept)
        return Embedded(
            vectors=tuple(one.vector for one in found),
            token_vectors=tuple(one.token_vectors for one in found if request.token_vectors),
            counts=tuple(one.tokens for one in found),
            model=model,
            dimensions=dimensions,
        )

    def keep(self, request: Embed, tenant: str, answer: Embedded) -> None:
        """Remember an answer."""
        told = answer.model, answer.dimensions
        if self._models.get(request.embedder, told) != told:
            self._cache.forget()
        self._models[request.embedder] = told
        if request.kind != "query":
            return
        tokens = answer.token_vectors or (b"",) * len(request.texts)
        rows = zip(request.texts, answer.vectors, tokens, answer.counts, strict=True)
        for text, vector, packed, count in rows:
            one = KeptEmbedding(vector, packed, count)
            key = request.embedder, text, request.token_vectors
            self._cache.keep(tenant, key, one, one.size + 4 * len(text))
