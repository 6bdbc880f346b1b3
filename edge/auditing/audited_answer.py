"""An answer as an auditor sees it: what was asked, found, decided and said, with its records."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agents.placeholders import restore
from edge.answering.request_timeline import KINDS
from edge.answering.view import AnswerView
from edge.auditing.answer_moments import answer_moments
from edge.auditing.values_shown import ValuesShown
from edge.callers.access import Access, has_all_groups, passage_json
from edge.callers.caller import Caller
from edge.listening.entries import Entry, newest_of
from edge.listening.known_requests import KnownRequest
from schemas import (
    Answer,
    AnswerReleased,
    AnswerRetracted,
    ChunksRetrieved,
    Event,
    EventRejected,
    MapEntry,
    Passage,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    TokensGenerated,
    TokensReleased,
)
from streams.topics import topic_of

LISTED: tuple[type[Event], ...] = (
    QuestionAsked,
    ChunksRetrieved,
    EventRejected,
    AnswerReleased,
    AnswerRetracted,
)
"""What is read of a request for its line in a list: passages too, for they say who may see it."""
WITHHELD = (
    "It rests on documents, or was asked in groups, that this key may not read, or goes on with an "
    "answer that does: its text, passages and prompt are not shown. A key with these groups shows "
    "them (`playhead keys create --scopes audit --groups …`)."
)


@dataclass(frozen=True)
class AuditedAnswer:
    """The records of a question or search."""

    request: KnownRequest
    entries: Sequence[Entry]

    def newest(self, kind: type[Any]) -> Any:
        """Return the record of a kind that counts, None where there is none."""
        return newest_of((entry.event for entry in self.entries), kind)

    @cached_property
    def retrieved(self) -> ChunksRetrieved | None:
        """What was found for it."""
        found: ChunksRetrieved | None = self.newest(ChunksRetrieved)
        return found

    @cached_property
    def answer(self) -> Answer | None:
        """What came of it before moderation; None where no step got so far."""
        released: AnswerReleased | None = self.newest(AnswerReleased)
        if released is not None:
            return released.answer
        generated = [
            entry.event.answer
            for entry in self.entries
            if isinstance(entry.event, TokensGenerated) and entry.event.answer is not None
        ]
        return generated[-1] if generated else None

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The passages that it was to be answered from, the best first."""
        return self.retrieved.passages if self.retrieved else ()

    @property
    def has_earlier_words(self) -> bool:
        """Whether what was said before in its conversation was read for it."""
        rewritten: QueryRewritten | None = self.newest(QueryRewritten)
        return rewritten is not None and rewritten.turns > 0

    @property
    def documents(self) -> set[str]:
        """Ids of all documents of which something stands in its records."""
        cited = self.answer.citations if self.answer else ()
        return {one.document for one in self.passages} | {one.document for one in cited}

    def is_shown_to(self, caller: Caller, access: Access) -> bool:
        """Tell whether a caller may see its texts: they tell what the asker was let see."""
        asked: QuestionAsked | None = self.newest(QuestionAsked)
        return (
            asked is not None
            and has_all_groups(caller, asked.ask.groups)
            and all(access.may_know(caller, one) for one in self.documents)
        )

    @property
    def map_entries(self) -> list[MapEntry]:
        """Values behind the placeholders of all its texts."""
        carriers = QuestionRedacted, QueryRewritten, ChunksRetrieved, TokensReleased, AnswerReleased
        found = [
            one
            for entry in self.entries
            if isinstance(entry.event, carriers)
            for one in entry.event.entries
        ]
        return [*found, *(one for passage in self.passages for one in passage.entries)]

    # ------------------------------------------------------------------ as JSON

    def line(self, shown: bool) -> dict[str, Any]:
        """Spell what a list tells of it; texts with their placeholders."""
        released: AnswerReleased | None = self.newest(AnswerReleased)
        events = [entry.event for entry in self.entries]
        state = "open"
        if any(isinstance(one, AnswerRetracted) for one in events):
            state = "retracted"
        elif released is not None:
            state = "completed"
        elif any(isinstance(one, EventRejected) for one in events):
            state = "failed"
        return {
            "state": state,
            "question": released.answer.question if released and shown else None,
            "digest": digest_of(released.text) if released and shown else None,
        }

    def texts(self, values: ValuesShown) -> dict[str, Any]:
        """Spell what was asked, found and said; placeholders stay where no value is to be seen."""
        redacted: QuestionRedacted | None = self.newest(QuestionRedacted)
        rewritten: QueryRewritten | None = self.newest(QueryRewritten)
        released: AnswerReleased | None = self.newest(AnswerReleased)
        return {
            "question": self._question(values, redacted, rewritten),
            "passages": [
                {
                    **passage_json(one, values(one.entries)),
                    "version": one.version,
                    "number": one.number,
                }
                for one in self.passages
            ],
            "moments": answer_moments(self._view(values), self.entries),
            "digest": digest_of(released.text) if released else None,
        }

    def _question(
        self,
        shown: ValuesShown,
        redacted: QuestionRedacted | None,
        rewritten: QueryRewritten | None,
    ) -> dict[str, Any]:
        values = shown(
            [*(redacted.entries if redacted else ()), *(rewritten.entries if rewritten else ())]
        )
        return {
            "text": restore(redacted.text, values) if redacted else None,
            "refused": redacted.reason if redacted and redacted.outcome == "refused" else "",
            "query": restore(rewritten.query, values) if rewritten else None,
            "wordings": [restore(one, values) for one in rewritten.wordings] if rewritten else [],
            "rewriting": rewritten.outcome if rewritten else "",
            "turns_read": rewritten.turns if rewritten else 0,
        }

    def _view(self, values: ValuesShown) -> AnswerView:
        request = self.request
        return AnswerView(request.request, request.session, request.lane, values)

    def decisions(self, shown: bool) -> dict[str, Any]:
        """Spell how it came about: model, route, policies and what was left out. No text of it.

        Nor what a text can be guessed by, unless it is shown.
        """
        answer, retrieved = self.answer, self.retrieved
        policies = [
            *(retrieved.policies if retrieved else ()),
            *(answer.policies if answer else ()),
        ]
        retracted: AnswerRetracted | None = self.newest(AnswerRetracted)
        return {
            "index": retrieved.index if retrieved else "",
            "position": retrieved.position if retrieved else None,
            "relevance": retrieved.relevance if retrieved else None,
            "model": answer.model if answer else "",
            "finish_reason": answer.finish_reason if answer else None,
            "support": answer.support if answer else None,
            "degraded": list(answer.degraded) if answer else [],
            "prompt_digest": answer.prompt if answer and shown else "",
            "usage": None
            if answer is None
            else {
                "prompt_tokens": answer.usage.prompt_tokens,
                "completion_tokens": answer.usage.completion_tokens,
            },
            "route": answer.route.to_avro() if answer and answer.route else None,
            "policies": [one.to_avro() for one in policies],
            "retracted": retracted.reason if retracted else None,
        }

    def records(self) -> list[dict[str, Any]]:
        """List its records: where each lies, what wrote it, and when."""
        return [
            {
                "topic": topic_of(entry.event),
                "partition": entry.partition,
                "offset": entry.offset,
                "id": entry.event.meta.id,
                "step": entry.event.meta.step.name,
                "attempt": entry.event.meta.attempt,
                "at_us": entry.event.meta.at,
            }
            for entry in sorted(
                self.entries, key=lambda one: (one.event.meta.at, topic_of(one.event), one.offset)
            )
        ]

    def entry_at(self, topic: str, offset: int) -> Entry | None:
        """Return its record at a place, None where none of it lies there."""
        return next(
            (one for one in self.entries if (topic_of(one.event), one.offset) == (topic, offset)),
            None,
        )


WHOLE = KINDS
"""What is read of a request to show its life."""


def digest_of(text: str) -> str:
    """Spell the digest of an answer's text as receipts do."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
