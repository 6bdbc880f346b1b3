"""The two ends of a chain of topics: records are put in at its first, and awaited at its last ones.

librdkafka on both sides, in the process that measures: the same for every program.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from bench.child import Child, MeasurementFailed
from streams.log.writing import Header, new_producer
from streams.settings import Settings

QUEUE_MAX = 200_000  # records that wait in the client, and
QUEUE_KB = 1_048_576  # their bytes: a whole burst is handed over at once
SILENCE_S = 60.0  # without one record: then nothing comes any more
POLL_S = 0.5  # between two looks at the programs while nothing comes
POLL_MAX = 2_000


class Stuck(MeasurementFailed):
    """Nothing arrives any more; the message says how much did."""


@dataclass(frozen=True)
class InputRecord:
    """A record that can be put in."""

    partition: int
    key: bytes
    value: bytes
    headers: tuple[Header, ...] = ()


class Ends:
    """Both ends of one chain, and the programs between them."""

    def __init__(
        self,
        first: str,
        producer: Producer,
        consumer: Consumer,
        programs: Sequence[Child],
        clock_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Take a consumer that reads all that arrives."""
        self._clock_s = clock_s
        self._first = first
        self._producer = producer
        self._consumer = consumer
        self._programs = programs

    @classmethod
    def on(
        cls,
        kafka: str,
        topics: tuple[str, Sequence[str]],
        partitions: int,
        group: str,
        programs: Sequence[Child],
    ) -> Ends:
        """Connect to a broker, for the first topic and the last ones, which are read whole."""
        first, last = topics
        queue = {
            "queue.buffering.max.messages": QUEUE_MAX,
            "queue.buffering.max.kbytes": QUEUE_KB,
        }
        # one that commits by itself waits, when it is closed, for a broker that is gone, too
        consumer = Consumer(
            {"bootstrap.servers": kafka, "group.id": group, "enable.auto.commit": False}
        )
        consumer.assign(
            [TopicPartition(topic, number, 0) for topic in last for number in range(partitions)]
        )
        return cls(first, new_producer(Settings(kafka=kafka), "bench", **queue), consumer, programs)

    def put(self, record: InputRecord) -> None:
        """Put a record in; returns at once."""
        self._producer.produce(
            self._first,
            record.value,
            record.key,
            record.partition,
            headers=list(record.headers),
        )
        self._producer.poll(0)

    def arrivals(
        self, so_far: Callable[[], str], silence_s: float = SILENCE_S
    ) -> Iterator[tuple[list[Message], float]]:
        """Yield what arrives, some at a time, with the second at which it did; without end.

        Raises MeasurementFailed where a program has ended, Stuck with what `so_far` says where
        nothing comes for `silence_s`.
        """
        heard = self._clock_s()
        while True:
            messages = self._poll()
            now = self._clock_s()
            if messages:
                heard = now
                yield messages, now
                continue
            for program in self._programs:
                program.check()
            if now - heard > silence_s:
                raise Stuck(so_far())

    def cpu_s(self) -> float:
        """Return the CPU time of all programs, seconds."""
        return sum(program.cpu_s() for program in self._programs)

    def close(self) -> None:
        """Let go of the broker."""
        self._producer.flush(10)
        self._consumer.close()

    def _poll(self) -> list[Message]:
        first = self._consumer.poll(POLL_S)
        if first is None:
            return []
        return [one for one in (first, *self._consumer.consume(POLL_MAX, 0)) if not one.error()]
