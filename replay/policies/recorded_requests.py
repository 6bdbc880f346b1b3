"""The newest requests of a log, with what a dry run needs of each."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count
from typing import TypeVar

from replay.log import Log
from schemas import ChunksRetrieved, DocumentSubmitted, Event, TokensGenerated
from streams.log.codec import Codec, Undecodable
from streams.topics import topic_of

EventT = TypeVar("EventT", bound=Event)


def events_of_type(
    log: Log, codec: Codec, kind: type[EventT], tenant: str | None
) -> Iterator[EventT]:
    """Read the records of a topic, of one tenant or of all; what can't be read is left out."""
    wanted = topic_of(kind)
    for topic, partition in sorted(log.extents()):
        if topic != wanted:
            continue
        for stored in log.records(topic, partition):
            if tenant is not None and stored.key != tenant.encode():
                continue
            try:
                event = codec.decode(stored.value, kind)
            except Undecodable:
                continue
            if tenant in {None, event.meta.tenant}:
                yield event


def newest_retrievals(
    log: Log, codec: Codec, tenant: str | None, since_us: int | None, limit: int
) -> list[ChunksRetrieved]:
    """Return the newest retrievals that were not refused, of each request the last attempt.

    No more than `limit` are held at once, beside one for each request that was tried again.
    """
    number = count()
    newest: list[tuple[int, int, ChunksRetrieved]] = []
    for event in events_of_type(log, codec, ChunksRetrieved, tenant):
        if since_us is not None and event.meta.at < since_us:
            continue
        if event.outcome in {"refused", "small_talk"}:
            continue
        heapq.heappush(newest, (event.meta.at, next(number), event))
        if len(newest) > limit:
            heapq.heappop(newest)
    last: dict[tuple[str, str], ChunksRetrieved] = {}
    for _, _, event in sorted(newest):
        last[event.meta.tenant, event.meta.request] = event
    return list(last.values())


def answers_of(
    log: Log, codec: Codec, tenant: str | None, requests: frozenset[str]
) -> dict[tuple[str, str], TokensGenerated]:
    """Return the records that close the answers of some requests, of each the last."""
    closed: dict[tuple[str, str], TokensGenerated] = {}
    for event in events_of_type(log, codec, TokensGenerated, tenant):
        if event.answer is not None and event.meta.request in requests:
            closed[event.meta.tenant, event.meta.request] = event
    return closed


def submitted_documents(log: Log, codec: Codec, tenant: str | None) -> Iterator[DocumentSubmitted]:
    """Read what was told of documents."""
    return events_of_type(log, codec, DocumentSubmitted, tenant)
