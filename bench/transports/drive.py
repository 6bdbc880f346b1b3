"""Loads a running chain from outside: puts records in, waits for them at its end.

Both sides are librdkafka clients of the driver's process, the same for every contender; the
contender's own CPU time is asked of the operating system.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from bench.child import Child
from bench.ends import QUEUE_MAX, SILENCE_S, Ends, InputRecord
from bench.spread import percentiles
from bench.transports.chain import PARTITIONS, Chain
from bench.transports.inputs import SESSIONS, AskedInputs, PlainInputs

BURST_S = 3.0  # shorter bursts tell of filling and draining the chain
BURST_FIRST, BURST_MAX = 200, QUEUE_MAX
BURSTS_FIRST = 3
CLOCK_TICK_S = 0.01  # of the accounts of CPU time: a short burst may not see one
GROWTH_MAX = 16.0
OVERSHOOT = 1.3  # so that a burst that is made longer is long enough


@dataclass(frozen=True)
class Burst:
    """Records put in at once."""

    events: int
    seconds: float
    hop_rate: float
    """Hop-events a second."""
    cpu_us: float
    """CPU time of the contender for one hop-event, microseconds."""
    idle_share: float
    """Share of the machine's CPU time that no program took meanwhile."""


@dataclass(frozen=True)
class Latency:
    """Records put in one by one at a steady rate."""

    rate: float
    """Events a second."""
    events: int
    p50_ms: float
    """End to end, as the next ones."""
    p95_ms: float
    p99_ms: float
    hop_ms: float
    """The median, divided by the hops."""


class Tally:
    """What has arrived at the end of a chain."""

    def __init__(self) -> None:
        self.copies = 0
        """Records that arrived again."""
        self.disorders = 0
        """Records that arrived, for the first time, behind a later one of their session."""
        self._seen: set[int] = set()
        self._newest: dict[int, int] = {}

    def take(self, number: int) -> bool:
        """Enter a record by its number; return whether it is here for the first time."""
        if number in self._seen:
            self.copies += 1
            return False
        self._seen.add(number)
        session = number % SESSIONS
        newest = self._newest.get(session, -1)
        self.disorders += number < newest
        self._newest[session] = max(number, newest)
        return True


class Drive:
    """One chain under load."""

    def __init__(self, ends: Ends, inputs: PlainInputs | AskedInputs, hops: int) -> None:
        """Take both ends of a chain that nothing has gone through yet."""
        self._ends = ends
        self._inputs = inputs
        self._hops = hops
        self._next = 0
        self.tally = Tally()
        self.value_bytes = 0
        """Size of the values at the end of the chain."""

    @classmethod
    def on(
        cls, chain: Chain, inputs: PlainInputs | AskedInputs, programs: Sequence[Child]
    ) -> Drive:
        """Connect one to the chain's broker."""
        topics = chain.topics[0], chain.topics[-1:]
        ends = Ends.on(chain.kafka, topics, PARTITIONS, f"{chain.group}-end", programs)
        return cls(ends, inputs, len(chain.topics) - 1)

    def close(self) -> None:
        """Let go of the broker."""
        self._ends.close()

    def warm_up(self, events: int, silence_s: float = SILENCE_S) -> None:
        """Wait until the chain runs; raises Stuck, or MeasurementFailed where a program ended."""
        self._through(self._make(events), silence_s)

    def burst(self, burst_s: float = BURST_S) -> Burst:
        """Put in as many records as keep the chain busy for so long."""
        # one short burst may meet a standstill of the machine: the best of them tells the rate
        tries = [self._burst(BURST_FIRST) for _ in range(BURSTS_FIRST)]
        burst = min(tries, key=lambda each: each.seconds)
        while True:
            burst = self._burst(grown(burst.events, burst.seconds, burst_s))
            if burst.seconds >= burst_s or burst.events >= BURST_MAX:
                return burst

    def _burst(self, events: int) -> Burst:
        inputs = self._make(events)
        cpu_s, before = self._ends.cpu_s(), psutil.cpu_times()
        began = time.perf_counter()
        self._through(inputs)
        seconds = time.perf_counter() - began
        cpu_s, after = self._ends.cpu_s() - cpu_s, psutil.cpu_times()
        hop_events = events * self._hops
        return Burst(
            events,
            seconds,
            hop_events / seconds,
            cpu_s / hop_events * 1e6,
            (after.idle - before.idle) / max(sum(after) - sum(before), CLOCK_TICK_S),
        )

    def latency(self, rate: float, seconds: float) -> Latency:
        """Put records in at a steady rate; each is timed from the moment of its own sending."""
        inputs = self._make(max(2, int(rate * seconds)))
        sent: dict[int, float] = {}

        def send() -> None:
            began = time.perf_counter()
            for place, (number, record) in enumerate(inputs.items()):
                due = began + place / rate
                while (left := due - time.perf_counter()) > 0:
                    time.sleep(left)
                sent[number] = time.perf_counter()
                self._ends.put(record)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        arrived = self._arrivals(len(inputs))
        sender.join()
        took_ms = [(arrived[number] - sent[number]) * 1000 for number in arrived]
        return summary(rate, took_ms, self._hops)

    def _make(self, events: int) -> dict[int, InputRecord]:
        """Make the next records, by number."""
        first, self._next = self._next, self._next + events
        return {number: self._inputs.make(number) for number in range(first, self._next)}

    def _through(self, inputs: dict[int, InputRecord], silence_s: float = SILENCE_S) -> None:
        for record in inputs.values():
            self._ends.put(record)
        self._arrivals(len(inputs), silence_s)

    def _arrivals(self, events: int, silence_s: float = SILENCE_S) -> dict[int, float]:
        """Wait for so many; return when each came first. Copies of a record count once."""
        arrived: dict[int, float] = {}
        coming = self._ends.arrivals(lambda: f"{len(arrived)} of {events} records came", silence_s)
        while len(arrived) < events:
            messages, now = next(coming)
            for message in messages:
                number = self._inputs.number_of(message)
                if self.tally.take(number):
                    arrived[number] = now
                    self.value_bytes = len(message.value() or b"")
        return arrived


def grown(events: int, seconds: float, wanted_s: float) -> int:
    """Return how many events should take as long as wanted, where so many took so many seconds.

    Never fewer, at most GROWTH_MAX times as many, and BURST_MAX.
    """
    growth = min(GROWTH_MAX, OVERSHOOT * wanted_s / seconds)
    return min(BURST_MAX, int(events * max(1.0, growth)))


def summary(rate: float, took_ms: list[float], hops: int) -> Latency:
    """Sum up end-to-end times, in milliseconds; at least two."""
    p50, p95, p99 = percentiles(took_ms)
    return Latency(rate, len(took_ms), p50, p95, p99, p50 / hops)
