"""librdkafka's producer over the broker in memory; tests/streams/log/test_producer_client.py holds it to the real one."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message

from tests.memory_broker import MemoryBroker

PAUSE_S = 0.005  # of a poll while nothing is due
OnDelivery = Callable[[KafkaError | None, Message], None]


class _Record(NamedTuple):
    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    time_ms: int
    on_delivery: OnDelivery | None


class MemoryProducer:
    """Takes records in; while the broker is away they wait, until `settle`, `purge` or its return."""

    def __init__(
        self, broker: MemoryBroker, room: int = 100_000, config: dict[str, Any] | None = None
    ) -> None:
        """`room` is `queue.buffering.max.messages`; `config` is kept for tests to look at."""
        self._broker = broker
        self.room = room
        self.config = config or {}
        self.taken: list[bytes | None] = []
        """The values of all records that were taken in, in order."""
        self._waiting: deque[_Record] = deque()
        self._due: deque[tuple[_Record, KafkaError | None, int]] = deque()
        self._fatal: KafkaError | None = None
        self.closed = False
        self._lock = threading.RLock()
        self._came = threading.Condition(self._lock)

    def __len__(self) -> int:
        """Return how many records have not been told of yet."""
        return len(self._waiting) + len(self._due)

    @property
    def due(self) -> int:
        """Return how many records have an answer that the next poll tells."""
        return len(self._due)

    def produce(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int = 0,
        on_delivery: OnDelivery | None = None,
        timestamp: int = 0,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Take a record in; raises BufferError where there is no room, KafkaException for a partition there is not."""
        if self.closed:
            raise RuntimeError("Handle has been closed")
        if 0 < self._broker.topics()[topic] <= partition:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))
        time_ms = timestamp or int(time.time() * 1_000)
        with self._lock:
            if len(self) >= self.room:
                raise BufferError("Local: Queue full")
            self._waiting.append(
                _Record(topic, partition, key, value, headers, time_ms, on_delivery)
            )
            self.taken.append(value)
            self._send()

    def end_with(self, error: KafkaError) -> None:
        """Let an error end the client: it is raised out of each poll from now on, as the real one does."""
        self._fatal = error

    def poll(self, timeout: float = 0) -> int:
        """Tell of what has become of records; returns 0 where there is nothing to tell."""
        if self._fatal is not None:
            raise KafkaException(self._fatal)
        with self._came:
            self._send()
            if not self._due:
                self._came.wait(min(timeout, PAUSE_S))
            due, self._due = self._due, deque()
        for record, error, offset in due:
            if record.on_delivery is not None:
                record.on_delivery(error, _message(record, error, offset))
        return len(due)

    def flush(self, timeout: float = 0) -> int:
        """Tell of all that has an answer within the time; returns how many have none."""
        deadline = time.monotonic() + timeout
        self.poll(0)
        while len(self) and time.monotonic() < deadline:
            self.poll(PAUSE_S)
        return len(self)

    def purge(self, in_queue: bool = True, in_flight: bool = True, blocking: bool = True) -> None:
        """Give up what the broker does not have; the next poll tells."""
        del in_flight, blocking  # nothing is on its way here: it waits, or the broker has it
        if in_queue:
            self.settle(error=KafkaError(KafkaError._PURGE_QUEUE))

    def close(self) -> bool:
        """Tell of what has an answer, and take nothing in any more."""
        self.poll(0)
        self.closed = True
        return True

    def settle(
        self,
        count: int | None = None,
        error: KafkaError | None = None,
        offset: int | None = None,
    ) -> None:
        """Let the broker take what waits, or the first few of it, or refuse it with an error.

        The client tells the offset that is given, in place of the record's own.
        """
        with self._came:
            for _ in range(len(self._waiting) if count is None else min(count, len(self._waiting))):
                record = self._waiting.popleft()
                at = -1001 if error is not None else self._put(record)
                self._due.append((record, error, at if offset is None else offset))
            self._came.notify()

    def _send(self) -> None:
        """Let the broker take what waits for topics that it has, while it is there."""
        if not self._broker.away and self._waiting:
            known = self._broker.topics()
            elsewhere = [one for one in self._waiting if one.topic not in known]
            self._waiting = deque(one for one in self._waiting if one.topic in known)
            self.settle()
            self._waiting.extend(elsewhere)

    def _put(self, record: _Record) -> int:
        return self._broker.put(
            record.topic,
            record.value,
            partition=record.partition,
            key=record.key,
            headers=record.headers,
            time_ms=record.time_ms,
        )


def _message(record: _Record, error: KafkaError | None, offset: int) -> Message:
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=offset,
        key=record.key,
        value=record.value,
        headers=list(record.headers) or None,
        timestamp=(1, record.time_ms),
        error=error,
    )
