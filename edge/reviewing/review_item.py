"""An answer as a reviewer sees it: question, conversation, citations and the passages of these."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agents.placeholders import restore
from edge.callers.access import Access
from edge.callers.caller import Caller
from edge.listening.entries import Entry, newest_of
from schemas import (
    AnswerReleased,
    ChunksRetrieved,
    Citation,
    Event,
    MapEntry,
    Passage,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    Turn,
)
from streams.operations.reviews.review_queue import SampledAnswer

KINDS: tuple[type[Event], ...] = (
    QuestionAsked,
    QuestionRedacted,
    QueryRewritten,
    ChunksRetrieved,
    AnswerReleased,
)
"""What is read of a request for its reviewer; AnswerReleased last, as a chain writes it."""


@dataclass(frozen=True)
class ReviewItem:
    """The records of an answer that a reviewer is shown."""

    answer: SampledAnswer
    asked: QuestionAsked
    released: AnswerReleased
    redacted: QuestionRedacted | None = None
    rewritten: QueryRewritten | None = None
    retrieved: ChunksRetrieved | None = None

    def as_json(self, caller: Caller, access: Access, turns: Sequence[Turn]) -> dict[str, Any]:
        """Spell it; personal data as far as the reviewer may see it."""
        answer = self.released.answer
        question = self.redacted.text if self.redacted else answer.question
        entries = [
            *(self.redacted.entries if self.redacted else ()),
            *(self.rewritten.entries if self.rewritten else ()),
            *self.released.entries,
        ]
        values = access.reveal(caller, entries)
        return {
            "request_id": self.answer.request,
            "session_id": self.answer.session,
            "cursor": cursor_of(self.answer.place),
            "asked_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.asked.meta.at / 1e6)),
            "question": restore(question or answer.question, values),
            "query": restore(self.rewritten.query if self.rewritten else answer.query, values),
            "text": restore(self.released.text, values),
            "finish_reason": answer.finish_reason,
            "degraded": list(answer.degraded),
            "citations": [self._citation(caller, access, one) for one in answer.citations],
            "conversation": [_turn(caller, access, one) for one in turns],
        }

    def _citation(self, caller: Caller, access: Access, cited: Citation) -> dict[str, Any]:
        passage = self._passage(cited.chunk)
        entries: Iterable[MapEntry] = passage.entries if passage else ()
        values = access.reveal(caller, [*entries, *self.released.entries])
        return {
            "document_id": cited.document,
            "chunk_id": cited.chunk,
            "title": restore(cited.title, values),
            "uri": cited.uri,
            "quote": restore(cited.quote, values),
            "passage": restore(passage.text, values) if passage else None,
        }

    def _passage(self, chunk: str) -> Passage | None:
        passages = self.retrieved.passages if self.retrieved else ()
        return next((one for one in passages if one.chunk == chunk), None)


def item_of(answer: SampledAnswer, entries: Iterable[Entry]) -> ReviewItem | None:
    """Pick an answer's records from all of its request; None where not all are there."""
    events = [entry.event for entry in entries]
    asked = newest_of(events, QuestionAsked)
    released = next(
        (
            one
            for one in events
            if isinstance(one, AnswerReleased)
            and (one.meta.id, one.meta.attempt) == (answer.answer, answer.attempt)
        ),
        None,
    )
    if asked is None or released is None:
        return None
    return ReviewItem(
        answer,
        asked,
        released,
        newest_of(events, QuestionRedacted),
        newest_of(events, QueryRewritten),
        newest_of(events, ChunksRetrieved),
    )


def _turn(caller: Caller, access: Access, turn: Turn) -> dict[str, str]:
    values = access.reveal(caller, turn.entries)
    return {"question": restore(turn.question, values), "answer": restore(turn.answer, values)}


def cursor_of(place: int) -> str:
    """Spell a place in the draw: JSON's numbers would lose its last digits."""
    return f"{place:016x}"
