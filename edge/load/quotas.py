"""Quotas: what a tenant and a key may use of the limits that an operator set for them.

Every gateway counts what lies on the log (`counted_use`, `unanswered`, `stored_documents`) and what
it took in itself, so all hold to one limit, and none waits for another. By how much several may
pass it together stands in docs/decisions/0091-limits-are-counted-from-the-log.md.

Questions and documents have limits of their own, so whoever fills the index still asks, and whoever
asks too much still hands in.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from edge.listening.stored_documents import StoredAs, StoredTotal
from edge.load.counted_use import CountedUse, UsedMeasure, Who
from edge.load.lane_track import SPREAD, spread
from edge.load.limits_in_force import LimitsInForce, UseLimits
from edge.load.measures import refused
from edge.load.sliding_window import WINDOW_MS
from edge.problems import Problem, Quota, QuotaUnit, too_many
from edge.requests.identity import Identity

MINUTE_S = WINDOW_MS // 1_000
WITHDRAW_S = 3_600
"""When to come back where nothing but a withdrawal makes room: nobody knows when that will be."""

NEAREST: ContextVar[dict[str, str] | None] = ContextVar("nearest_limit", default=None)
"""Where the headers of this request's answer are noted; None where it has none."""


class TellsOthers(Protocol):
    """What is counted of questions elsewhere."""

    def unanswered_of(self, tenant: str, key: str = "") -> int:
        """Return how many questions of a tenant, or of a key, have no answer yet."""

    def answered_in_s(self, tenant: str, key: str, count: int) -> float:
        """Return in how many seconds so many of them will have one, as things go."""


class TellsStored(Protocol):
    """What is counted of documents elsewhere."""

    def stored(self, tenant: str, key: str = "") -> StoredTotal:
        """Tell how much a tenant has stored, or one of its keys."""

    def stored_as(self, tenant: str, document: str) -> StoredAs | None:
        """Tell what a document counts as; None where it does not."""


@dataclass(frozen=True)
class _Limit:
    """One limit, and how a request stands to it."""

    quota: Quota
    """As it is left before the request."""
    needs: int
    """How much of it the request takes."""
    detail: str
    room_in_s: Callable[[], float] | None = None
    """When there will be room for it; None where no time makes any."""
    frees_in_s: Callable[[], float] | None = None
    """When some of it is free again; None where no time tells."""

    @property
    def holds(self) -> bool:
        """Whether there is room; what needs nothing more always has it."""
        return self.needs <= max(0, self.quota.left)

    @property
    def share_left(self) -> float:
        """How much of it is left after the request."""
        return (self.quota.left - self.needs) / self.quota.most


