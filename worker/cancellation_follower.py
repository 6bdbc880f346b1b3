"""Following cancellations, on a thread of every worker whose steps may be stopped.

What was asked for within KEPT_S is read at every start, all lanes of it: there is little. So who
takes a lane over stops what the worker before it was to stop, as a rule before it asks a model.
Steps wait for PATIENCE_S at most, since a start that waits for a busy broker makes it busier: what
is read later stops what runs by then. Times are those of who wrote a wish, so a gateway whose clock
is KEPT_S behind has its wishes heeded by workers that ran already, and by no later one.

Who may cancel is decided at the edge. What is checked here is what isolates: a record counts in its
tenant's lane alone, by the gate of the steps, signed where producers must sign, and it stops
answers of the user whom it names.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, cast

from confluent_kafka import KafkaError, Message, TopicPartition

from schemas import CancellationRequested
from streams.log.addressing import headers_of
from streams.log.codec import Codec, Undecodable
from streams.log.configuration import Configuration
from streams.log.offsets import extents_since
from streams.log.producer_signature import SignedRecord
from streams.log.reading import new_consumer
from streams.running.admit import admit
from streams.running.cancellations import Wanted
from streams.running.producer_gate import ProducersInForce, WrittenAt
from streams.settings import Settings
from streams.topics import topic_of
from streams.watching.logs import logger

log = logger("cancellations")

TOPIC = topic_of(CancellationRequested)
KEPT_S = 86_400.0
"""For which a cancellation is looked for at a start: no question waits for so long."""
PATIENCE_S = 1.0
AGAIN_S = 2.0  # after the broker or the registry refused
POLL_S = 1.0
LIVE = {"auto.offset.reset": "earliest", "fetch.wait.max.ms": 500, "socket.timeout.ms": 60_000}
"""It waits for what is new at most of the time."""


class CancellationFollower:
    """Follows cancellations on a thread of its own, until the process ends."""

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        configurations: Mapping[str, Configuration],
        take: Callable[[Wanted], None],
        *,
        consumer: Callable[..., Any] = new_consumer,
    ) -> None:
        """`take` is called on the loop that is running now."""
        self._settings = settings
        self._codec = codec
        self._producers = ProducersInForce(configurations)
        self._take = take
        self._new_consumer = consumer
        self._loop = asyncio.get_running_loop()
        self._read = asyncio.Event()
        self.stopping = threading.Event()

    async def start(self, patience_s: float = PATIENCE_S) -> None:
        """Begin to follow, and wait until what there is has been read."""
        threading.Thread(target=self._run, name="cancellations", daemon=True).start()
        try:
            async with asyncio.timeout(patience_s):
                await self._read.wait()
        except TimeoutError:
            log.warning("cancellations of before are not known yet", waited_s=patience_s)

    def _run(self) -> None:
        while not self.stopping.is_set():
            try:
                self._follow()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is said and tried again
                log.warning("cancellations are followed again", error=type(error).__name__)
                self.stopping.wait(AGAIN_S)

    def _follow(self) -> None:
        since_ms = round((time.time() - KEPT_S) * 1_000)
        with closing(self._new_consumer(self._settings, "cancellations", **LIVE)) as consumer:
            extents = extents_since(consumer, TOPIC, range(self._settings.partitions), since_ms)
            consumer.assign([TopicPartition(TOPIC, one.partition, one.begin) for one in extents])
            unread = {one.partition for one in extents if one.begin < one.end}
            while not self.stopping.is_set():
                if not unread:
                    self._loop.call_soon_threadsafe(self._read.set)
                message = consumer.poll(POLL_S)
                if message is None:
                    continue
                error = message.error()
                if error is None:
                    self._hand_over(message)
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                    unread.discard(cast(int, message.partition()))
                # else the client connects again by itself

    def _hand_over(self, message: Message) -> None:
        lane = cast(int, message.partition())
        value, key = message.value(), message.key()
        at = WrittenAt(TOPIC, lane, cast(int, message.offset()))
        digest, rules = self._producers.now()
        try:
            event = admit(self._codec, CancellationRequested, value, key, lane)
            record = SignedRecord(TOPIC, key or b"", value or b"", event.meta.tenant)
            rules.check(at, record, headers_of(message), digest)
        except Undecodable as error:
            log.warning(
                "a cancellation is passed over", lane=lane, offset=at.offset, reason=str(error)
            )
            return
        self._loop.call_soon_threadsafe(self._take, Wanted.of(event))
