"""Metrics of the gateway: refusals, cancellations, what it holds, and how far the steps are behind.

Attributes are statuses, reasons, steps, topics and lanes: no tenant, no key, no request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from edge.load.lane_track import Track
from edge.problems import Problem
from streams.watching.metrics import attributes

_meter = metrics.get_meter("playhead")
_shed = _meter.create_counter(
    "playhead.gateway.shed", "{request}", "Requests refused for load, by reason"
)
_cancelled = _meter.create_counter(
    "playhead.gateway.cancelled", "{request}", "Answers whose cancellation was told, by reason"
)
_delivery = _meter.create_histogram(
    "playhead.answer.delivery.duration",
    "s",
    "From a record's time on the log until the connection of its reader had what it says",
    explicit_bucket_boundaries_advisory=(
        *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
        *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    ),
)


def delivered(seconds: float) -> None:
    """Note how long a record took from the log to the connection of a reader who waited for it.

    By the clocks of two machines: less than nothing is nothing.
    """
    _delivery.record(max(0.0, seconds))


def shed(reason: str, status: int) -> None:
    """Count a request that was refused for load."""
    _shed.add(1, {"playhead.reason": reason, "http.response.status_code": status})


def cancelled(why: str) -> None:
    """Count an answer of which the log was told that nobody wants it: asked, or left."""
    _cancelled.add(1, {"playhead.reason": why})


def refused(problem: Problem, reason: str) -> Problem:
    """Count a refusal, and return what the client is told."""
    shed(reason, problem.status)
    return problem


def _unsent(gateway: Any) -> int:
    return int(gateway.publisher.unsent)


def _reasons(gateway: Any) -> int:
    return len(gateway.admission.shedding())


OF_GATEWAY: dict[str, tuple[str, str, Callable[[Any], float]]] = {
    "unanswered": ("{question}", "Questions without an answer", lambda g: g.admission.unanswered),
    "followed": ("{request}", "Requests that somebody waits for", lambda g: len(g.followed)),
    "connections": ("{connection}", "WebSockets that are open", lambda g: len(g.connections)),
    "bodies": ("By", "Request bodies in memory", lambda g: g.admission.bodies_bytes),
    "unsent": ("{record}", "Records that the broker has not acknowledged", _unsent),
    "shedding": ("{reason}", "Reasons for which requests are refused", _reasons),
    "requests": ("{request}", "Requests known from the log", lambda g: len(g.requests)),
    "documents": ("{document}", "Documents known from the log", lambda g: len(g.documents)),
}
"""Gauges `playhead.gateway.<name>`: unit, description and value."""
OF_LANE: dict[str, tuple[str, str, Callable[[Track, float], float]]] = {
    "lag": ("{record}", "Records not finished by the step, by the broker", lambda t, _: t.lag),
    "age": ("s", "Age of the oldest of them", lambda track, now_s: track.age_s(now_s)),
}
"""Gauges `playhead.backlog.<name>` of a lane that a step reads: known without any worker."""


_HELD = tuple(f"playhead_{room}_" for room in ("gateway", "backlog"))
_TOLD_TO_ALL = ("playhead_gateway_shed_",)


def without_what_is_left(text: bytes) -> bytes:
    """Leave out of Prometheus text what the gateway holds and what waits: who would fill it knows.

    What remains tells how often and how fast: counters and histograms, and how the process is.
    """
    lines = [
        line for line in text.decode().splitlines(keepends=True) if not _tells_what_is_left(line)
    ]
    return "".join(lines).encode()


def _tells_what_is_left(line: str) -> bool:
    name = line.split(" ", 3)[2] if line.startswith("# ") else line
    return name.startswith(_HELD) and not name.startswith(_TOLD_TO_ALL)


class Gauges:
    """Reads the gateway of this process when somebody collects."""

    def __init__(self) -> None:
        self._gateway: Any = None
        for name, (unit, what, of_gateway) in OF_GATEWAY.items():
            read = partial(self._read_gateway, of_gateway)
            _meter.create_observable_gauge(f"playhead.gateway.{name}", [read], unit, what)
        for name, (unit, what, of_lane) in OF_LANE.items():
            read = partial(self._read_lanes, of_lane)
            _meter.create_observable_gauge(f"playhead.backlog.{name}", [read], unit, what)

    def watch(self, gateway: Any) -> None:
        """Read this gateway from now on."""
        self._gateway = gateway

    def _read_gateway(
        self, value: Callable[[Any], float], _: CallbackOptions
    ) -> Iterator[Observation]:
        if self._gateway is not None:
            yield Observation(value(self._gateway))

    def _read_lanes(
        self, value: Callable[[Track, float], float], _: CallbackOptions
    ) -> Iterator[Observation]:
        if self._gateway is None:
            return
        admission = self._gateway.admission
        for (topic, lane), track in admission.backlog.tracks.copy().items():
            yield Observation(value(track, admission.now_s), attributes(track.step, topic, lane))


gauges = Gauges()