@dataclass
class Quotas:
    """Takes requests in or refuses them; lives on the event loop."""

    limits: LimitsInForce
    use: CountedUse
    questions: TellsOthers
    documents: TellsStored
    spread_most: float = SPREAD
    _coming: Counter[tuple[Who, str]] = field(default_factory=Counter)
    """Documents and bytes that are on their way to the log."""

    @contextmanager
    def question(self, identity: Identity, key: str) -> Iterator[None]:
        """Count a question from now on, or raise Problem.

        An error within the block means that it is not on the log; a cancelled one may be.
        """
        self._hold(self._of_question(identity.tenant, key))
        with self._begun(identity, key, "questions"):
            yield

    @contextmanager
    def document(self, identity: Identity, key: str, size: int) -> Iterator[None]:
        """Count a version of a document from now on, or raise Problem; as with a question.

        Once the block is over, what is known of documents has to have it.
        """
        tenant = identity.tenant
        before = self.documents.stored_as(tenant, identity.session)
        self._hold(self._of_document(tenant, key, size, before))
        more = {who: _more(before, who, size) for who in ((tenant, ""), (tenant, key))}
        self._come(more, 1)
        try:
            with self._begun(identity, key, "documents"):
                yield
        finally:
            self._come(more, -1)

    @contextmanager
    def embedding(self, identity: Identity, key: str) -> Iterator[Callable[[int], None]]:
        """Count a request for embeddings from now on, or raise Problem.

        Yields what counts tokens that the embedder has read. Where it read none, nothing counts;
        else it counts until its record says so, or a window is over.
        """
        self._hold(self._of_embedding(identity.tenant, key))
        begun = self.use.begin(identity.whose, key, "questions")
        spent = 0

        def spend(tokens: int) -> None:
            nonlocal spent
            spent += tokens
            self.use.spend(identity.whose, "tokens", tokens)

        try:
            yield spend
        finally:
            if begun and not spent:
                self.use.end(identity.whose)

    def tell_of_question(self, tenant: str, key: str) -> None:
        """Note how the limits stand for an answer that takes nothing of them: one of before."""
        self._tell(self._of_question(tenant, key, needs=0))

    def tell_of_document(self, identity: Identity, key: str) -> None:
        """Note the same for a version that is on the log already."""
        before = self.documents.stored_as(identity.tenant, identity.session)
        size = (before.size or 0) if before else 0
        self._tell(self._of_document(identity.tenant, key, size, before, needs=0))

    @contextmanager
    def _begun(self, identity: Identity, key: str, measure: UsedMeasure) -> Iterator[None]:
        begun = self.use.begin(identity.whose, key, measure)
        try:
            yield
        except Exception:
            if begun:
                self.use.end(identity.whose)
            raise

    def _come(self, more: dict[Who, tuple[int, int]], times: int) -> None:
        for who, (documents, size) in more.items():
            self._coming[who, "documents"] += times * documents
            self._coming[who, "bytes"] += times * size
            for what in ("documents", "bytes"):
                if not self._coming[who, what]:
                    del self._coming[who, what]

    # ------------------------------------------------------------------ how they stand

    def _each(self, tenant: str, key: str) -> Iterator[tuple[str, Who, UseLimits]]:
        yield "tenant", (tenant, ""), self.limits.of_tenant(tenant)
        yield "key", (tenant, key), self.limits.of_key(key)

    def _of_question(self, tenant: str, key: str, needs: int = 1) -> Iterator[_Limit]:
        yield from self._of_embedding(tenant, key, needs)
        for whose, who, limits in self._each(tenant, key):
            if most := limits.questions_at_once:
                yield self._at_once(whose, who, most, needs)

    def _of_embedding(self, tenant: str, key: str, needs: int = 1) -> Iterator[_Limit]:
        """Yield the limits by the minute that questions and embeddings share."""
        for whose, who, limits in self._each(tenant, key):
            if most := limits.questions_per_minute:
                yield self._a_minute(whose, who, most, "questions", "requests", needs)
            if most := limits.tokens_per_minute:
                yield self._a_minute(whose, who, most, "tokens", "tokens", needs)

    def _of_document(
        self, tenant: str, key: str, size: int, before: StoredAs | None, needs: int = 1
    ) -> Iterator[_Limit]:
        for whose, who, limits in self._each(tenant, key):
            if most := limits.documents_per_minute:
                yield self._a_minute(whose, who, most, "documents", "requests", needs)
            documents, more_bytes = _more(before, who, size)
            total = self.documents.stored(*who)
            if most := limits.documents:
                held = total.documents + self._coming[who, "documents"]
                yield _stored(whose, most, held, documents, "documents")
            if most := limits.document_bytes:
                held = total.bytes + self._coming[who, "bytes"]
                yield _stored(whose, most, held, more_bytes, "content-bytes")

    def _a_minute(
        self, whose: str, who: Who, most: int, measure: UsedMeasure, unit: QuotaUnit, needs: int
    ) -> _Limit:
        used = self.use.used(who, measure)
        return _Limit(
            Quota(f"{whose}-{measure}-per-minute", most, most - used, unit, MINUTE_S),
            needs,
            f"this {whose} used {used} of the {most} {measure} that it may in a minute",
            lambda: self.use.room_in_s(who, measure, most - needs),
            lambda: self.use.room_in_s(who, measure, used - 1) if used else MINUTE_S,
        )

    def _at_once(self, whose: str, who: Who, most: int, needs: int) -> _Limit:
        count = self.questions.unanswered_of(*who)
        return _Limit(
            Quota(f"{whose}-questions-at-once", most, most - count),
            needs,
            f"{count} questions of this {whose} have no answer yet, and {most} may be so at once",
            lambda: self.questions.answered_in_s(*who, count + needs - most),
        )

    # ------------------------------------------------------------------ what that means

    def _hold(self, limits: Iterator[_Limit]) -> None:
        """Raise Problem where a limit has no room, and tell of the one that is nearest its end."""
        known = list(limits)
        full = [one for one in known if not one.holds]
        if full:
            raise refused(self._refusal(full), "quota")
        self._tell(known)

    def _refusal(self, full: Sequence[_Limit]) -> Problem:
        """Say of the limit that has room last, so that who comes back then is not refused again."""
        waits = [WITHDRAW_S if one.room_in_s is None else one.room_in_s() for one in full]
        wait_s, limit = max(zip(waits, full, strict=True), key=lambda pair: pair[0])
        again_s = spread(max(1.0, wait_s), self.spread_most)
        if limit.room_in_s is None:
            what = "withdraw some, or have whoever runs the gateway raise it"
            return too_many(f"{limit.detail}: {what}", again_s, limit.quota, retryable=False)
        return too_many(f"{limit.detail}: try again in {again_s} s", again_s, limit.quota)

    def _tell(self, limits: Iterator[_Limit] | Sequence[_Limit]) -> None:
        told = NEAREST.get()
        nearest = min(limits, key=lambda one: one.share_left, default=None)
        if told is None or nearest is None:
            return
        quota = nearest.quota
        left = quota.left - nearest.needs
        after = Quota(quota.name, quota.most, left, quota.unit, quota.window_s)
        told.clear()
        frees = nearest.frees_in_s
        told.update(after.headers(None if frees is None else math.ceil(frees())))


def _more(before: StoredAs | None, who: Who, size: int) -> tuple[int, int]:
    """Return how many documents and bytes more a tenant or key stores with a version."""
    tenant_or_same = before is not None and who[1] in ("", before.key)
    if not tenant_or_same or before is None:
        return 1, size
    return 0, size - (before.size or 0)


def _stored(whose: str, most: int, held: int, needs: int, unit: QuotaUnit) -> _Limit:
    what = "documents" if unit == "documents" else "bytes of documents"
    return _Limit(
        Quota(
            f"{whose}-{'stored-documents' if unit == 'documents' else 'stored-bytes'}",
            most,
            most - held,
            unit,
        ),
        needs,
        f"this {whose} stores {held} {what}, this is {needs} more, and {most} is its limit",
    )
