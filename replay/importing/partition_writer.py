"""Writes records of an archive at the very offsets that they had.

Why it is so: causes name offsets, so a record must lie where it lay. A broker counts offsets by
itself; what can be chosen is what lies between. Three kinds of holes:

- before the first record (its predecessors were dropped by retention): records of no meaning are
  written there and deleted, so that the partition begins where it began;
- between records, of two and more (compacted away, or markers of transactions): a transaction that
  is aborted leaves its records and its marker, which no reader sees;
- of one: the record before it goes alone into a transaction, whose marker takes the place.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient

from replay.archive import BadArchive
from replay.importing.dropping import drop_before
from replay.importing.held_records import FILLER
from replay.log import Stored
from streams.log.broker_access import client_settings
from streams.log.offsets import Extent, end_of
from streams.log.writing import new_producer
from streams.settings import Settings

NAME = "playhead-import"
"""Of the client, and of its transactions: by it the broker ends one that a crash left open."""
IN_FLIGHT_MAX = 5_000  # records that were handed over and not acknowledged
ANSWER_S = 60.0  # for the broker to begin or end a transaction, or to drop records: milliseconds
MARKER_POLL_S = 0.005
DELIVERY_S = 300.0  # for a record, from a broker that is busy


class OffsetTaken(RuntimeError):
    """A record came to lie elsewhere than planned: somebody else writes to the same partition."""


class PartitionWriter:
    """Writes partitions, one after the other; a context manager."""

    aborted_max = 100_000
    """Offsets that one aborted transaction takes: a broker ends one that lasts for minutes."""
    told_each = 1_000
    """Offsets between two words of how far it is."""

    def __init__(self, settings: Settings, client: Callable[..., Any] = new_producer) -> None:
        own = {
            "delivery.timeout.ms": int(DELIVERY_S * 1_000),
            "compression.type": "zstd",
            "logger": _silent(),  # what goes wrong is raised
        }
        self._new_client: Callable[..., Producer] = partial(client, settings, NAME, **own)
        self._settings = settings
        self._plain: Producer = self._new_client(**{"linger.ms": 20})
        self._transactional: Producer | None = None
        self._consumer = Consumer({**client_settings(settings), "group.id": NAME, "log_level": 0})
        self._failure: Exception | None = None
        self._unacknowledged = 0
        self._filled: Callable[[int], None] = lambda _: None

    def end_transactions(self) -> None:
        """End what an import before left open; readers see nothing behind it until then."""
        if self._transactional is None:
            timeout_ms = int(2 * DELIVERY_S * 1_000)
            self._transactional = self._new_client(
                **{"transactional.id": NAME, "transaction.timeout.ms": timeout_ms}
            )
            self._transactional.init_transactions(ANSWER_S)

    def write(
        self,
        extent: Extent,
        held: Extent,
        archived: Iterator[Stored],
        *,
        compacted: bool,
        filled: Callable[[int], None] = lambda _: None,
    ) -> Iterator[Stored]:
        """Write what the broker lacks of a partition; yields each record once it was handed over.

        `extent` is the archive's, `held` the broker's, and `archived` begins where that ends. When
        it is through, the broker has taken all of it and ends where the archive does. `filled` is
        told now and then up to where offsets of no record are. Raises OffsetTaken, KafkaException;
        BadArchive for what can't be kept.
        """
        self._filled = filled
        record = next(archived, None)
        end = held.end
        if end <= extent.begin or (compacted and held.begin == 0 and end == 0):
            begin = _first(extent, record, compacted=compacted)
            if held.begin < begin:
                self._fill_and_drop(extent, end, begin)
            end = max(begin, end)
        while record is not None:
            following = next(archived, None)
            until = extent.end if following is None else following.offset
            self._leave_out(extent, end, record.offset)
            alone = until - record.offset == len(("the record", "a marker"))
            self._put(record, alone=alone)
            end = until if alone else record.offset + 1
            yield record
            record = following
        self._leave_out(extent, end, extent.end)
        self._settle()

    def _put(self, record: Stored, *, alone: bool) -> None:
        if record.timestamp_ms <= 0:
            raise BadArchive(
                f"{record.topic}[{record.partition}]@{record.offset} has no timestamp: no client "
                "can write such a record"
            )
        if not alone:
            self._produce(self._plain, record, record.offset)
            return
        self._settle()
        client = self._begin()
        self._produce(client, record, record.offset)
        self._drain(client)
        client.commit_transaction(ANSWER_S)
        self._await_end(record.topic, record.partition, record.offset + 2)

    def _leave_out(self, extent: Extent, begin: int, end: int) -> None:
        """Have nothing lie from one offset up to another, for whoever reads."""
        if begin == end:
            return
        if end - begin == 1:
            raise BadArchive(
                f"offset {begin} of {extent.topic}[{extent.partition}] holds nothing in the "
                "archive, and a broker can't leave out one offset that follows no record written "
                f"with it: delete the topic {extent.topic} and import again"
            )
        self._settle()
        while begin < end:  # the last one takes at least two: a filler and its marker
            until = begin + self.aborted_max if end - begin > self.aborted_max + 1 else end
            client = self._begin()
            self._fill(client, extent, begin, until - 1)
            self._drain(client)
            client.abort_transaction(ANSWER_S)
            self._await_end(extent.topic, extent.partition, until)
            begin = until

    def _fill(self, client: Producer, extent: Extent, begin: int, end: int) -> None:
        for offset in range(begin, end):
            self._produce(client, _filler(extent, offset), offset)
            if offset % self.told_each == 0:
                self._filled(offset)

    def _await_end(self, topic: str, partition: int, end: int) -> None:
        """Wait until a transaction's marker lies there: the broker writes it after it has said so.

        What is written before would take its place.
        """
        deadline = time.monotonic() + ANSWER_S
        while end_of(self._consumer, topic, partition) < end:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"the broker does not end a transaction on {topic}[{partition}]: see its log, "
                    "then import again"
                )
            time.sleep(MARKER_POLL_S)

    def _fill_and_drop(self, extent: Extent, begin: int, end: int) -> None:
        """Let a partition begin later; where it is compacted, the broker has to be asked twice."""
        self._fill(self._plain, extent, begin, end)
        self._settle()
        self._drop_before(extent.topic, extent.partition, end)

    def _drop_before(self, topic: str, partition: int, offset: int) -> None:
        admin = AdminClient({**client_settings(self._settings), "log_level": 0})
        drop_before(admin, topic, partition, offset)

    def _begin(self) -> Producer:
        self.end_transactions()
        assert self._transactional is not None
        self._transactional.begin_transaction()
        return self._transactional

    def _produce(self, client: Producer, record: Stored, offset: int) -> None:
        def settle(error: KafkaError | None, message: Message) -> None:
            self._unacknowledged -= 1
            if error is not None:
                self._failure = self._failure or KafkaException(error)
            elif message.offset() != offset:
                self._failure = self._failure or OffsetTaken(
                    f"a record came to lie at {record.topic}[{record.partition}]@"
                    f"{message.offset()} instead of {offset}: somebody else writes there; stop it, "
                    f"delete the topic {record.topic} and import again"
                )

        client.produce(
            record.topic,
            record.value,
            record.key,
            record.partition,
            on_delivery=settle,
            timestamp=max(record.timestamp_ms, 1),
            headers=list(record.headers),
        )
        self._unacknowledged += 1
        while self._unacknowledged >= IN_FLIGHT_MAX:
            client.poll(0.1)
        client.poll(0)
        self._refuse_failure()

    def _settle(self) -> None:
        """Wait until the broker has everything that was handed to the plain client."""
        self._drain(self._plain)

    def _drain(self, client: Producer) -> None:
        while client.flush(1.0):  # each record ends by itself, delivered or not
            self._refuse_failure()
        self._refuse_failure()

    def _refuse_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Let go of the clients; what was handed over and not acknowledged may still arrive."""
        for client in (self._plain, self._transactional):
            if client is not None:
                client.purge()
                client.flush(0)
        self._consumer.close()


def _silent() -> logging.Logger:
    """Return where the client's lines go: of its end it tells at any log level."""
    silent = logging.getLogger("playhead.import.client")
    silent.addHandler(logging.NullHandler())
    silent.propagate = False
    return silent


def _first(extent: Extent, record: Stored | None, *, compacted: bool) -> int:
    """Say where a partition of which nothing is held is to begin.

    What is missing before the first row of a compacted topic is missing for good.
    """
    if record is None:
        return extent.end
    return record.offset if compacted else extent.begin


def _filler(extent: Extent, offset: int) -> Stored:
    return Stored(extent.topic, extent.partition, offset, 1, FILLER, None)
