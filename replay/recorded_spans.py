"""Recorded requests as OpenTelemetry spans, exported after the fact.

A run has the ids that its records hold, so what was exported while it ran and what is exported
later are the same spans. An effect gets an id that follows from its run's and its number. As in
live spans there are names, numbers and ids; never a text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
)

from schemas import Event
from streams.operations.timeline import EffectTime, StepTime, timeline
from streams.watching.tracing import TRACEPARENT, context_of

SCOPE = InstrumentationScope("playhead")
SENT_MAX = 500  # spans in one message: collectors take four megabytes


class NotTaken(ConnectionError):
    """The collector does not take the spans."""


def spans_of(events: Sequence[Event]) -> Iterator[ReadableSpan]:
    """Make the spans of one request: one for each run of a step, with one for each effect in it.

    A request that was written without a trace has none.
    """
    published = {event.meta.id: event.meta.trace for event in events}
    tenant = events[0].meta.tenant if events else ""
    request = events[0].meta.request if events else ""
    resources: dict[str, Resource] = {}
    for run in timeline(events):
        context = _context(run.trace)
        if context is None:
            continue
        resource = resources.setdefault(
            run.code,
            Resource({"service.name": "playhead-recorded", "service.version": run.code}),
        )
        parent = _context(published.get(run.cause, ""))
        same_trace = parent is not None and parent.trace_id == context.trace_id
        yield ReadableSpan(
            name=run.step,
            context=context,
            parent=parent if same_trace else None,
            resource=resource,
            attributes={
                "playhead.tenant": tenant,
                "playhead.request": request,
                "playhead.topic": run.topic,
                "playhead.attempt": run.attempt,
                "playhead.records": run.records,
                "playhead.outcome": run.outcome,
            },
            kind=SpanKind.CONSUMER if run.cause else SpanKind.SERVER,
            start_time=run.began_us * 1_000,
            end_time=max(run.ended_us, run.began_us) * 1_000,
            status=_status(run.outcome if run.outcome.startswith("rejected") else ""),
            instrumentation_scope=SCOPE,
        )
        yield from _effects_of(run, context, resource)


def _effects_of(run: StepTime, parent: SpanContext, resource: Resource) -> Iterator[ReadableSpan]:
    for number, effect in enumerate(run.effects, start=1):
        yield ReadableSpan(
            name=effect.kind,
            context=_child(parent, number),
            parent=parent,
            resource=resource,
            attributes=_told_of(effect),
            kind=SpanKind.CLIENT,
            start_time=effect.started_us * 1_000,
            end_time=(effect.started_us + max(effect.took_us, 0)) * 1_000,
            status=_status(effect.error),
            instrumentation_scope=SCOPE,
        )


def _told_of(effect: EffectTime) -> dict[str, str | int]:
    told: dict[str, str | int] = {"playhead.model": effect.model, "playhead.parts": effect.parts}
    if effect.cost_micros:
        told["playhead.cost_micros"] = effect.cost_micros
    return told


def _status(error: str) -> Status:
    """Say that it failed, by the class of the error alone: a message might hold a text."""
    if not error:
        return Status()
    return Status(StatusCode.ERROR, error.removeprefix("rejected: ").partition(":")[0])


def _context(traceparent: str) -> SpanContext | None:
    if not TRACEPARENT.fullmatch(traceparent):
        return None
    return get_current_span(context_of(traceparent)).get_span_context()


def _child(parent: SpanContext, number: int) -> SpanContext:
    name = f"{parent.trace_id:032x}{parent.span_id:016x}{number}"
    span_id = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") or 1
    return SpanContext(parent.trace_id, span_id, is_remote=False, trace_flags=TraceFlags(1))


def export_spans(spans: Iterable[ReadableSpan], endpoint: str) -> int:
    """Send spans to a collector by OTLP over HTTP; returns how many. Raises NotTaken."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import SpanExportResult

    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    waiting = list(spans)
    for begin in range(0, len(waiting), SENT_MAX):
        if exporter.export(waiting[begin : begin + SENT_MAX]) is not SpanExportResult.SUCCESS:
            raise NotTaken(
                f"the collector at {endpoint} does not take spans: it must speak OTLP over HTTP "
                "at /v1/traces (4318 is the usual port)"
            )
    exporter.shutdown()  # type: ignore[no-untyped-call]  # takes and gives nothing
    return len(waiting)
