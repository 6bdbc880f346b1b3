"""Starts a module with a wall clock that is wrong, or becomes wrong while it runs.

    python -m tests.chaos.clock HOURS AFTER_S MODULE ARGUMENT...

Python's `time.time` and `time.time_ns` are moved, before anything else is imported, and the timestamps of records with
them, which librdkafka would read for itself. Monotonic clocks stay, as they do when an operator or NTP sets the clock;
so does `datetime`, and what other C libraries read.
"""

import runpy
import sys
import time
from typing import Any


def shift(offset_s: float, after_s: float) -> None:
    """Move the wall clock by so many seconds, from so many seconds on."""
    true_time, true_time_ns, from_s = time.time, time.time_ns, time.monotonic() + after_s

    def wrong_time() -> float:
        return true_time() + (offset_s if time.monotonic() >= from_s else 0.0)

    def wrong_time_ns() -> int:
        return true_time_ns() + (int(offset_s * 1e9) if time.monotonic() >= from_s else 0)

    time.time, time.time_ns = wrong_time, wrong_time_ns


def stamp_records() -> None:
    """Let producers give records the time that Python is told."""
    import confluent_kafka

    class ProducerByWrongClock(confluent_kafka.Producer):
        """Writes records as one on a host with the wrong clock does."""

        def produce(self, *given: Any, timestamp: int = 0, **named: Any) -> None:
            super().produce(*given, timestamp=timestamp or int(time.time() * 1_000), **named)

    confluent_kafka.Producer = ProducerByWrongClock


if __name__ == "__main__":
    hours, after_s, module = sys.argv[1:4]
    sys.argv[1:] = sys.argv[4:]
    shift(3600 * float(hours), float(after_s))
    stamp_records()
    runpy.run_module(module, run_name="__main__", alter_sys=True)
