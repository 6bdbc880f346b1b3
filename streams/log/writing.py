"""Publishing to the log: what has been handed over, and what the broker has acknowledged.

One publisher serves one step. It is idempotent and waits for all replicas, and it never gives up: a
record stays queued, in order, until the broker has it or the lanes of the step are lost. So a
worker that is cut off from the broker goes on where it was, and a record that was never
acknowledged is never taken for one that was.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from confluent_kafka import KafkaError, Producer

from streams.watching.logs import logger

log = logger("publisher")

QUEUE_KB = 65_536
"""Bytes queued in the client of one step; beyond, records wait here, in order."""
EAGER = 4
"""Records on their way to the broker, below which the next ones do not wait."""
HOLD_S = 0.005  # at most: one partition whose leader moves must not hold up the others
POLL_S = 0.1
PURGED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})  # noqa: SLF001 - public codes

Header = tuple[str, bytes]
Headers = Sequence[Header]


class Receipt(Protocol):
    """Told on the event loop that the broker has a record."""

    def acknowledged(self) -> None:
        """Take note."""


class Acknowledgement:
    """A receipt that can be awaited."""

    def __init__(self) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def acknowledged(self) -> None:
        """Wake who waits."""
        if not self.done.done():
            self.done.set_result(None)


class Publisher:
    """An idempotent producer whose acknowledgements arrive on the event loop, once a poll."""

    def __init__(self, servers: str, name: str, on_fatal: Callable[[Exception], None]) -> None:
        self._config = {
            "bootstrap.servers": servers,
            "client.id": name,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 0,
            "message.timeout.ms": 0,  # never give up: see above
            "queue.buffering.max.kbytes": QUEUE_KB,
            "reconnect.backoff.max.ms": 1_000,
            "log_level": 2,  # what matters arrives as an error; the rest repeats itself without end
            "error_cb": self._on_error,
        }
        self._on_fatal = on_fatal
        self._backlog: deque[tuple[Any, ...]] = deque()
        self._acknowledged: list[tuple[int, Receipt]] = []
        self._outstanding = 0
        self._in_client = 0
        self._held: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._loop = asyncio.get_running_loop()
        self._epoch = 0
        self._ended = threading.Event()
        self._producer = Producer(self._config)
        self._thread = threading.Thread(target=self._poll, name=f"publisher {name}", daemon=True)
        self._thread.start()

    @property
    def outstanding(self) -> int:
        """Records handed over that the broker has not acknowledged."""
        return self._outstanding

    def send(
        self,
        topic: str,
        partition: int,
        key: bytes,
        value: bytes | None,
        headers: Headers,
        receipt: Receipt,
    ) -> None:
        """Hand a record over; records of one partition keep their order. Returns at once.

        While the broker has all but a few, a record leaves at once; otherwise records wait for the
        next acknowledgement and leave together (Nagle's algorithm, RFC 896). So a lone record waits
        for nothing, and a busy step sends few, full requests: the client's own `linger.ms` delays
        every record, and without it the client spins while its requests are in flight.
        """
        if not self._backlog:
            self._loop.call_soon(self._turn)
        self._outstanding += 1
        self._backlog.append((topic, partition, key, value, headers, receipt))

    async def delivered(self) -> None:
        """Wait until the broker has acknowledged everything that was handed over."""
        while self._outstanding:
            self._idle.clear()
            await self._idle.wait()

    def abandon(self) -> None:
        """Forget what is not acknowledged: the lanes are another worker's by now.

        Records that lie in a queue here must not reach the log when the broker is heard again.
        """
        self._epoch += 1
        lost, self._producer = self._producer, Producer(self._config)
        if self._outstanding:
            log.warning("forgetting unacknowledged records", records=self._outstanding)
        self._outstanding = self._in_client = 0
        self._backlog.clear()
        self._idle.set()
        lost.purge(in_queue=True, in_flight=True, blocking=False)
        # its end waits for its threads: not on the event loop
        threading.Thread(target=lost.poll, args=(0,), daemon=True).start()

    async def close(self, limit_s: float) -> None:
        """Wait for what is outstanding, for a while, and end the thread."""
        try:
            await asyncio.wait_for(self.delivered(), limit_s)
        except TimeoutError:
            log.warning("closing with unacknowledged records", records=self._outstanding)
        self._ended.set()
        await asyncio.to_thread(self._thread.join, 2 * POLL_S + 1.0)

    # ------------------------------------------------------------------ on the event loop

    def _turn(self) -> None:
        """Let go of what was handed over in this turn of the loop, or hold it for a moment."""
        if self._in_client < EAGER:
            self._produce()
        elif self._held is None:
            self._held = self._loop.call_later(HOLD_S, self._produce)

    def _produce(self) -> None:
        if self._held is not None:
            self._held.cancel()
            self._held = None
        backlog, produce, reported = self._backlog, self._producer.produce, self._reported
        try:
            while backlog:
                topic, partition, key, value, headers, receipt = backlog[0]
                produce(
                    topic,
                    value,
                    key,
                    partition,
                    on_delivery=partial(reported, self._epoch, receipt),
                    headers=headers,
                )
                backlog.popleft()
                self._in_client += 1
        except BufferError:
            pass  # the client's queue is full: the rest follows what is acknowledged next

    def _settle(self, acknowledged: list[tuple[int, Receipt]]) -> None:
        receipts = [receipt for epoch, receipt in acknowledged if epoch == self._epoch]
        self._outstanding -= len(receipts)
        self._in_client -= len(receipts)
        for receipt in receipts:
            receipt.acknowledged()
        if self._backlog and self._in_client < EAGER:
            self._produce()
        if not self._outstanding:
            self._idle.set()

    # ------------------------------------------------------------------ in the polling thread

    def _poll(self) -> None:
        while not self._ended.is_set():
            self._producer.poll(POLL_S)
            if self._acknowledged:
                acknowledged, self._acknowledged = self._acknowledged, []
                self._loop.call_soon_threadsafe(self._settle, acknowledged)

    def _reported(self, epoch: int, receipt: Receipt, error: KafkaError | None, _: Any) -> None:
        if error is None:
            self._acknowledged.append((epoch, receipt))
        elif error.code() not in PURGED:
            self._fail(f"a record was not taken: {error.str()}")

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fail(error.str())

    def _fail(self, why: str) -> None:
        self._loop.call_soon_threadsafe(self._on_fatal, PublishingFailed(why))


class PublishingFailed(Exception):
    """The broker refused a record for good; the worker must begin anew."""
