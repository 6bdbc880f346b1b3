"""The review queue of a tenant: a view over the log, and nothing that could disagree with it.

What waits is what was drawn of the released answers, less what two have judged, was withdrawn or
erased. Its topics are read side by side, so records may come in whatever order; of each, those of
one lane come in the order of the log. Reviewers meet the answers in the order of the draw: however
few they come to, these are a fair sample of all.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas import AnswerJudged, AnswerJudgedGrade, AnswerReleased, AnswerRetracted, Event
from streams.operations.reviews.review_sample import (
    NOTHING_TO_JUDGE,
    BadShare,
    is_drawn,
    place_of,
    share_for,
)
from streams.watching.logs import logger

log = logger("reviews")

REVIEWERS = 2
"""Who judge each answer."""
GRADES = ("right", "partly", "wrong", "useless")
UNDONE: AnswerJudgedGrade = "undone"
SETTLED_US = 120_000_000
"""After so long a judgement can't be undone; before, it counts in no figure that reviewers see, so
that nobody reads another's off the figures and judges again."""

ReadConfiguration = Callable[[str], Mapping[str, Any] | None]
"""Returns the content of a configuration by its digest, None where the log has none."""


@dataclass
class SampledAnswer:
    """An answer that was drawn."""

    place: int
    """Its place in the draw: what it is met by."""
    tenant: str
    request: str
    session: str
    answer: str
    """Id of its AnswerReleased."""
    attempt: int
    subject: str
    """Keyed digest of who asked."""
    sample: str
    """Digest of the configuration that drew it."""
    at: int
    documents: frozenset[str]
    """Ids of the documents that it cites."""
    is_retracted: bool = False
    is_erased: bool = False

    @property
    def key(self) -> tuple[int, str]:
        """What it is ordered by."""
        return self.place, self.request


@dataclass(frozen=True)
class Judged:
    """What a reviewer's records say of an answer by now."""

    records: int
    """How many there are, undone ones included."""
    last: AnswerJudged

    @property
    def stands(self) -> bool:
        """Whether it was not undone."""
        return self.last.grade in GRADES


@dataclass
class ReviewQueue:
    """What of one tenant was drawn and judged."""

    tenant: str
    configuration: ReadConfiguration
    _answers: dict[str, SampledAnswer] = field(default_factory=dict)
    _order: list[tuple[int, str]] = field(default_factory=list)
    _judged: defaultdict[str, dict[str, Judged]] = field(default_factory=lambda: defaultdict(dict))
    """Request -> reviewer -> judged, in the order in which they first judged."""
    _record_ids: set[str] = field(default_factory=set)
    _attempts: dict[str, int] = field(default_factory=dict)
    """Request -> the newest attempt that was retracted."""
    _shares: dict[str, float] = field(default_factory=dict)

    # ------------------------------------------------------------------ record by record

    def take(self, event: Event) -> None:
        """Learn from a record of the tenant; those of other kinds say nothing here."""
        if event.meta.tenant != self.tenant:
            return
        match event:
            case AnswerReleased():
                self._release(event)
            case AnswerRetracted():
                self._retract(event)
            case AnswerJudged():
                self._judge(event)

    def _release(self, event: AnswerReleased) -> None:
        meta = event.meta
        before = self._answers.get(meta.request)
        if before is not None and before.attempt >= meta.attempt:
            return  # the first record of an attempt wins
        digest = meta.step.configuration
        place = place_of(meta.request, digest)
        is_wanted = event.answer.finish_reason not in NOTHING_TO_JUDGE
        if before is not None:
            self._order.remove(before.key)
            del self._answers[meta.request]
        if not is_wanted or not is_drawn(place, self._share(digest)):
            return
        one = SampledAnswer(
            place=place,
            tenant=meta.tenant,
            request=meta.request,
            session=meta.session,
            answer=meta.id,
            attempt=meta.attempt,
            subject=event.subject,
            sample=digest,
            at=meta.at,
            documents=frozenset(cited.document for cited in event.answer.citations),
            is_retracted=self._attempts.get(meta.request, 0) >= meta.attempt,
        )
        self._answers[one.request] = one
        insort(self._order, one.key)

    def _retract(self, event: AnswerRetracted) -> None:
        request, attempt = event.meta.request, event.meta.attempt
        self._attempts[request] = max(attempt, self._attempts.get(request, 0))
        one = self._answers.get(request)
        if one is not None and attempt >= one.attempt:
            one.is_retracted = True

    def _judge(self, event: AnswerJudged) -> None:
        known = event.grade in (*GRADES, UNDONE)
        if not known or event.meta.id in self._record_ids:
            return
        self._record_ids.add(event.meta.id)
        reviewers = self._judged[event.about]
        before = reviewers.get(event.reviewer)
        reviewers[event.reviewer] = Judged(before.records + 1 if before else 1, event)

    def _share(self, digest: str) -> float:
        """Return the tenant's share by a configuration; one that can't be used draws nothing."""
        if digest not in self._shares:
            configured = self.configuration(digest)
            try:
                self._shares[digest] = share_for(self.tenant, configured or {})
            except BadShare as error:
                log.warning("nothing is drawn", configuration=digest, reason=str(error))
                self._shares[digest] = 0.0
        return self._shares[digest]

    # ------------------------------------------------------------------ what waits

    def find(self, request: str) -> SampledAnswer | None:
        """Return a drawn answer."""
        return self._answers.get(request)

    def waiting(self, reviewer: str, after: int = -1) -> Iterator[SampledAnswer]:
        """Yield what waits for a reviewer, behind a place in the draw.

        Not what they judged, nor what they asked themselves.
        """
        begin = bisect_right(self._order, (after, "\U0010ffff"))
        for _, request in self._order[begin:]:
            one = self._answers[request]
            if one.is_retracted or one.is_erased or one.subject == reviewer:
                continue
            standing = self.standing(request)
            if len(standing) < REVIEWERS and reviewer not in standing:
                yield one

    # ------------------------------------------------------------------ what was said

    def judged_by(self, reviewer: str, request: str) -> Judged | None:
        """Return what a reviewer said of an answer, undone or not."""
        return self._judged.get(request, {}).get(reviewer)

    def standing(self, request: str) -> dict[str, AnswerJudged]:
        """Return what was said of a drawn answer and stands, by reviewer, first come first.

        What was said of an earlier attempt at the answer does not.
        """
        one = self._answers.get(request)
        if one is None:
            return {}
        return {
            reviewer: judged.last
            for reviewer, judged in self._judged.get(request, {}).items()
            if judged.stands and judged.last.answer == one.answer and reviewer != one.subject
        }

    def judged(self) -> Iterator[tuple[SampledAnswer, list[AnswerJudged]]]:
        """Yield each answer that somebody judged, in the order of the draw, with the judgements."""
        for _, request in self._order:
            standing = list(self.standing(request).values())
            if standing:
                yield self._answers[request], standing

    def pairs(self, until_us: float = math.inf) -> list[tuple[str, str]]:
        """Return what the first two said of each answer that both judged before a time.

        The one of the smaller digest stands first, so that with two reviewers in all, each has a
        side.
        """
        pairs: list[tuple[str, str]] = []
        for _, standing in self.judged():
            first = standing[:REVIEWERS]
            if len(first) == REVIEWERS and all(one.meta.at <= until_us for one in first):
                one, other = sorted(first, key=lambda judged: judged.reviewer)
                pairs.append((one.grade, other.grade))
        return pairs
