"""Follow one request: every record of it."""

from __future__ import annotations

from replay.log import Log
from schemas import Event, EventRejected
from streams.log.codec import Codec, Undecodable
from streams.topics import DERIVED, REQUESTS, Topic


def events_of(log: Log, request: str) -> list[Event]:
    """Read every record of a request; raises LookupError where there is none."""
    codec = Codec(log.ids)
    wanted = {topic.name for topic in (*REQUESTS, *DERIVED, Topic(EventRejected))}
    needle = request.encode()
    events: list[Event] = []
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
                events.append(event)
    if not events:
        raise LookupError(f"no record of request {request}: it is the request_id of an answer")
    return events
