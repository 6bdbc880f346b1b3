"""Judged answers, read from the log or from an archive of it: which those are, then what they hold.

Two passes: most records are of answers that nobody judged, and are not opened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.requests.identity import Whose
from evals.data_sets import NoRows
from evals.judged_rows import JudgedRow
from evals.question_set import SetPassage
from replay.configurations import Configurations
from replay.log import Log, Stored
from replay.recorded import Contradiction
from schemas import (
    AnswerJudged,
    AnswerReleased,
    AnswerRetracted,
    ChunksRetrieved,
    Event,
    QuestionRedacted,
)
from streams.log.codec import Codec, Undecodable
from streams.operations.reviews.review_queue import REVIEWERS, ReviewQueue, SampledAnswer
from streams.running.admit import admit
from streams.topics import topic_of

OF_REVIEWS: tuple[type[Event], ...] = (AnswerReleased, AnswerRetracted, AnswerJudged)
OF_ANSWERS: tuple[type[Event], ...] = (QuestionRedacted, ChunksRetrieved, AnswerReleased)


@dataclass
class _Found:
    """A judged answer, and what is found of it."""

    answer: SampledAnswer
    judgements: list[AnswerJudged]
    redacted: QuestionRedacted | None = None
    retrieved: ChunksRetrieved | None = None
    released: AnswerReleased | None = None

    def take(self, event: Event) -> None:
        """Keep a record of the newest attempt; of the answer, the one that was judged."""
        match event:
            case QuestionRedacted() if _is_newer(event, self.redacted):
                self.redacted = event
            case ChunksRetrieved() if _is_newer(event, self.retrieved):
                self.retrieved = event
            case AnswerReleased() if event.meta.id == self.answer.answer:
                self.released = self.released or event


@dataclass
class _Queues:
    """A queue for each tenant."""

    configurations: Configurations
    by_tenant: dict[str, ReviewQueue] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        tenant = event.meta.tenant
        queue = self.by_tenant.setdefault(tenant, ReviewQueue(tenant, self._values))
        queue.take(event)

    def _values(self, digest: str) -> Mapping[str, Any] | None:
        try:
            return self.configurations.values(digest)
        except Contradiction:
            return None


def judged_rows(log: Log, tenant: str | None = None) -> list[JudgedRow]:
    """Return the answers that two reviewers judged, one tenant's or all; by tenant, then request.

    Not what was retracted. Raises NoRows where there is none.
    """
    codec = Codec(log.ids)
    queues = _Queues(Configurations(log, codec))
    for event in _events(log, codec, OF_REVIEWS, tenant):
        queues.take(event)
    found = {
        (answer.tenant, answer.request): _Found(answer, judgements)
        for queue in queues.by_tenant.values()
        for answer, judgements in queue.judged()
        if len(judgements) >= REVIEWERS and not answer.is_retracted
    }
    for event in _events(log, codec, OF_ANSWERS, tenant, found) if found else ():
        found[event.meta.tenant, event.meta.request].take(event)
    rows = [row for place in sorted(found) if (row := _row(found[place])) is not None]
    if not rows:
        raise NoRows(
            "no answer was judged by two reviewers yet: keys with the scope review open /review "
            "of the gateway"
        )
    return rows


def _events(
    log: Log,
    codec: Codec,
    kinds: Iterable[type[Event]],
    tenant: str | None,
    wanted: Mapping[Whose, Any] | None = None,
) -> Iterator[Event]:
    by_topic = {topic_of(kind): kind for kind in kinds}
    for topic, partition in sorted(log.extents()):
        if topic not in by_topic:
            continue
        for stored in log.records(topic, partition):
            if tenant is not None and stored.key != tenant.encode():
                continue
            if wanted is not None and _whose(stored) not in wanted:
                continue
            try:
                event = admit(codec, by_topic[topic], stored.value, stored.key, partition)
            except Undecodable:
                continue  # `replay verify` reports it
            if wanted is None or (event.meta.tenant, event.meta.request) in wanted:
                yield event


def _whose(stored: Stored) -> Whose:
    request = next((value for name, value in stored.headers if name == "request"), b"")
    return (stored.key or b"").decode("utf-8", "replace"), request.decode("utf-8", "replace")


def _is_newer(event: Event, before: Event | None) -> bool:
    return before is None or event.meta.attempt > before.meta.attempt


def _row(found: _Found) -> JudgedRow | None:
    """Make a row; None where the answer's own record can't be read any more."""
    released = found.released
    if released is None:
        return None
    first = found.judgements[:REVIEWERS]
    passages = found.retrieved.passages if found.retrieved else ()
    verdict = found.redacted.verdict if found.redacted else None
    place = f"{found.answer.tenant}|{found.answer.session}"
    return JudgedRow(
        id=found.answer.request,
        tenant=found.answer.tenant,
        group=hashlib.sha256(place.encode()).hexdigest()[:16],
        question=released.answer.query or released.answer.question,
        answer=released.text,
        finish_reason=released.answer.finish_reason,
        grades=tuple(one.grade for one in first),
        citations_wrong=sum(one.citations_wrong for one in first),
        passages=tuple(SetPassage(one.chunk, one.title, one.text) for one in passages),
        cited=tuple((one.chunk, one.quote) for one in released.answer.citations),
        question_scores={one.head: one.score for one in verdict.scores} if verdict else {},
    )
