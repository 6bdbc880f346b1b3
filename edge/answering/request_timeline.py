"""The timeline of a request, read from the `meta` of its records alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from edge.listening.entries import Entry
from edge.listening.known_requests import KnownRequest
from schemas import DocumentSubmitted, DocumentWithdrawn, Event, EventRejected, QuestionAsked
from streams.operations.budget import stages
from streams.operations.timeline import StepTime, timeline
from streams.topics import DERIVED
from streams.watching.tracing import trace_id_of

TAKEN_IN: tuple[type[Event], ...] = (QuestionAsked, DocumentSubmitted, DocumentWithdrawn)
"""Requests that the gateway takes in today."""
KINDS: tuple[type[Event], ...] = (
    *TAKEN_IN,
    *(topic.record for topic in DERIVED if issubclass(topic.record, Event)),
    EventRejected,
)


def _told(step: StepTime) -> dict[str, Any]:
    """Tell of a step but for what a policy hid: whoever may not see a document knows of none."""
    return {name: value for name, value in step.as_json().items() if name != "policies"}


async def timeline_of(
    request: KnownRequest,
    read_back: Callable[[KnownRequest, Sequence[type[Event]]], Awaitable[list[Entry]]],
) -> dict[str, Any]:
    """Return every step of a request with its times and effects; raises Problem."""
    entries = await read_back(request, KINDS)
    events = [entry.event for entry in entries]
    steps = timeline(events)
    began_us = min((step.began_us for step in steps), default=0)
    ended_us = max((step.ended_us for step in steps), default=began_us)
    return {
        "request_id": request.request,
        "session_id": request.session,
        "trace_id": trace_id_of(request.trace),
        "records": len(entries),
        "took_ms": round((ended_us - began_us) / 1_000, 3),
        "steps": [
            {**_told(step), "after_ms": round((step.began_us - began_us) / 1_000, 3)}
            for step in steps
        ],
        "stages": [stage.as_json() for stage in stages(events)],
    }
