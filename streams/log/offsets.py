"""Offsets of the log: where partitions begin and end, and how far consumer groups have committed.

Who wants to know how far another's group is, or where partitions begin and end, asks here. Two
clients answer, each what it answers safely. A consumer that reads lanes also asks for itself: what
its own group has committed (streams/delivery/membership.py), and where to begin by time
(edge/listening/log_reader.py).

Why it is so: librdkafka's admin client ends the whole process (SIGSEGV, seen with 2.16.0) where a
broker that has no coordinator yet, so a new one, is asked for a group's offsets; and it keeps some
memory at each listing of offsets. So `OffsetReader` asks through aiokafka, which is Python: for
groups, for many partitions at once, for as long as a process lives. A librdkafka consumer that was
made for reading may be asked about one partition (`extent_of`, `extent_since`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from streams.log.broker_access import aio_settings
from streams.settings import Settings

ANSWER_TIMEOUT_S = 10.0  # of a consumer: a broker that is up answers within milliseconds
LIMIT_S = 5.0  # for all answers of a reading: milliseconds where the broker is well
FIRSTS_S = 10.0  # for the first records of all partitions that are asked for
FETCH_BYTES = 16_384  # of a partition when only its first record is wanted
PATIENCE_S = 20.0  # for a broker that can't tell yet: a new one makes its coordinator in seconds
PAUSE_S = 0.2  # before it is asked again

T = TypeVar("T")
Partition = tuple[str, int]
"""Topic and number of a partition."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Offsets of a partition: from `begin` up to, not including, `end`; some may be missing."""

    topic: str
    partition: int
    begin: int
    end: int


@dataclass(frozen=True)
class Offsets:
    """What the broker told at one moment; the ends were asked for last."""

    committed: Mapping[str, Mapping[Partition, int]]
    """Group -> partition -> the next offset that it has not committed; -1 before it has any."""
    extents: Mapping[Partition, Extent]
    notes: Mapping[str, Mapping[Partition, str]] = field(default_factory=dict)
    """Group -> partition -> what was written with the commit; partitions without it are left out.
    """


class NoAnswer(Exception):
    """The broker does not tell the offsets; the message says why."""


class NotTold(NoAnswer):
    """The broker answers, but with no offsets: a group's coordinator moves, or still loads."""


def no_offsets(kafka: str, error: NoAnswer) -> str:
    """Say in a sentence that a broker did not tell its offsets, and what to do."""
    return (
        f"the broker at {kafka} does not answer as it should ({error}): "
        "`playhead status` tells whether it is up"
    )


# ---------------------------------------------------------------------- many, through aiokafka


