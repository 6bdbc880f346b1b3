"""Follow one request: every record of it."""

from __future__ import annotations

from collections.abc import Iterator

from replay.log import Log, Stored
from schemas import Event, EventRejected
from streams.log.codec import Codec, Undecodable
from streams.topics import DERIVED, REQUESTS, Topic


def events_of(log: Log, request: str) -> list[Event]:
    """Read every record of a request; raises LookupError where there is none."""
    return [event for _, event in records_of(log, Codec(log.ids), request)]


def records_of(log: Log, codec: Codec, request: str) -> list[tuple[Stored, Event]]:
    """Read every record of a request, as it lies and decoded; raises LookupError for none.

    By topic, lane and offset. What can't be read is nobody's.
    """
    found = list(_records_of(log, codec, request))
    if not found:
        raise LookupError(f"no record of request {request}: it is the request_id of an answer")
    return found


def _records_of(log: Log, codec: Codec, request: str) -> Iterator[tuple[Stored, Event]]:
    wanted = {topic.name for topic in (*REQUESTS, *DERIVED, Topic(EventRejected))}
    needle = request.encode()
    for topic, partition in sorted(log.extents()):
        if topic not in wanted:
            continue
        for stored in log.records(topic, partition):
            if stored.value is None or needle not in stored.value:
                continue
            try:
                event = codec.decode_any(stored.value)
            except Undecodable:
                continue
            if isinstance(event, Event) and event.meta.request == request:
                yield stored, event
