"""Trivial steps that ask for nothing and write one record over each: one chain of eight."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from agents.effects import Effects, StepFunction
from bench.trivial_steps import ONLY_BATCH, redacted, retrieved, rewritten
from schemas import (
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

HOPS: tuple[tuple[str, type[Event], type[Event], Callable[[Any], Event]], ...] = (
    ("redact", QuestionAsked, QuestionRedacted, redacted),
    ("rewrite", QuestionRedacted, QueryRewritten, rewritten),
    ("retrieve", QueryRewritten, ChunksRetrieved, retrieved),
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
"""A chain through all eight names: step, what it reads, what it writes, and the making of it.

It begins as the question's does. A step writes records of another type than it reads, as the
topology wants, so it goes on through three records that hold little else than a text.
"""

HOP_TOPICS = (topic_of(HOPS[0][1]), *(topic_of(writes) for _, _, writes, _ in HOPS))


def noop(count: int = len(HOPS)) -> list[Step]:
    """Return the first hops: steps that ask for nothing and write one record over each.

    They have the tables that the wiring wants of them.
    """
    return [
        replace(step(name), function=_hand_on(make), flows={reads: (writes,)})
        for name, reads, writes, make in HOPS[:count]
    ]


def _hand_on(make: Callable[[Any], Event]) -> StepFunction:
    async def hand_on(event: Event, _fx: Effects) -> AsyncIterator[Event]:
        yield make(event)

    return hand_on
