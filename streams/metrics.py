"""Counts of a worker, by step and lane: kept in the process, and exported with the traces."""

from __future__ import annotations

from collections import Counter

from opentelemetry import metrics

_meter = metrics.get_meter("playhead")
_counters = {
    "events": _meter.create_counter("playhead.events", description="Inputs closed"),
    "retries": _meter.create_counter("playhead.retries", description="Further attempts"),
    "dead_letters": _meter.create_counter("playhead.dead_letters", description="Inputs rejected"),
    "duplicates": _meter.create_counter("playhead.duplicates", description="Inputs dropped"),
}
_in_flight = _meter.create_up_down_counter("playhead.in_flight", description="Inputs running")


class Counts:
    """Counts of one step."""

    def __init__(self, step: str) -> None:
        self._step = step
        self.by_lane: Counter[tuple[str, int]] = Counter()
        """(name, lane) -> count; names as above, and in_flight."""

    def add(self, name: str, lane: int, amount: int = 1) -> None:
        """Count something."""
        self.by_lane[name, lane] += amount
        instrument = _in_flight if name == "in_flight" else _counters[name]
        instrument.add(amount, {"step": self._step, "lane": lane})

    def total(self, name: str) -> int:
        """Return a count over all lanes."""
        return sum(count for (counted, _), count in self.by_lane.items() if counted == name)
