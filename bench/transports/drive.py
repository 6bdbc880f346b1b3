"""Loads a running chain from outside: puts records in, waits for them at its end.

Both sides are librdkafka clients of the driver's process, the same for every contender; the
contender's own CPU time is asked of the operating system.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil
from confluent_kafka import Consumer, Producer, TopicPartition

from bench.child import Child, Failed
from bench.spread import percentiles
from bench.transports.chain import PARTITIONS, Chain
from bench.transports.inputs import SESSIONS, Asked, Input, Plain

BURST_S = 3.0  # shorter bursts tell of filling and draining the chain
BURST_FIRST, BURST_MAX = 200, 200_000
BURSTS_FIRST = 3
CLOCK_TICK_S = 0.01  # of the accounts of CPU time: a short burst may not see one
GROWTH_MAX = 16.0
OVERSHOOT = 1.3  # so that a burst that is made longer is long enough
ARRIVE_S = 60.0  # without one record at the end: then the chain is stuck
POLL_MAX = 2_000


class Stuck(Failed):
    """Nothing arrives any more; the message says how many did."""


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

    def __init__(
        self,
        chain: Chain,
        inputs: Plain | Asked,
        children: Sequence[Child],
        producer: Producer,
        consumer: Consumer,
    ) -> None:
        """Take a consumer that reads the chain's last topic from its beginning."""
        self._hops = len(chain.topics) - 1
        self._first = chain.topics[0]
        self._inputs = inputs
        self._children = children
        self._producer = producer
        self._consumer = consumer
        self._sequence = 0
        self.tally = Tally()
        self.value_bytes = 0
        """Size of the values at the end of the chain."""

    @classmethod
    def on(cls, chain: Chain, inputs: Plain | Asked, children: Sequence[Child]) -> Drive:
        """Connect one to the chain's broker."""
        producer = Producer(
            {
                "bootstrap.servers": chain.kafka,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 0,
                "log_level": 2,  # the broker may end first
                "queue.buffering.max.messages": BURST_MAX,
            }
        )
        consumer = Consumer({"bootstrap.servers": chain.kafka, "group.id": chain.group + "-end"})
        consumer.assign(
            [TopicPartition(chain.topics[-1], partition, 0) for partition in range(PARTITIONS)]
        )
        return cls(chain, inputs, children, producer, consumer)

    def close(self) -> None:
        """Let go of the broker."""
        self._producer.flush(10)
        self._consumer.close()

    def warm_up(self, events: int, arrive_s: float = ARRIVE_S) -> None:
        """Wait until the chain runs; raises Stuck, or Failed where the contender ended."""
        self._through(self._make(events), arrive_s)

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
        cpu_s, before = self._cpu_s(), psutil.cpu_times()
        began = time.perf_counter()
        self._through(inputs)
        seconds = time.perf_counter() - began
        cpu_s, after = self._cpu_s() - cpu_s, psutil.cpu_times()
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
            for number, given in enumerate(inputs):
                due = began + number / rate
                while (left := due - time.perf_counter()) > 0:
                    time.sleep(left)
                sent[given.sequence] = time.perf_counter()
                self._produce(given)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        arrived = self._arrivals(inputs)
        sender.join()
        took_ms = [(arrived[number] - sent[number]) * 1000 for number in arrived]
        return summary(rate, took_ms, self._hops)

    def _make(self, events: int) -> list[Input]:
        first, self._sequence = self._sequence, self._sequence + events
        return [self._inputs.make(number) for number in range(first, first + events)]

    def _produce(self, given: Input) -> None:
        self._producer.produce(
            self._first, given.value, given.key, given.partition, headers=given.headers
        )
        self._producer.poll(0)

    def _through(self, inputs: list[Input], arrive_s: float = ARRIVE_S) -> None:
        for given in inputs:
            self._produce(given)
        self._arrivals(inputs, arrive_s)

    def _arrivals(self, inputs: list[Input], arrive_s: float = ARRIVE_S) -> dict[int, float]:
        """Wait for all of them; return when each came first. Copies of a record count once."""
        arrived: dict[int, float] = {}
        last = time.perf_counter()
        while len(arrived) < len(inputs):
            messages = self._poll()
            now = time.perf_counter()
            for message in messages:
                number = self._inputs.sequence_of(message)
                if self.tally.take(number):
                    arrived[number] = now
                    self.value_bytes = len(message.value())
            if messages:
                last = now
            else:
                for child in self._children:
                    child.check()
                if now - last > arrive_s:
                    raise Stuck(f"{len(arrived)} of {len(inputs)} records arrived")
        return arrived

    def _poll(self) -> list[Any]:
        first = self._consumer.poll(0.5)
        if first is None:
            return []
        return [
            message
            for message in (first, *self._consumer.consume(POLL_MAX, 0))
            if message.error() is None
        ]

    def _cpu_s(self) -> float:
        return sum(child.cpu_s() for child in self._children)


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
