"""Drift as metrics: gauges of each tenant, read when somebody collects.

Unlike a process's own metrics (`streams.watching.metrics`) these bear the tenant: whose questions
changed is what they are for. So they are served by a process of their own, to operators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from streams.operations.drift.drift_figures import TenantDrift, WindowFigures

OF_WINDOW: dict[str, tuple[str, str, Callable[[WindowFigures], float | None]]] = {
    "questions": ("{question}", "Questions of a window", lambda one: one.questions),
    "unanswered": ("{share}", "Share of questions without an answer", lambda one: one.unanswered),
    "length": ("{character}", "Mean length of a question", lambda one: one.characters),
    "relevance": ("{score}", "Mean relevance of what was retrieved", lambda one: one.relevance),
    "support": ("{share}", "Mean support of answers by passages", lambda one: one.support),
}
"""Gauges `playhead.drift.<name>` of a tenant's window: unit, description and value."""


class DriftGauges:
    """Tells the newest figures that it was given."""

    def __init__(self) -> None:
        self._drifts: Sequence[TenantDrift] = ()
        meter = metrics.get_meter("playhead")
        for name, (unit, what, value) in OF_WINDOW.items():
            read = partial(self._windows, value)
            meter.create_observable_gauge(f"playhead.drift.{name}", [read], unit, what)
        meter.create_observable_gauge(
            "playhead.drift.psi", [self._psi], "{index}", "Population stability index by feature"
        )
        meter.create_observable_gauge(
            "playhead.drift.embedding.distance",
            [self._distance],
            "{distance}",
            "1 less the cosine of the mean vectors of two windows",
        )

    def tell(self, drifts: Sequence[TenantDrift]) -> None:
        """Take new figures in place of those before."""
        self._drifts = tuple(drifts)

    def _windows(
        self, value: Callable[[WindowFigures], float | None], _: CallbackOptions
    ) -> Iterator[Observation]:
        for drift in self._drifts:
            for name, figures in (("current", drift.current), ("reference", drift.reference)):
                found = value(figures)
                if found is not None:
                    of = {"playhead.tenant": drift.tenant, "playhead.window": name}
                    yield Observation(found, of)

    def _psi(self, _: CallbackOptions) -> Iterator[Observation]:
        for drift in self._drifts:
            for feature, value in drift.psi.items():
                of = {"playhead.tenant": drift.tenant, "playhead.feature": feature}
                yield Observation(value, of)

    def _distance(self, _: CallbackOptions) -> Iterator[Observation]:
        for drift in self._drifts:
            if drift.distance is not None:
                yield Observation(drift.distance, {"playhead.tenant": drift.tenant})
