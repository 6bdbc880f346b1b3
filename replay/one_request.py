"""Follow one request: every record of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from replay.log import Log, Stored
from schemas import Event, EventRejected
from streams.log.codec import Codec, Undecodable
from streams.topics import DERIVED, REQUESTS, Topic


def events_of(log: Log, request: str) -> list[Event]:
    """Read every record of a request; raises LookupError where there is none."""
    return [event for _, event in records_of(log, Codec(log.ids), request)]


def events_of_each(log: Log, requests: Collection[str]) -> dict[str, list[Event]]:
    """Read every record of several requests, in one reading of the log; none of one: no records."""
    found: dict[str, list[Event]] = {request: [] for request in requests}
    for _, event in _records_naming(log, Codec(log.ids), *requests):
        if event.meta.request in found:
            found[event.meta.request].append(event)
    return found


def events_by_request(log: Log, name: str) -> dict[str, list[Event]]:
    """Read every record of a request, or of all requests of a session or of a document.

    `name` is the id of any of them; requests come in the order of their beginnings. Raises
    LookupError where there is no record of it.
    """
    by_request: dict[str, list[Event]] = {}
    of_session: dict[str, list[Event]] = {}
    for event in _events_naming(log, Codec(log.ids), name):
        if event.meta.request == name:
            by_request.setdefault(name, []).append(event)
        if event.meta.session == name:
            of_session.setdefault(event.meta.request, []).append(event)
    found = by_request or of_session
    if not found:
        raise LookupError(
            f"no record of {name}: it is the request_id of an answer, a session_id or a document_id"
        )
    return dict(sorted(found.items(), key=lambda entry: min(event.meta.at for event in entry[1])))


def records_of(log: Log, codec: Codec, request: str) -> list[tuple[Stored, Event]]:
    """Read every record of a request, as it lies and decoded; raises LookupError for none.

    By topic, lane and offset. What can't be read is nobody's.
    """
    found = list(_records_of(log, codec, request))
    if not found:
        raise LookupError(f"no record of request {request}: it is the request_id of an answer")
    return found


def _records_of(log: Log, codec: Codec, request: str) -> Iterator[tuple[Stored, Event]]:
    for stored, event in _records_naming(log, codec, request):
        if event.meta.request == request:
            yield stored, event


def _events_naming(log: Log, codec: Codec, name: str) -> Iterator[Event]:
    return (event for _, event in _records_naming(log, codec, name))


def _records_naming(log: Log, codec: Codec, *names: str) -> Iterator[tuple[Stored, Event]]:
    """Yield the records of requests in which one of some names stands anywhere."""
    wanted = {topic.name for topic in (*REQUESTS, *DERIVED, Topic(EventRejected))}
    needles = [name.encode() for name in names]
    for topic, partition in sorted(log.extents()):
        if topic not in wanted:
            continue
        for stored in log.records(topic, partition):
            value = stored.value
            if value is None or not any(needle in value for needle in needles):
                continue
            try:
                event = codec.decode_any(value)
            except Undecodable:
                continue
            if isinstance(event, Event):
                yield stored, event
