"""OpenTelemetry: one trace from the edge over Kafka's headers through every step to the model.

Spans hold names, numbers and ids; never a text. Without an endpoint nothing is exported, but the
ids are still valid and stand in the records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from streams.settings import Settings
from streams.version import CODE

Attributes = Mapping[str, str | int | float | bool]

_PROPAGATOR = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("playhead")


def configure(settings: Settings, service: str) -> None:
    """Set up tracing and metrics of this process; the first call wins."""
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    resource = Resource.create({"service.name": service, "service.version": CODE})
    provider = TracerProvider(resource=resource)
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        endpoint = settings.otlp_endpoint.rstrip("/")
        exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter))
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{endpoint}/v1/metrics"))
        metrics.set_meter_provider(MeterProvider([reader], resource))
    trace.set_tracer_provider(provider)


def flush() -> None:
    """Export what is still in memory; call it before the process ends."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def context_of(traceparent: str) -> Context:
    """Read a W3C traceparent; an unusable one gives an empty context, so a new trace begins."""
    return _PROPAGATOR.extract({"traceparent": traceparent}, context=Context())


def traceparent_of(span: Span) -> str:
    """Spell a span as a W3C traceparent; empty where tracing is not set up."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(span, Context()))
    return carrier.get("traceparent", "")


def trace_id_of(traceparent: str) -> str:
    """Return the trace id within a traceparent, or an empty string."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) == 4 else ""


@contextmanager
def run_span(step: str, parent: str, attributes: Attributes) -> Iterator[Span]:
    """Span of one run of a step; a child of what published its input."""
    with _tracer.start_as_current_span(
        step,
        context=context_of(parent),
        kind=SpanKind.CONSUMER,
        attributes=attributes,
        record_exception=False,  # a message might hold what a span must not
    ) as span:
        yield span


@contextmanager
def effect_span(kind: str) -> Iterator[Span]:
    """Span of one effect within a run."""
    with _tracer.start_as_current_span(
        kind, kind=SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
    ) as span:
        yield span


def start_stream_span(kind: str) -> Span:
    """Start the span of a streamed effect; who starts it ends it.

    It is not made current: a generator may be resumed and closed in other contexts.
    """
    return _tracer.start_span(kind, kind=SpanKind.CLIENT)


def failed(span: Span, error: BaseException) -> None:
    """Mark a span as failed, by the class of the error alone."""
    span.set_status(Status(StatusCode.ERROR, type(error).__name__))
    span.set_attribute("error.type", type(error).__name__)
