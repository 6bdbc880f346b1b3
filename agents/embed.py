"""Embed: give redacted chunks their vectors.

One batch in, one batch out, so that the numbering of batches that ingest chose stays true. Ingest
makes batches small enough for this: a chunk grows here by its vector and token vectors, and both
stand in the record twice, as a field and as the recorded effect.
"""

from collections.abc import AsyncIterator

from agents.effects import Effects
from agents.errors import Permanent, Transient
from schemas import ChunksEmbedded, ChunksRedacted, Embed, Embedded, EmbeddedChunk, RedactedChunk


async def embed(event: ChunksRedacted, fx: Effects) -> AsyncIterator[ChunksEmbedded]:
    """Embed the chunks as they stand: title and headings are part of their text already.

    What holds no chunks passes through. Raises Permanent if the embedder answers out of shape, and
    Transient if it changed between two calls, since one record names one model.
    """
    texts_max: int = fx.configuration["texts_max"]
    calls = [event.chunks[at : at + texts_max] for at in range(0, len(event.chunks), texts_max)]
    answers = await fx.gather(
        *(
            Embed(texts=tuple(chunk.text for chunk in call), kind="passage", token_vectors=True)
            for call in calls
        )
    )
    models = sorted({(answer.model, answer.dimensions) for answer in answers})
    if len(models) > 1:
        raise Transient(f"the embedder changed between two calls of one batch: {models}; try again")
    model, dimensions = models[0] if models else ("", 0)
    yield ChunksEmbedded(
        document=event.document,
        batch=event.batch,
        outcome="embedded" if event.outcome == "redacted" else event.outcome,
        reason=event.reason,
        title=event.title,
        model=model,
        dimensions=dimensions,
        chunks=tuple(
            chunk
            for call, answer in zip(calls, answers, strict=True)
            for chunk in embedded(call, answer)
        ),
        manifest=event.manifest,
    )


def embedded(chunks: tuple[RedactedChunk, ...], answer: Embedded) -> tuple[EmbeddedChunk, ...]:
    """Join chunks with their vectors. Raises Permanent unless each has one of the stated length."""
    if not len(chunks) == len(answer.vectors) == len(answer.token_vectors):
        raise Permanent(
            f"{answer.model} answered {len(chunks)} texts with {len(answer.vectors)} vectors and "
            f"{len(answer.token_vectors)} sets of token vectors; check the embedder's deployment"
        )
    if any(len(vector) != 4 * answer.dimensions for vector in answer.vectors):
        raise Permanent(
            f"{answer.model} gave a vector that is not {answer.dimensions} float32 long; "
            "check the embedder's deployment"
        )
    return tuple(
        EmbeddedChunk(
            id=chunk.id,
            number=chunk.number,
            text=chunk.text,
            tokens=answer.counts[at] if answer.counts else chunk.tokens,
            entries=chunk.entries,
            vector=answer.vectors[at],
            token_vectors=answer.token_vectors[at],
        )
        for at, chunk in enumerate(chunks)
    )
