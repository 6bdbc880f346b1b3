"""Publishing for a step: what has been handed over, and what the broker has acknowledged.

One publisher serves one step. It never gives up: a record stays queued, in order, until the broker
has it or the lanes of the step are lost. So a worker that is cut off from the broker goes on where
it was, and a record that was never acknowledged is never taken for one that was.

A record is in one of four states: *waiting* here, *in the client*, then *acknowledged* or
*failed*. A record that can't ever be written is in none of them: `send` refuses it in its caller's
frame.

A client can end (an idempotent one does where the broker has lost what it had acknowledged, since
it can't keep the order then). Nobody knows what of its records the broker has, so they can't be
handed to another one: all records wait, it is told, and what waits is abandoned with the lanes.
Whoever runs the inputs again reads first what did reach the log.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.delivery.lane import Place
from streams.log.reading import ends_client, tells_of_end
from streams.log.writing import Headers, check_size, new_producer
from streams.settings import Settings
from streams.watching.logs import logger

log = logger("publisher")

EAGER = 4
"""Records on their way to the broker, below which the next ones do not wait."""
HOLD_S = 0.005  # at most: one partition whose leader moves must not hold up the others
DOUBT_S = 0.05  # before it is asked again whether records may leave
POLL_S = 0.5
"""What a client tells ends the wait; so long it may take a thread to see that it is over."""
PURGED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})  # noqa: SLF001 - public


class PublishingFailed(Exception):
    """The broker refused a record for good."""


class Receipt(Protocol):
    """Told on the event loop, once, what became of a record."""

    def acknowledged(self) -> None:
        """Take note that the broker has it."""

    def failed(self, error: PublishingFailed) -> None:
        """Take note that the broker refused it."""


class Acknowledgement:
    """A receipt that can be awaited: `done` ends, or raises PublishingFailed."""

    def __init__(self) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def acknowledged(self) -> None:
        """Wake who waits."""
        if not self.done.done():
            self.done.set_result(None)

    def failed(self, error: PublishingFailed) -> None:
        """Raise where somebody waits."""
        if not self.done.done():
            self.done.set_exception(error)


# tuples, not classes: two of them are made for every record
_Handed = tuple[Place, bytes, bytes | None, Headers, Receipt, int]
"""A record that was handed over and is not in the client yet: where to, key, value, headers."""
_Settled = tuple[int, Place, Receipt, int, PublishingFailed | None]
"""What the broker said of a record: its epoch, where it lies, or why it was not taken."""


class Publisher:
    """An idempotent producer whose acknowledgements arrive on the event loop, once a poll."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        on_fatal: Callable[[Exception], None],
        may_write: Callable[[], bool] = lambda: True,
        client: Callable[..., Producer] = new_producer,
    ) -> None:
        """While `may_write` says no, records wait here.

        `on_fatal` is told on the event loop, once, that a client has ended; then nothing is written
        until `abandon`.
        """
        self._new_client = partial(client, settings, name)
        self._on_fatal = on_fatal
        self._may_write = may_write
        self._backlog: deque[_Handed] = deque()
        self._settled: list[_Settled] = []
        """What the client has told, and the loop has not heard; each client has its own."""
        self._ends: dict[Place, int] = {}
        self._outstanding = 0
        self._in_client = 0
        self._held: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._loop = asyncio.get_running_loop()
        self._epoch = 0
        self._client_has_ended = False
        self._ended = threading.Event()
        self._name = name
        self._begin()

    def _begin(self) -> None:
        """Make a client of this epoch, and a thread that hears it."""
        # 0: never give up, see above
        config = {"message.timeout.ms": 0, "error_cb": partial(self._on_error, self._epoch)}
        self._producer, self._settled = self._new_client(**config), []
        self._thread = threading.Thread(
            target=self._poll,
            args=(self._producer, self._settled),
            name=f"publisher {self._name}",
            daemon=True,
        )
        self._thread.start()

    @property
    def outstanding(self) -> int:
        """Records handed over that the broker has not answered."""
        return self._outstanding

    @property
    def ends(self) -> Mapping[Place, int]:
        """The offset after the newest acknowledged record, of each partition written to."""
        return self._ends

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
        """Hand a record over; records of one partition keep their order. Returns at once.

        Its timestamp is that of the moment, but not before `not_before_ms` (since the Unix epoch).
        Raises RecordTooLarge; then nothing was handed over, and the receipt is told nothing.

        While the broker has all but a few, a record leaves at once; otherwise records wait for the
        next acknowledgement and leave together (Nagle's algorithm, RFC 896). So a lone record waits
        for nothing, and a busy step sends few, full requests: the client's own `linger.ms` delays
        every record, and without it the client spins while its requests are in flight.
        """
        check_size(topic, key, value, headers)
        if not self._backlog:
            self._loop.call_soon(self._turn)
        self._outstanding += 1
        self._backlog.append(((topic, partition), key, value, headers, receipt, not_before_ms))

    async def delivered(self) -> None:
        """Wait until the broker has answered everything that was handed over."""
        while self._outstanding:
            self._idle.clear()
            await self._idle.wait()

    def abandon(self) -> None:
        """Forget what is not acknowledged: the lanes are another worker's by now.

        Records that lie in a queue here must not reach the log when the broker is heard again.
        """
        self._epoch += 1
        self._client_has_ended = False
        lost = self._producer
        self._begin()
        if self._outstanding:
            log.warning("forgetting unacknowledged records", records=self._outstanding)
        self._outstanding = self._in_client = 0
        self._backlog.clear()
        self._idle.set()
        lost.purge(in_queue=True, in_flight=True, blocking=False)
        # its end waits for its threads: not on the event loop
        threading.Thread(target=_let_end, args=(lost,), daemon=True).start()

    async def close(self, limit_s: float) -> None:
        """Wait for what is outstanding, for a while, and end the thread."""
        try:
            await asyncio.wait_for(self.delivered(), limit_s)
        except TimeoutError:
            log.warning("closing with unacknowledged records", records=self._outstanding)
        self._ended.set()
        await asyncio.to_thread(self._thread.join, POLL_S + 1.0)

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
        if self._client_has_ended:
            return
        if not self._may_write():
            self._held = self._loop.call_later(DOUBT_S, self._produce)
            return
        backlog, produce, reported = self._backlog, self._producer.produce, self._reported
        now_ms = time.time_ns() // 1_000_000
        while backlog:
            place, key, value, headers, receipt, not_before_ms = backlog[0]
            delivered = partial(reported, self._epoch, self._settled, place, receipt)
            try:
                produce(
                    place[0],
                    value,
                    key,
                    place[1],
                    on_delivery=delivered,
                    timestamp=not_before_ms if not_before_ms > now_ms else 0,  # 0: now
                    headers=list(headers),
                )
            except BufferError:
                return  # the client's queue is full: the rest follows what is acknowledged next
            except KafkaException as error:
                if tells_of_end(error):
                    self._end(self._epoch, error.args[0])
                    return
                # such as a topic that is gone: of this record alone
                why = PublishingFailed(f"{place[0]}[{place[1]}] takes no record: {error.args[0]}")
                refused: list[_Settled] = [(self._epoch, place, receipt, -1, why)]
                self._loop.call_soon(self._settle, refused)
            backlog.popleft()
            self._in_client += 1

    def _settle(self, settled: list[_Settled]) -> None:
        ours = [one for one in settled if one[0] == self._epoch]
        self._outstanding -= len(ours)
        self._in_client -= len(ours)
        for _, place, receipt, offset, error in ours:
            if error is not None:
                receipt.failed(error)
                continue
            if offset >= self._ends.get(place, 0):
                self._ends[place] = offset + 1
            receipt.acknowledged()
        if self._backlog and self._in_client < EAGER:
            self._produce()
        if not self._outstanding:
            self._idle.set()

    def _end(self, epoch: int, error: KafkaError) -> None:
        """Write nothing more with a client that has ended, and tell; abandoned ones end unheard."""
        if epoch == self._epoch and not self._client_has_ended:
            self._client_has_ended = True
            self._on_fatal(PublishingFailed(f"the client has ended: {error}"))

    def _end_client(self, producer: Producer, error: KafkaError) -> None:
        if producer is self._producer:
            self._end(self._epoch, error)

    # ------------------------------------------------------------------ in the polling thread

    def _poll(self, producer: Producer, told: list[_Settled]) -> None:
        """Hear a client until another one takes its place."""
        while not self._ended.is_set() and producer is self._producer:
            try:
                producer.poll(POLL_S)
            except KafkaException as error:  # so the client tells of an error that ends it
                self._loop.call_soon_threadsafe(self._end_client, producer, error.args[0])
                self._ended.wait(POLL_S)  # until it is abandoned for another
            if told:
                settled = told.copy()
                told.clear()
                self._loop.call_soon_threadsafe(self._settle, settled)

    def _reported(
        self,
        epoch: int,
        told: list[_Settled],
        place: Place,
        receipt: Receipt,
        error: KafkaError | None,
        message: Message,
    ) -> None:
        if error is None:
            offset = message.offset()  # below 0 where the client can't say: it was sent twice
            told.append((epoch, place, receipt, -1 if offset is None else offset, None))
        elif ends_client(error):
            self._loop.call_soon_threadsafe(self._end, epoch, error)
        elif error.code() not in PURGED:
            why = PublishingFailed(f"the broker did not take a record of {place[0]}: {error.str()}")
            told.append((epoch, place, receipt, -1, why))

    def _on_error(self, epoch: int, error: KafkaError) -> None:
        if ends_client(error):
            self._loop.call_soon_threadsafe(self._end, epoch, error)


def _let_end(lost: Producer) -> None:
    """Take what a client has still to say, which is for nobody, and let go of it."""
    with suppress(KafkaException):
        lost.poll(0)


class Unattended:
    """The receipt of a record that nobody waits for."""

    def acknowledged(self) -> None:
        """Do nothing."""

    def failed(self, error: PublishingFailed) -> None:
        """Say so: what it was written for is done again after a restart."""
        log.warning("a record that nobody waits for was not taken", error=str(error))
