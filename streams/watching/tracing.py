"""OpenTelemetry: one trace from the edge over Kafka's headers through every step to the model.

Spans hold names, numbers and ids; never a text. Without an endpoint nothing is exported, but the
ids are still valid and stand in the records.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from streams.settings import Settings
from streams.version import CODE

Attributes = Mapping[str, str | int | float | bool]

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_exported = False

_PROPAGATOR = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("playhead")


def configure(settings: Settings, service: str) -> None:
    """Set up tracing of this process; the first call wins."""
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    resource = Resource.create({"service.name": service, "service.version": CODE})
    provider = TracerProvider(resource=resource)
    trace.set_tracer_provider(provider)
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        endpoint = settings.otlp_endpoint.rstrip("/")
        exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
        export_to(BatchSpanProcessor(exporter))


def export_to(processor: SpanProcessor) -> None:
    """Record spans from now on, for a processor; tracing must be configured."""
    global _exported  # noqa: PLW0603 - one for the process, like the provider
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        raise TypeError("tracing is not configured: call configure first")
    provider.add_span_processor(processor)
    _exported = True


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


class RunSpan:
    """Span of one run of a step; this one is not recorded, but it has its ids."""

    __slots__ = ("traceparent",)

    def __init__(self, parent: str) -> None:
        self.traceparent = child_of(parent)
        """W3C traceparent for what the run writes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def failed(self, error: BaseException) -> None:
        """Mark the run as failed."""


class _RecordedSpan(RunSpan):
    __slots__ = ("_current", "_span")

    def __init__(self, step: str, parent: str, attributes: Attributes) -> None:
        self._span = _tracer.start_span(
            step, context=context_of(parent), kind=SpanKind.CONSUMER, attributes=attributes
        )
        self.traceparent = traceparent_of(self._span) or parent
        self._current: AbstractContextManager[Span] = trace.use_span(
            self._span,
            end_on_exit=True,
            # a message might hold what a span must not
            record_exception=False,
            set_status_on_exception=False,
        )

    def __enter__(self) -> Self:
        self._current.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):  # a run that is cancelled has not failed
            self.failed(error)
        self._current.__exit__(kind, error, trace)

    def failed(self, error: BaseException) -> None:
        failed(self._span, error)


def run_span(step: str, parent: str, attributes: Callable[[], Attributes]) -> RunSpan:
    """Start the span of one run of a step, a child of what published its input.

    Where nothing is exported it costs only its ids; attributes are not asked for then.
    """
    return _RecordedSpan(step, parent, attributes()) if _exported else RunSpan(parent)


def child_of(parent: str) -> str:
    """Spell a new span within the trace of a traceparent; within a new trace if it has none.

    The flags are the parent's: whether it was sampled is decided where the trace begins.
    """
    if TRACEPARENT.fullmatch(parent):
        return f"{parent[:36]}{random.getrandbits(64):016x}{parent[52:]}"
    return new_trace(sampled=False)


def new_trace(*, sampled: bool) -> str:
    """Begin a trace: a traceparent with random ids."""
    ids = f"{random.getrandbits(128):032x}-{random.getrandbits(64):016x}"
    return f"00-{ids}-{sampled:02x}"


@contextmanager
def effect_span(kind: str) -> Iterator[Span]:
    """Span of one effect within a run; where nothing is exported, one that does nothing."""
    if not _exported:
        yield trace.INVALID_SPAN
        return
    with _tracer.start_as_current_span(
        kind, kind=SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
    ) as span:
        yield span


def start_stream_span(kind: str) -> Span:
    """Start the span of a streamed effect; who starts it ends it.

    It is not made current: a generator may be resumed and closed in other contexts.
    """
    return _tracer.start_span(kind, kind=SpanKind.CLIENT) if _exported else trace.INVALID_SPAN


def failed(span: Span, error: BaseException) -> None:
    """Mark a span as failed, by the class of the error alone."""
    span.set_status(Status(StatusCode.ERROR, type(error).__name__))
    span.set_attribute("error.type", type(error).__name__)
