"""Reading what drift is told from: from the time where the windows begin, then what is new.

Nothing of it is kept anywhere: whoever starts anew reads the windows again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

from schemas import AnswerReleased, ChunksRetrieved, Event
from streams.log import reading
from streams.log.clock import now_us
from streams.log.codec import Codec, Undecodable
from streams.log.offsets import Partition, extent_of, extent_since
from streams.operations.drift.drift_figures import DriftWindows, TenantDrift, drift_of
from streams.operations.drift.drift_sums import HOUR_US, HourlySums
from streams.running.admit import admit
from streams.settings import Settings
from streams.topics import topic_of

NAME = "drift"
KINDS: tuple[type[Event], ...] = (ChunksRetrieved, AnswerReleased)
TENANTS_MAX = 1_000
"""Tenants that are followed, as they come: each has a dozen series and 200 hours of sums."""
AHEAD_US = HOUR_US
"""How far a worker's clock may be ahead of this one; hours of later are never forgotten."""


class DriftReader:
    """Reads a log from Kafka, each time to its end; lives on one thread."""

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        windows: DriftWindows,
        *,
        new_consumer: Callable[..., Any] = reading.new_consumer,
        clock_us: Callable[[], int] = now_us,
    ) -> None:
        self._settings = settings
        self._codec = codec
        self._windows = windows
        self._new_consumer = new_consumer
        self._clock_us = clock_us
        self._hourly = HourlySums(codec, TENANTS_MAX)
        self._positions: dict[Partition, int] = {}

    def read(self) -> list[TenantDrift]:
        """Read on to the end; raises KafkaException, or TimeoutError where the broker is silent."""
        now = self._clock_us()
        oldest = now - self._windows.current_us - self._windows.reference_us
        consumer = self._new_consumer(self._settings, NAME)
        try:
            for kind in KINDS:
                for lane in range(self._settings.partitions):
                    self._read_lane(consumer, kind, lane, (oldest, now + AHEAD_US))
        finally:
            consumer.close()
        self._hourly.forget(oldest)
        return drift_of(self._hourly, self._windows, now)

    def _read_lane(
        self, consumer: Any, kind: type[Event], lane: int, between_us: tuple[int, int]
    ) -> None:
        at = topic_of(kind), lane
        begin = self._positions.get(at)
        extent = extent_of(consumer, *at, begin or 0)
        if begin is None or extent.end < begin:  # the first time, or the topic was made anew
            extent = extent_since(consumer, *at, between_us[0] // 1_000)
        with closing(reading.records(consumer, [extent])) as messages:
            for message in messages:
                try:
                    event = admit(self._codec, kind, message.value(), message.key(), lane)
                except Undecodable:
                    continue  # whoever processes the topic reports it
                if between_us[0] <= event.meta.at <= between_us[1]:
                    self._hourly.take(event)
        self._positions[at] = extent.end
