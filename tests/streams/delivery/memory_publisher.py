"""A step's publisher over the broker in memory, without a thread; held to the real one by test_publisher_contract.py."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from streams.delivery.lane import Place
from streams.delivery.publisher import PublishingFailed, Receipt
from streams.log.writing import Headers, check_size
from tests.memory_broker import MemoryBroker


class MemoryPublisher:
    """Puts on the broker what it is given, and tells receipts so in the next turn of the loop.

    While the broker is away records wait until they are abandoned, or handed over after its return.
    """

    def __init__(self, broker: MemoryBroker) -> None:
        self.broker = broker
        self.ends: dict[Place, int] = {}
        self._waiting: deque[tuple[Place, Any, Receipt]] = deque()
        self._epoch = 0
        self.outstanding = 0
        self.slow = False
        """Whether records wait for somebody to ask: until `settle`."""
        self.refuses = ""
        """A topic of which the broker takes no record."""

    def send(
        self,
        topic: str,
        partition: int,
        key: bytes,
        value: bytes | None,
        headers: Headers,
        receipt: Receipt,
        not_before_ms: int = 0,
    ) -> None:
        check_size(topic, key, value, headers)
        record = {
            "value": value,
            "key": key,
            "headers": list(headers),
            "time_ms": max(1, not_before_ms),
        }
        self._waiting.append(((topic, partition), record, receipt))
        self.outstanding += 1
        if not self.slow:
            self.settle()

    def settle(self) -> None:
        """Let the broker have what waits, if it is there."""
        while self._waiting and not self.broker.away:
            (topic, partition), record, receipt = self._waiting.popleft()
            if topic == self.refuses:
                asyncio.get_running_loop().call_soon(self._refused, self._epoch, receipt)
                continue
            offset = self.broker.put(topic, partition=partition, **record)
            end = (topic, partition), offset + 1
            asyncio.get_running_loop().call_soon(self._acknowledged, self._epoch, end, receipt)

    def _acknowledged(self, epoch: int, end: tuple[Place, int], receipt: Receipt) -> None:
        if epoch == self._epoch:
            self.outstanding -= 1
            self.ends.update([end])
            receipt.acknowledged()

    def _refused(self, epoch: int, receipt: Receipt) -> None:
        if epoch == self._epoch:
            self.outstanding -= 1
            receipt.failed(PublishingFailed("refused for good"))

    async def delivered(self) -> None:
        while self.outstanding:
            self.settle()
            await asyncio.sleep(0)

    def abandon(self) -> None:
        self._epoch += 1
        self._waiting.clear()
        self.outstanding = 0

    async def close(self, limit_s: float) -> None:
        try:
            await asyncio.wait_for(self.delivered(), limit_s)
        except TimeoutError:
            self._waiting.clear()


def sent(broker: MemoryBroker, *topics: str) -> Sequence[Any]:
    """Return what lies on the broker, or in these topics alone, partition by partition."""
    return [
        message
        for (topic, _), rows in broker.rows.items()
        if not topics or topic in topics
        for message in rows.messages
    ]
