"""Eight steps that do nothing but hand on, under the names and over the records of the real ones.

A step writes records of another type than it reads, as the topology wants. The chain begins as the
question's does and goes on through three records that hold little else than a text.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from agents.effects import Effects
from schemas import (
    Batch,
    ChunksRetrieved,
    DocumentWithdrawn,
    ErasureRequested,
    Event,
    FeedbackGiven,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    TokensGenerated,
    TokensReleased,
)
from streams.topics import Step, step, topic_of

ONLY_BATCH = Batch(number=0, last=True)

# step, what it reads, what it makes of it
HOPS: tuple[tuple[str, type[Event], type[Event], Callable[[Any], Event]], ...] = (
    (
        "redact",
        QuestionAsked,
        QuestionRedacted,
        lambda given: QuestionRedacted(
            outcome="redacted", subject=given.subject, text="", ask=given.ask
        ),
    ),
    (
        "rewrite",
        QuestionRedacted,
        QueryRewritten,
        lambda given: QueryRewritten(
            outcome="rewritten", subject=given.subject, question="", query="", ask=given.ask
        ),
    ),
    (
        "retrieve",
        QueryRewritten,
        ChunksRetrieved,
        lambda given: ChunksRetrieved(
            outcome="retrieved", subject=given.subject, question="", query="", ask=given.ask
        ),
    ),
    (
        "generate",
        ChunksRetrieved,
        TokensGenerated,
        lambda given: TokensGenerated(
            batch=ONLY_BATCH, text="", ask=given.ask, subject=given.subject
        ),
    ),
    (
        "moderate",
        TokensGenerated,
        TokensReleased,
        lambda given: TokensReleased(batch=ONLY_BATCH, text="", subject=given.subject),
    ),
    (
        "ingest",
        TokensReleased,
        DocumentWithdrawn,
        lambda given: DocumentWithdrawn(document=given.subject),
    ),
    (
        "embed",
        DocumentWithdrawn,
        FeedbackGiven,
        lambda given: FeedbackGiven(about=given.document, rating=0),
    ),
    (
        "index",
        FeedbackGiven,
        ErasureRequested,
        lambda given: ErasureRequested(subject=given.about),
    ),
)

TOPICS = (topic_of(HOPS[0][1]), *(topic_of(writes) for _, _, writes, _ in HOPS))


def noop(make: Callable[[Any], Event]) -> Any:
    """Return a step that writes one record and asks for nothing."""

    async def hand_on(event: Event, _fx: Effects) -> AsyncIterator[Event]:
        yield make(event)

    return hand_on


def steps(count: int = len(HOPS)) -> list[Step]:
    """Return the first steps of the chain, with the tables that the wiring wants of them."""
    return [
        replace(step(name), function=noop(make), flows={reads: (writes,)})
        for name, reads, writes, make in HOPS[:count]
    ]