def connect(settings: Settings, limit_s: float) -> tuple[Any, Any]:
    """Make the admin client and the consumer that an `OffsetReader` asks."""
    from aiokafka import AIOKafkaConsumer
    from aiokafka.admin import AIOKafkaAdminClient

    access = aio_settings(settings)
    waiting_ms = int(limit_s * 1_000)
    admin = AIOKafkaAdminClient(
        **access, client_id="playhead-offsets", request_timeout_ms=waiting_ms
    )
    consumer = AIOKafkaConsumer(
        **access,
        client_id="playhead-offsets",
        request_timeout_ms=waiting_ms,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    return admin, consumer


class OffsetReader:
    """Reads offsets, while it is entered.

    Every method may raise NoAnswer, or NotTold where the broker itself is well.
    """

    def __init__(
        self,
        settings: Settings,
        limit_s: float = LIMIT_S,
        firsts_s: float = FIRSTS_S,
        clients: Callable[[Settings, float], tuple[Any, Any]] = connect,
    ) -> None:
        """`limit_s` bounds each reading, `firsts_s` how long first records are waited for.

        `clients` makes aiokafka's admin client and consumer.
        """
        # a third of what a process of `replay verify` would import, who may read an archive
        import aiokafka

        self._library = aiokafka
        self._settings = settings
        self._limit_s = limit_s
        self._firsts_s = firsts_s
        self._clients = clients
        self._coordinators: dict[str, int] = {}
        self._admin: Any = None
        self._consumer: Any = None

    async def __aenter__(self) -> Self:
        """Connect."""
        self._admin, self._consumer = self._clients(self._settings, self._limit_s)
        try:
            async with self._answering(self._limit_s):
                await self._admin.start()
                await self._consumer.start()
        except NoAnswer:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self.close()

    async def close(self) -> None:
        """Disconnect."""
        await asyncio.gather(self._consumer.stop(), self._admin.close(), return_exceptions=True)

    async def read(
        self, groups: Mapping[str, Sequence[Partition]], partitions: Iterable[Partition]
    ) -> Offsets:
        """Read how far groups have committed in partitions of theirs, then the extents of others.

        In this order: an end that is read later lies behind what was committed.
        """
        async with self._answering(self._limit_s):
            committed = await asyncio.gather(
                *(self._committed(group, of_group) for group, of_group in groups.items())
            )
            extents = await self._extents(self._named(partitions))
        told = dict(zip(groups, committed, strict=True))
        return Offsets(
            {name: {at: one.offset for at, one in lanes.items()} for name, lanes in told.items()},
            extents,
            {
                name: {at: one.metadata for at, one in lanes.items() if one.metadata}
                for name, lanes in told.items()
            },
        )

    async def members(self, groups: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return, of each group, the hosts of its members, one for each."""
        hosts: dict[str, tuple[str, ...]] = {}
        async with self._answering(self._limit_s):
            for group in groups:
                [answer] = await self._admin.describe_consumer_groups([group])
                for code, name, _state, _type, _protocol, members, *_ in answer.groups:
                    if code:
                        raise NotTold(f"error {code} of {name}")
                    hosts[name] = tuple(member[2].removeprefix("/") for member in members)
        return hosts

    async def first_ms(self, starts: Mapping[Partition, int]) -> dict[Partition, int]:
        """Return the broker's time of the first record of each partition from an offset on.

        In ms since the Unix epoch. A partition that does not answer in time is left out.
        """
        if not starts:
            return {}
        async with self._answering(self._firsts_s + self._limit_s):
            return await self._first_ms(
                dict(zip(self._named(starts), starts.values(), strict=True))
            )

    def _named(self, partitions: Iterable[Partition]) -> list[Any]:
        return [self._library.TopicPartition(*one) for one in partitions]

    @asynccontextmanager
    async def _answering(self, limit_s: float) -> AsyncIterator[None]:
        """Turn whatever keeps the broker from answering into NoAnswer or NotTold."""
        errors = self._library.errors
        try:
            async with asyncio.timeout(limit_s):
                yield
        except (TimeoutError, errors.RequestTimedOutError):  # the client's own name for it
            self._coordinators.clear()
            raise NoAnswer(f"nothing within {limit_s:g} s") from None
        except errors.BrokerResponseError as error:
            self._coordinators.clear()  # they may have moved
            raise NotTold(type(error).__name__) from None
        except (errors.KafkaError, OSError) as error:
            self._coordinators.clear()
            raise NoAnswer(type(error).__name__) from None
        except NoAnswer:
            self._coordinators.clear()
            raise

    async def _committed(self, group: str, partitions: Sequence[Partition]) -> dict[Partition, Any]:
        if group not in self._coordinators:
            self._coordinators[group] = await self._admin.find_coordinator(group)
        asked = self._named(partitions)
        told = await self._admin.list_consumer_group_offsets(
            group, self._coordinators[group], asked
        )
        if len(told) < len(asked):  # an answer that is an error as a whole names no partition
            raise NotTold(f"no offsets of {group}")
        return {(one.topic, one.partition): told[one] for one in asked}

    async def _extents(self, partitions: Sequence[Any]) -> dict[Partition, Extent]:
        if not partitions:
            return {}
        begins = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        return {
            (one.topic, one.partition): Extent(one.topic, one.partition, begins[one], ends[one])
            for one in partitions
        }

    async def _first_ms(self, starts: Mapping[Any, int]) -> dict[Partition, int]:
        times_ms: dict[Partition, int] = {}
        self._consumer.assign(list(starts))
        try:
            for one, offset in starts.items():
                self._consumer.seek(one, offset)
            deadline = time.monotonic() + self._firsts_s
            while len(times_ms) < len(starts) and time.monotonic() < deadline:
                batches = await self._consumer.getmany(timeout_ms=100)
                for one, records in batches.items():
                    times_ms.setdefault((one.topic, one.partition), records[0].timestamp)
                    self._consumer.pause(one)
            return times_ms
        finally:
            self._consumer.unsubscribe()


async def patiently(
    ask: Callable[[], Awaitable[T]], patience_s: float = PATIENCE_S, pause_s: float = PAUSE_S
) -> T:
    """Ask until the broker tells, for a while; raises NotTold then, and any other error at once."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return await ask()
        except NotTold:
            if time.monotonic() >= deadline:
                raise
        await asyncio.sleep(pause_s)


def read_offsets(
    settings: Settings,
    groups: Mapping[str, Sequence[Partition]],
    partitions: Iterable[Partition],
    limit_s: float = LIMIT_S,
) -> Offsets:
    """Read offsets once, patiently, from code that is not on an event loop or must not leave it.

    Raises NoAnswer.
    """

    async def read() -> Offsets:
        async with OffsetReader(settings, limit_s) as offsets:
            return await patiently(lambda: offsets.read(groups, partitions))

    # in a thread of its own: the caller may stand on an event loop
    with ThreadPoolExecutor(1, "offsets") as thread:
        return thread.submit(asyncio.run, read()).result()


# ---------------------------------------------------------------------- few, by a consumer at hand


def extent_of(consumer: Consumer, topic: str, partition: int, since: int = 0) -> Extent:
    """Ask which offsets of a partition there are now, from `since` on.

    Raises KafkaException where the broker does not answer.
    """
    begin, end = consumer.get_watermark_offsets(
        TopicPartition(topic, partition), timeout=ANSWER_TIMEOUT_S
    )
    return Extent(topic, partition, max(begin, since), end)


def end_of(consumer: Consumer, topic: str, partition: int) -> int:
    """Ask for the end of a partition alone, which is half the requests of its extent.

    Raises KafkaException where the broker does not answer.
    """
    [end] = consumer.offsets_for_times(
        [TopicPartition(topic, partition, OFFSET_END)], timeout=ANSWER_TIMEOUT_S
    )
    if end.error is not None:
        raise KafkaException(end.error)
    return int(end.offset)


def extent_since(consumer: Consumer, topic: str, partition: int, time_ms: int) -> Extent:
    """Ask which offsets of a partition there are now, from a time on (ms since the Unix epoch).

    It begins with the first record of that time or later, by the broker's time index, and is empty
    where there is none. Raises KafkaException where the broker does not answer.
    """
    [start] = consumer.offsets_for_times(
        [TopicPartition(topic, partition, time_ms)], timeout=ANSWER_TIMEOUT_S
    )
    extent = extent_of(consumer, topic, partition)
    begin = max(start.offset, extent.begin) if start.offset >= 0 else extent.end
    return Extent(topic, partition, begin, extent.end)


def extents_since(
    consumer: Consumer, topic: str, partitions: Iterable[int], time_ms: int
) -> list[Extent]:
    """Ask of many partitions what `extent_since` asks of one, by two questions to each broker.

    Ends are asked first: what is written meanwhile lies behind. Raises KafkaException.
    """
    ends = _offsets_at(consumer, topic, dict.fromkeys(partitions, OFFSET_END))
    starts = _offsets_at(consumer, topic, dict.fromkeys(ends, time_ms))
    return [
        Extent(topic, number, starts[number] if starts[number] >= 0 else end, end)
        for number, end in ends.items()
    ]


def _offsets_at(consumer: Consumer, topic: str, times_ms: Mapping[int, int]) -> dict[int, int]:
    asked = [TopicPartition(topic, number, time_ms) for number, time_ms in times_ms.items()]
    told = consumer.offsets_for_times(asked, timeout=ANSWER_TIMEOUT_S)
    for one in told:
        if one.error is not None:
            raise KafkaException(one.error)
    return {one.partition: one.offset for one in told}
