"""Metrics of a process as OpenTelemetry instruments: what a step counts, how its lanes stand.

A count is one addition to a dictionary, for it is made many thousand times a second; instruments
read the dictionaries when somebody collects. Attributes have few values (steps, topics, lanes):
no tenant, no request and no text.

Names and units follow OpenTelemetry's semantic conventions; `messaging.destination.*` are theirs.
Prometheus spells `playhead.lane.oldest.age` in seconds as `playhead_lane_oldest_age_seconds`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider

from streams.settings import Settings
from streams.version import CODE

POINTS_MAX = 65_536
"""Sets of attributes that one instrument exports one by one: a step's topic has one for each lane.

The SDK's own limit of 2,000 is reached by the steps' eleven topics of 182 lanes; what lies beyond
a limit falls into one point without a lane.
"""
FLUSH_MS = 2_000  # for a collector that may be away, within the ten seconds of a stop
TRIES = 5  # to read lanes that come and go meanwhile on another thread

COUNTED = {
    "events": ("{event}", "Inputs that were closed"),
    "retries": ("{attempt}", "Further attempts at an input"),
    "dead_letters": ("{event}", "Inputs that a step gave up on"),
    "duplicates": ("{event}", "Inputs dropped because they were done before"),
}
"""What a step counts -> unit and description; another name is counted but not exported."""


@dataclass(frozen=True, slots=True)
class LaneState:
    """How a step stands with one lane of one of its topics."""

    topic: str
    lane: int
    lag: int
    """Records of the lane that are not finished, those not yet fetched included."""
    in_flight: int
    """Events that are running."""
    taken: int
    """Events that were read and are not finished, those in flight included."""
    oldest_age_s: float
    """Since the broker had the oldest record that is not finished; 0 where there is none."""
    paused: bool
    """Whether fetching waits because enough is taken."""
    bytes: int
    """Size of the records taken."""
    uncommitted_s: float = 0.0
    """For how long something is finished that is not committed yet; 0 where nothing is."""
    stuck: bool = False
    """Whether it is not read although the broker has records of it; the log says why."""


ReadLanes = Callable[[], Iterable[LaneState]]
"""Tells how the lanes of a step stand at the moment."""

GAUGES: dict[str, tuple[str, str, Callable[[LaneState], float]]] = {
    "lag": ("{record}", "Records of a lane not finished", lambda one: one.lag),
    "in_flight": ("{event}", "Events running", lambda one: one.in_flight),
    "taken": ("{event}", "Events read and not finished", lambda one: one.taken),
    "bytes": ("By", "Size of the records taken", lambda one: one.bytes),
    "oldest.age": ("s", "Age of the oldest unfinished record", lambda one: one.oldest_age_s),
    "uncommitted.age": ("s", "Since finished work waits for a commit", lambda o: o.uncommitted_s),
    "paused": (
        "{lane}",
        "1 where fetching waits because enough is taken",
        lambda one: int(one.paused),
    ),
    "stuck": (
        "{lane}",
        "1 where records on the broker are not read",
        lambda one: int(one.stuck),
    ),
}
"""Gauges of a lane: `playhead.lane.<name>` -> unit, description and value."""

_counts: dict[str, Counts] = {}
_lanes: dict[str, ReadLanes] = {}


class Counts:
    """Counts of one step; made anew, they take the place of the step's earlier ones."""

    def __init__(self, step: str) -> None:
        self.counted: Counter[tuple[str, str, int]] = Counter()
        """(name, topic, lane) -> count; names as in COUNTED."""
        _counts[step] = self

    def add(self, name: str, lane: int, amount: int = 1, topic: str = "") -> None:
        """Count something; with the topic where the step reads several."""
        self.counted[name, topic, lane] += amount

    def total(self, name: str) -> int:
        """Return a count over all topics and lanes."""
        return sum(count for (counted, _, _), count in self.counted.items() if counted == name)


def observe(step: str, lanes: ReadLanes) -> None:
    """Export how a step's lanes stand; a second call for a step takes the place of the first.

    `lanes` is called from other threads than the step's, at every collection.
    """
    _lanes[step] = lanes


def attributes(step: str, topic: str, lane: int) -> dict[str, str]:
    """Return the attributes of a measurement; the topic only where it is known."""
    named = {"messaging.destination.name": topic} if topic else {}
    return {"playhead.step": step, **named, "messaging.destination.partition.id": str(lane)}


def _read_counts(name: str) -> Iterator[Observation]:
    for step, counts in _counts.copy().items():
        for (counted, topic, lane), count in dict(counts.counted).items():
            if counted == name:
                yield Observation(count, attributes(step, topic, lane))


def _read_lanes(value: Callable[[LaneState], float]) -> Iterator[Observation]:
    for step, lanes in _lanes.copy().items():
        for one in _states(lanes):
            yield Observation(value(one), attributes(step, one.topic, one.lane))


def _states(lanes: ReadLanes) -> list[LaneState]:
    for _ in range(TRIES):
        try:
            return list(lanes())
        except RuntimeError:  # a lane came or went while it was read
            continue
    return []


def _counting(name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _: _read_counts(name)


def _standing(
    value: Callable[[LaneState], float],
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _: _read_lanes(value)


def _declare(meter: metrics.Meter) -> None:
    for name, (unit, what) in COUNTED.items():
        meter.create_observable_counter(f"playhead.{name}", [_counting(name)], unit, what)
    for name, (unit, what, value) in GAUGES.items():
        meter.create_observable_gauge(f"playhead.lane.{name}", [_standing(value)], unit, what)


_declare(metrics.get_meter("playhead"))


class PortTaken(RuntimeError):
    """The metrics can't be served where the settings say."""


def configure(settings: Settings, service: str, port: int = 0) -> None:
    """Set up the metrics of this process; the first call wins.

    They go to the OTLP endpoint where there is one. With a port they are served there too, as
    Prometheus text at /metrics; `exposition` gives the same text. Raises PortTaken.
    """
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import ObservableCounter, ObservableGauge
    from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource

    if isinstance(metrics.get_meter_provider(), MeterProvider):
        return
    limits: dict[Any, int] = {ObservableCounter: POINTS_MAX, ObservableGauge: POINTS_MAX}
    readers: list[MetricReader] = [
        PrometheusMetricReader(scope_info_enabled=False, cardinality_limits=limits)
    ]
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

        exporter = OTLPMetricExporter(f"{settings.otlp_endpoint.rstrip('/')}/v1/metrics")
        readers.append(PeriodicExportingMetricReader(exporter, cardinality_limits=limits))
    resource = Resource.create({"service.name": service, "service.version": CODE})
    metrics.set_meter_provider(MeterProvider(readers, resource))
    if port:
        serve(settings.metrics_host, port)


def flush() -> None:
    """Send what is still in memory; call it before the process ends."""
    provider = metrics.get_meter_provider()
    if isinstance(provider, MeterProvider):
        provider.shutdown(FLUSH_MS)


def serve(host: str, port: int) -> None:
    """Serve the metrics on a thread of their own; raises PortTaken."""
    from prometheus_client import start_http_server

    try:
        start_http_server(port, host)
    except OSError as error:
        raise PortTaken(
            f"can't serve metrics on {host}:{port} ({error.strerror}): free it, or set "
            "PLAYHEAD_METRICS_PORT to another port, or to 0 for none"
        ) from None


def exposition() -> tuple[bytes, str]:
    """Return the metrics as Prometheus text, and its media type."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    return generate_latest(), CONTENT_TYPE_LATEST
