"""Writing to the log: one configuration of the client, one rule of size, for all who write.

A record that is too large is refused in the frame of whoever wrote it, before anything queues it: a
client that learns of it later can only stop, and with it everybody behind the same client.

`Writer` is for whoever can tell an asker that the broker did not answer: the edge, the command
line, set-up. A step can't: it writes through `streams.delivery.publisher`, which never gives up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from agents.errors import Permanent
from streams.log.broker_access import client_settings
from streams.settings import Settings

RECORD_BYTES_MAX = 1_040_000
"""Key, value and headers of a record: the broker takes batches of 1 MiB (`message.max.bytes`), and
a batch of one record spends less than the remaining 8 kB on what surrounds it."""
QUEUE_KB = 65_536  # bytes that wait in a client, 64 MiB: larger bodies travel by claim check
QUEUE_RECORDS = 10_000  # that wait in the client of a `Writer`; then no more are taken in
DELIVERY_TIMEOUT_S = 15.0  # for the broker to answer a `Writer`
HEADER_BYTES = 10  # the two lengths of a header, at most
POLL_S = 0.1
REQUESTS_ON_THEIR_WAY = 2
"""To one broker. What comes meanwhile waits for the next request, which is the larger for it. With
the client's own five, five records of a partition may be on their way while no request waits; then
its thread asks again and again, without a pause, whether a sixth may go (librdkafka 2.16): a core
is spent for as long as the broker stands still."""

Header = tuple[str, bytes]
Headers = Sequence[Header]


class RecordTooLarge(Permanent):
    """A record does not fit the log."""


class QueueFull(Exception):
    """So many records wait for the broker that no more are taken in."""


@dataclass(frozen=True)
class Position:
    """Where a record was written."""

    topic: str
    partition: int
    offset: int
    time_ms: int
    """The record's timestamp on the broker."""


def check_size(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
    """Check that a record fits the log, key and headers included; raises RecordTooLarge."""
    size = len(key or b"") + len(value or b"")
    for name, content in headers:
        size += len(name) + len(content) + HEADER_BYTES
    if size > RECORD_BYTES_MAX:
        raise RecordTooLarge(
            f"a record of {topic} would take {size} bytes with its key and headers, the log takes "
            f"{RECORD_BYTES_MAX}: send less at once"
        )


def new_producer(settings: Settings, name: str, **more: Any) -> Producer:
    """Make a client that writes each record once, to all replicas; `more` are its own settings.

    Raises BadSetting for files of credentials that can't be used.
    """
    return Producer(
        {
            **client_settings(settings),
            "client.id": name,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 0,
            "max.in.flight.requests.per.connection": REQUESTS_ON_THEIR_WAY,
            # above what `check_size` lets pass: the client must never be the one to refuse
            "message.max.bytes": RECORD_BYTES_MAX + 8_192,
            "queue.buffering.max.kbytes": QUEUE_KB,
            "log_level": 2,  # what matters arrives as an error; the rest repeats itself without end
            **more,
        }
    )


class Writer:
    """Writes records and says, for each, where it lies or that the broker did not take it.

    May be called by several threads. A context manager: leaving it waits for what is on its way.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        timeout_s: float = DELIVERY_TIMEOUT_S,
        client: Callable[..., Producer] = new_producer,
    ) -> None:
        self._timeout_s = timeout_s
        self._new_client = partial(
            client,
            settings,
            name,
            **{
                "delivery.timeout.ms": int(timeout_s * 1_000),
                "request.timeout.ms": int(timeout_s * 1_000) // 3 * 2,
                "queue.buffering.max.messages": QUEUE_RECORDS,
            },
        )
        self._producer = self._new_client()
        self._pending: set[Future[Position]] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._poll, name=f"writer {name}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def write(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
    ) -> Future[Position]:
        """Hand a record over; the future ends with its place or with KafkaException.

        Raises RecordTooLarge, QueueFull, or KafkaException where there is no such partition.
        """
        check_size(topic, key, value, headers)
        done: Future[Position] = Future()
        done.set_running_or_notify_cancel()  # so that nobody can cancel what is on its way
        self._pending.add(done)
        done.add_done_callback(self._pending.discard)
        try:
            self._producer.produce(
                topic, value, key, partition, on_delivery=_settling(done), headers=list(headers)
            )
        except BufferError:
            self._pending.discard(done)
            raise QueueFull("too many records wait for the broker: try again shortly") from None
        except KafkaException:
            self._pending.discard(done)
            raise
        return done

    def write_all(
        self, records: Iterable[tuple[str, int, bytes | None, bytes | None, Headers]]
    ) -> list[Position]:
        """Write records and wait for all; raises as `write` and its future do.

        When it raises, some of the records may be on the log: writing them again must be harmless.
        """
        futures = [self.write(*record) for record in records]
        return [future.result(self._timeout_s + 5) for future in futures]

    def close(self) -> None:
        """Wait for what is on its way, and end the thread; may be called twice."""
        if not self._ended.is_set():
            self._producer.flush(self._timeout_s)
            self._ended.set()
            self._thread.join()

    def _poll(self) -> None:
        while not self._ended.is_set():
            try:
                self._producer.poll(POLL_S)
            except KafkaException as error:  # so the client tells of an error that ends it
                self._begin_anew(error)

    def _begin_anew(self, error: KafkaException) -> None:
        """Let go of a client that has ended: what it held was not taken, the next one serves."""
        self._producer = self._new_client()
        for done in list(self._pending):
            with suppress(InvalidStateError):  # it was told at this very moment
                done.set_exception(error)


def _settling(done: Future[Position]) -> Callable[[KafkaError | None, Message], None]:
    """Return what ends a future by the broker's answer."""

    def settle(error: KafkaError | None, message: Any) -> None:
        with suppress(InvalidStateError):  # its client had ended before it was told
            if error is not None:
                done.set_exception(KafkaException(error))
                return
            _, time_ms = message.timestamp()
            done.set_result(
                Position(message.topic(), message.partition(), message.offset(), time_ms)
            )

    return settle
