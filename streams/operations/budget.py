"""Budget: how a question spent its time, stage by stage, read from its records alone.

What a reader waits for, the first text of an answer, has 1.5 s at the 95th percentile on adequate
hardware. A stage may take longer than its share while others take less; who is late leaves
something out (`degraded` on its record), and docs/architecture.md says what, and in which order.

    stage     share   from                          until
    rewrite   250 ms  the question was asked        its query stands alone
    search    300 ms                                candidates are found
    rerank    200 ms                                passages are chosen
    first     600 ms                                the first text of the answer is written
    release   150 ms                                that text is released to the reader
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from schemas import (
    ChunksRetrieved,
    Event,
    QueryRewritten,
    QuestionAsked,
    TokensGenerated,
    TokensReleased,
)

SHARES_MS = {"rewrite": 250, "search": 300, "rerank": 200, "first": 600, "release": 150}
RERANK = "Rerank"


@dataclass(frozen=True)
class StageTime:
    """One stage of a question; times in microseconds."""

    stage: str
    took_us: int
    """From the end of the stage before it, queueing included."""
    left_us: int | None
    """From its end to the deadline of the question; None where it has none."""
    degraded: tuple[str, ...]
    """What it left out to be in time, or because something was away."""

    def as_json(self) -> dict[str, Any]:
        """Return it with milliseconds; `slack_ms` is negative where it took more than its share."""
        share_ms = SHARES_MS[self.stage]
        took_ms = round(self.took_us / 1000, 3)
        return {
            "stage": self.stage,
            "share_ms": share_ms,
            "took_ms": took_ms,
            "slack_ms": round(share_ms - took_ms, 3),
            "left_ms": None if self.left_us is None else round(self.left_us / 1000, 3),
            "degraded": list(self.degraded),
        }


def stages(events: Iterable[Event]) -> list[StageTime]:
    """Return the stages that a question has passed; none where its own record is not among these.

    Of several attempts the newest counts. A question that is refused passes no search.
    """
    newest = _newest(events)
    asked = newest.get(QuestionAsked)
    if not isinstance(asked, QuestionAsked):
        return []
    ends = _ends(newest)
    deadline = asked.ask.deadline
    passed: list[StageTime] = []
    before_us = asked.meta.at
    known: set[str] = set()
    for stage, end_us, degraded in ends:
        added = tuple(name for name in degraded if name not in known)
        known.update(added)
        left_us = deadline - end_us if deadline else None
        passed.append(StageTime(stage, max(0, end_us - before_us), left_us, added))
        before_us = max(before_us, end_us)
    return passed


def _newest(events: Iterable[Event]) -> dict[type[Event], Event]:
    """Return, of each kind, the first record with text, of the newest attempt."""
    newest: dict[type[Event], Event] = {}
    for event in sorted(events, key=lambda one: (-one.meta.attempt, one.meta.at, one.meta.ordinal)):
        says_nothing = isinstance(event, TokensGenerated | TokensReleased) and not event.text
        if not says_nothing:
            newest.setdefault(type(event), event)
    return newest


def _ends(newest: dict[type[Event], Event]) -> list[tuple[str, int, tuple[str, ...]]]:
    """List the stages that have ended: name, when, and all that was left out until then."""
    ends: list[tuple[str, int, tuple[str, ...]]] = []
    rewritten, retrieved = newest.get(QueryRewritten), newest.get(ChunksRetrieved)
    generated, released = newest.get(TokensGenerated), newest.get(TokensReleased)
    if isinstance(rewritten, QueryRewritten):
        ends.append(("rewrite", rewritten.meta.at, rewritten.degraded))
    if isinstance(retrieved, ChunksRetrieved) and retrieved.outcome != "refused":
        reranks = [one.started for one in retrieved.meta.effects if one.kind == RERANK]
        if reranks:
            ends.append(("search", reranks[0], ()))
            ends.append(("rerank", retrieved.meta.at, retrieved.degraded))
        else:
            ends.append(("search", retrieved.meta.at, retrieved.degraded))
    if isinstance(generated, TokensGenerated):
        answer = generated.answer
        ends.append(("first", generated.meta.at, answer.degraded if answer else ()))
    if isinstance(released, TokensReleased):
        ends.append(("release", released.meta.at, ()))
    return ends
