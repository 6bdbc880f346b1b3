"""Metrics of the gateway: refusals, what it holds in memory, and how far the steps are behind.

Attributes are statuses, reasons, steps, topics and lanes: no tenant, no key, no request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from edge.backlog import Track
from streams.watching.metrics import attributes

_meter = metrics.get_meter("playhead")
_shed = _meter.create_counter(
    "playhead.gateway.shed", "{request}", "Requests refused for load, by reason"
)


def shed(reason: str, status: int) -> None:
    """Count a request that was refused for load."""
    _shed.add(1, {"playhead.reason": reason, "http.response.status_code": status})


def _unsent(edge: Any) -> int:
    return int(edge.publisher.unsent)


def _reasons(edge: Any) -> int:
    return len(edge.admission.shedding())


OF_EDGE: dict[str, tuple[str, str, Callable[[Any], float]]] = {
    "unanswered": ("{question}", "Questions without an answer", lambda e: e.admission.unanswered),
    "followed": ("{request}", "Requests that somebody waits for", lambda e: e.following),
    "connections": ("{connection}", "WebSockets that are open", lambda e: e.connections),
    "bodies": ("By", "Request bodies in memory", lambda e: e.admission.bodies_bytes),
    "unsent": ("{record}", "Records that the broker has not acknowledged", _unsent),
    "shedding": ("{reason}", "Reasons for which requests are refused", _reasons),
    "requests": ("{request}", "Requests known from the log", lambda e: len(e.requests)),
    "documents": ("{document}", "Documents known from the log", lambda e: len(e.documents)),
}
"""Gauges `playhead.gateway.<name>`: unit, description and value."""
OF_LANE: dict[str, tuple[str, str, Callable[[Track, float], float]]] = {
    "lag": ("{record}", "Records not finished by the step, by the broker", lambda t, _: t.lag),
    "age": ("s", "Age of the oldest of them", lambda track, now_s: track.age_s(now_s)),
}
"""Gauges `playhead.backlog.<name>` of a lane that a step reads: known without any worker."""


class Gauges:
    """Reads the edge of this process when somebody collects."""

    def __init__(self) -> None:
        self._edge: Any = None
        for name, (unit, what, of_edge) in OF_EDGE.items():
            read = partial(self._read_edge, of_edge)
            _meter.create_observable_gauge(f"playhead.gateway.{name}", [read], unit, what)
        for name, (unit, what, of_lane) in OF_LANE.items():
            read = partial(self._read_lanes, of_lane)
            _meter.create_observable_gauge(f"playhead.backlog.{name}", [read], unit, what)

    def watch(self, edge: Any) -> None:
        """Read this edge from now on."""
        self._edge = edge

    def _read_edge(
        self, value: Callable[[Any], float], _: CallbackOptions
    ) -> Iterator[Observation]:
        if self._edge is not None:
            yield Observation(value(self._edge))

    def _read_lanes(
        self, value: Callable[[Track, float], float], _: CallbackOptions
    ) -> Iterator[Observation]:
        if self._edge is None:
            return
        admission = self._edge.admission
        for (topic, lane), track in admission.backlog.tracks.copy().items():
            yield Observation(value(track, admission.now_s), attributes(track.step, topic, lane))


gauges = Gauges()
