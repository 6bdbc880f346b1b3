"""Recall: recorded questions searched in two generations, each with its own embedder.

What is compared is the search's own order by words and vectors, before reranking. Recall is that of
the passages that answers cited; those of answers that a reviewer found right are told apart.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from replay.log import Log
from schemas import AnswerJudged, AnswerReleased, ChunksRetrieved, Event
from streams.log.codec import Codec, Undecodable
from streams.operations.reviews.review_queue import UNDONE
from streams.topics import topic_of

SEARCHED = frozenset({"retrieved", "empty"})  # outcomes of a search; others did not search
RIGHT = "right"

EventT = TypeVar("EventT", bound=Event)
SearchOne = Callable[["RecordedQuery", int], Awaitable[Sequence[str]]]
"""Returns the chunks that a question finds, best first, at most so many."""


@dataclass(frozen=True)
class RecordedQuery:
    """A question as *retrieve* searched for it, and what its answer cited."""

    tenant: str
    lane: int
    request: str
    text: str
    entities: tuple[str, ...] = ()
    filters: dict[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    cited: tuple[str, ...] = ()
    right: bool = False
    """Whether a reviewer found the answer right, its citations included."""


@dataclass
class Mean:
    """A mean of shares, and of how many."""

    count: int = 0
    total: float = 0.0

    def add(self, share: float) -> None:
        """Take one more into account."""
        self.count += 1
        self.total += share

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`; no mean of nothing."""
        return {"mean": self.total / self.count if self.count else None, "queries": self.count}


@dataclass
class Recalls:
    """What recorded questions find on both sides."""

    k: int
    overlap: Mean = field(default_factory=Mean)
    """Share of the first k that both sides find, of those that the side with more finds."""
    cited: tuple[Mean, Mean] = field(default_factory=lambda: (Mean(), Mean()))
    right: tuple[Mean, Mean] = field(default_factory=lambda: (Mean(), Mean()))

    def add(self, query: RecordedQuery, found: Sequence[Sequence[str]]) -> None:
        """Take a question into account."""
        one, other = (set(chunks[: self.k]) for chunks in found)
        if one or other:
            self.overlap.add(len(one & other) / max(len(one), len(other)))
        if not query.cited:
            return
        wanted = set(query.cited)
        for at, held in enumerate((one, other)):
            self.cited[at].add(len(wanted & held) / len(wanted))
            if query.right:
                self.right[at].add(len(wanted & held) / len(wanted))

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return {
            "k": self.k,
            "overlap": self.overlap.as_json(),
            "recall_of_cited": [one.as_json() for one in self.cited],
            "recall_of_judged_right": [one.as_json() for one in self.right],
        }


def recorded_queries(log: Log, codec: Codec, tenant: str | None, most: int) -> list[RecordedQuery]:
    """Read questions of the log, at most so many: always the same ones of the same log."""
    chosen: list[tuple[int, str, int, ChunksRetrieved]] = []
    seen: set[str] = set()
    for event in _events(log, codec, ChunksRetrieved):
        if event.outcome not in SEARCHED or event.ask.as_of >= 0:
            continue
        if tenant not in {None, event.meta.tenant}:
            continue
        if event.meta.id in seen:
            continue  # of a later attempt, or a copy
        seen.add(event.meta.id)
        # the most distant first, so that it is the one to go; the count keeps events uncompared
        entry = -_place(event.meta.request), event.meta.id, len(seen), event
        if len(chosen) < most:
            heapq.heappush(chosen, entry)
        else:
            heapq.heappushpop(chosen, entry)
    requests = {event.meta.request for *_, event in chosen}
    cited, right = _answers(log, codec, requests)
    return [
        _query(event, cited, right)
        for *_, event in sorted(chosen, key=lambda entry: (-entry[0], entry[1]))
    ]


def _place(request: str) -> int:
    return int.from_bytes(hashlib.sha256(request.encode()).digest()[:8])


def _query(
    event: ChunksRetrieved,
    cited: dict[tuple[str, str], tuple[str, ...]],
    right: set[tuple[str, str]],
) -> RecordedQuery:
    meta = event.meta
    return RecordedQuery(
        tenant=meta.tenant,
        lane=meta.lane,
        request=meta.request,
        text=event.query,
        entities=tuple(sorted({entry.digest for entry in event.entries})),
        filters=dict(event.ask.filters),
        groups=event.ask.groups,
        cited=cited.get((meta.tenant, meta.request), ()),
        right=(meta.tenant, meta.request) in right,
    )


def _answers(
    log: Log, codec: Codec, requests: set[str]
) -> tuple[dict[tuple[str, str], tuple[str, ...]], set[tuple[str, str]]]:
    """Return what the answers to some requests cited, and which of them were judged right."""
    cited = {}
    for answer in _events(log, codec, AnswerReleased):
        if answer.meta.request in requests:
            chunks = dict.fromkeys(one.chunk for one in answer.answer.citations)
            cited[answer.meta.tenant, answer.meta.request] = tuple(chunks)
    last: dict[tuple[str, str, str], AnswerJudged] = {}
    for judged in _events(log, codec, AnswerJudged):
        last[judged.meta.tenant, judged.about, judged.reviewer] = judged
    fine: dict[tuple[str, str], bool] = {}
    for (tenant, about, _), judged in last.items():
        if judged.grade != UNDONE:
            is_fine = judged.grade == RIGHT and not judged.citations_wrong
            fine[tenant, about] = is_fine and fine.get((tenant, about), True)
    return cited, {about for about, is_fine in fine.items() if is_fine}


def _events(log: Log, codec: Codec, record: type[EventT]) -> Iterator[EventT]:
    topic = topic_of(record)
    for name, lane in sorted(log.extents()):
        if name != topic:
            continue
        for stored in log.records(topic, lane):
            try:
                yield codec.decode(stored.value, record)
            except Undecodable:
                continue


async def recalls(
    queries: Iterable[RecordedQuery],
    sides: tuple[SearchOne, SearchOne],
    k: int,
    told: Callable[[int], None] = lambda _done: None,
) -> Recalls:
    """Search for each question on both sides; raises what a search raises."""
    made = Recalls(k)
    async for number, query, found in _searched(queries, sides, k):
        made.add(query, found)
        told(number)
    return made


async def _searched(
    queries: Iterable[RecordedQuery], sides: tuple[SearchOne, SearchOne], k: int
) -> AsyncIterator[tuple[int, RecordedQuery, list[Sequence[str]]]]:
    for number, query in enumerate(queries, start=1):
        yield number, query, [await side(query, k) for side in sides]
