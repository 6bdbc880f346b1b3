"""Answer stretches: where on a lane's topics lies what became of a question, by the broker's times.

Outcomes lie between when a question was taken in and soon after its deadline, but for an answer
that came late, and a retraction, which comes at any time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from edge.listening.known_requests import KnownRequest
from schemas import AnswerRetracted
from streams.log.offsets import Extent, extent_since
from streams.topics import topic_of

SKEW_MS = 60_000
"""How much earlier reading back begins: records of releases before bear their worker's clock.

Since then no outcome bears an earlier time than its input."""
RETRACTIONS = topic_of(AnswerRetracted)


def is_over(request: KnownRequest) -> bool:
    """Tell whether a question has its answer, unless that came late."""
    return _until_ms(request) < time.time_ns() // 1_000_000


def _until_ms(request: KnownRequest) -> int:
    """Return by when a question has its answer, but for one that came late."""
    return max(request.time_ms, request.deadline_us // 1_000) + SKEW_MS


def stretches(
    consumer: Any, request: KnownRequest, topics: Sequence[str]
) -> Iterator[list[Extent]]:
    """Yield what to read of topics: until soon after a question's deadline, then the rest.

    An answer that was released by then has nothing behind it but a retraction, and of these there
    are few; so reading back an old answer does not read all that its lane took since.
    """
    since_ms = max(0, request.time_ms - SKEW_MS)
    extents = [extent_since(consumer, topic, request.lane, since_ms) for topic in topics]
    until_ms = _until_ms(request)
    if not request.deadline_us or not is_over(request):
        yield extents
        return
    middles = [
        extent.end
        if extent.topic == RETRACTIONS
        else min(extent.end, extent_since(consumer, extent.topic, request.lane, until_ms).begin)
        for extent in extents
    ]
    yield [replace(one, end=middle) for one, middle in zip(extents, middles, strict=True)]
    yield [replace(one, begin=middle) for one, middle in zip(extents, middles, strict=True)]


def shared_stretches(
    consumer: Any, requests: Sequence[KnownRequest], topics: Sequence[str]
) -> Iterator[list[Extent]]:
    """Yield what to read of topics for several requests of a lane, none of it twice."""
    reached: dict[str, int] = {}
    for since_ms, until_ms in _windows(requests):
        extents = []
        for topic in topics:
            extent = extent_since(consumer, topic, requests[0].lane, since_ms)
            end = extent.end
            if topic != RETRACTIONS and until_ms < time.time_ns() // 1_000_000:
                later = extent_since(consumer, topic, requests[0].lane, until_ms)
                end = min(end, later.begin)
            begin = max(extent.begin, reached.get(topic, 0))
            if begin < end:
                extents.append(replace(extent, begin=begin, end=end))
                reached[topic] = end
        if extents:
            yield extents


def _windows(requests: Iterable[KnownRequest]) -> list[tuple[int, int]]:
    """Return since when and until when requests may have left anything, in ms, in their order.

    Windows that meet are one: for each the broker is asked where it lies on each topic.
    """
    windows: list[tuple[int, int]] = []
    for since_ms, until_ms in sorted(
        (max(0, one.time_ms - SKEW_MS), _until_ms(one)) for one in requests
    ):
        if windows and since_ms <= windows[-1][1]:
            begun_ms, ended_ms = windows.pop()
            windows.append((begun_ms, max(until_ms, ended_ms)))
        else:
            windows.append((since_ms, until_ms))
    return windows
