"""Reading the log at the edge: live, by one consumer for the whole process, and back, by request.

The live consumer belongs to no group: every gateway process sees every result, so a reader may be
connected to any of them. What a request left on the log before a reader came is read back from the
lane, beginning where the broker's timestamps say that the request was taken in.

Neither asks the schema registry on the thread that reads: see `live_records`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, Protocol

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from agents.errors import Transient
from edge.listening.catalogue import KnownRequest
from edge.listening.entries import HISTORY, RESULTS, Dispatch, Entry
from edge.listening.index_writer import IndexWriter
from edge.listening.live_records import LiveRecords, entry_of, whose_is
from edge.listening.log_index import LogIndex
from edge.requests.identity import Whose
from schemas import AnswerReleased, AnswerRetracted, Event, QuestionAsked
from streams.delivery.log_identity import topic_ids
from streams.log import reading
from streams.log.codec import Codec, Undecodable, schema_id_of
from streams.log.offsets import Extent, Partition, extent_since
from streams.log.schema_asker import SchemaAsker
from streams.running.producer_proof import ProducerProof
from streams.settings import Settings
from streams.topics import topic_of
from streams.watching.logs import logger, places

log = logger("gateway")
NAME = "gateway-without-group"  # of a group that is asked for, never joined
LIVE = {
    "auto.offset.reset": "earliest",  # a topic that was made anew is read on, not given up
    "fetch.max.bytes": 52_428_800,
    # it waits for what is new at most of the time, and each wait that ends in nothing is a request
    "fetch.wait.max.ms": 500,
    "queued.max.messages.kbytes": 32_768,
    "socket.timeout.ms": 60_000,
    "log_level": 2,
}
"""How the consumer that reads on for ever differs from those that read a few lanes up to an end."""
BATCH_MAX = 256  # records handed to the loop at once: some milliseconds of its time
POLL_S = 0.1
AGAIN_S = 1.0  # after an error of the live consumer
SKEW_MS = 60_000
"""How much earlier reading back begins: records of releases before bear their worker's clock.

Since then no outcome bears an earlier time than its input."""
READ_BACK_S = 10.0
"""Bound on the broker's silence while one request is read back."""
READ_BACK_MAX = 20_000
"""Records of one request at most: an answer has some hundreds."""
READ_BACK_AT_ONCE = 4
READ_BACK_WAITING_MAX = 64
"""Requests that wait to be read back. Whoever comes then is told to come again: after a restart all
readers return at once, and most of those that wait for long have given up and ask once more."""

TOLD_S = 1.0
"""For an id that is asked for to be refused, after the grace in which it was not."""
TICK_S = 0.02  # looks, while ids are asked for

RETRACTIONS = topic_of(AnswerRetracted)

ReadsBack = Callable[[KnownRequest, Sequence[type[Event]]], Awaitable[list[Entry]]]
"""What returns the entries of a request of some kinds."""

FoundRecord = tuple[Any, int, type[Event]]
"""A message, the schema that it was written under, and what lies on its topic."""


class IndexSpoilt(Exception):
    """The index of the log can't be read any more: history is read again from the beginning."""


class ReadsLog(Protocol):
    """What the gateway needs of the log."""

    @property
    def ready(self) -> bool:
        """Whether all history has been read."""

    def start(self, dispatch: Dispatch) -> None:
        """Begin to hand entries to the dispatch, on the running loop."""

    async def read_back(self, request: KnownRequest, kinds: Sequence[type[Event]]) -> list[Entry]:
        """Return the entries of a request of the given kinds; raises Transient."""

    async def questions(self, requests: Sequence[KnownRequest]) -> dict[str, QuestionAsked]:
        """Return one tenant's questions by request, as far as they are there; raises Transient."""

    async def read_back_many(
        self, requests: Sequence[KnownRequest], kinds: Sequence[type[Event]]
    ) -> dict[Whose, list[Entry]]:
        """Return the entries of requests of one lane, read at once; raises Transient."""

    async def reachable(self) -> bool:
        """Ask the broker whether it is there."""

    async def stop(self) -> None:
        """Stop reading."""


class LogReader:
    """Reads the log from Kafka."""

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        *,
        new_consumer: Callable[..., Any] = reading.new_consumer,
        again_s: float = AGAIN_S,
        asker: SchemaAsker | None = None,
        index: LogIndex | None = None,
        ids: Callable[[Settings, Collection[str]], Mapping[str, str]] = topic_ids,
        proof: ProducerProof | None = None,
    ) -> None:
        """History is read from where the index has it; without one, from the beginning.

        Nothing is read before `proof` knows whether producers must sign.

        `ids` asks the broker which topics these are.
        """
        self._settings = settings
        self._codec = codec
        self._asker = asker or SchemaAsker(codec)
        self._new_consumer = new_consumer
        self._again_s = again_s
        self._records = {topic_of(kind): kind for kind in (*HISTORY, *RESULTS)}
        self._behind = self._everything()
        self._writer = None if index is None else IndexWriter(index)
        self._ids = ids
        self._proof = proof or ProducerProof()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._reading_back = asyncio.Semaphore(READ_BACK_AT_ONCE)
        self._waiting_to = 0

    @property
    def ready(self) -> bool:
        """Whether all history has been read, and the ends of the results have been found."""
        return not self._behind and not (self._writer and self._writer.index.spoilt)

    def start(self, dispatch: Dispatch) -> None:
        """Begin to hand entries to the dispatch, on the running loop."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._follow, args=(dispatch, loop), name="log-reader", daemon=True
        )
        self._thread.start()

    async def stop(self) -> None:
        """Stop reading."""
        self._stopping.set()
        self._asker.stop()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 5.0)
        if self._writer is not None:
            await asyncio.to_thread(self._writer.stop)

    async def reachable(self) -> bool:
        """Ask the broker whether it is there."""
        return await asyncio.to_thread(self._ask)

    async def read_back(self, request: KnownRequest, kinds: Sequence[type[Event]]) -> list[Entry]:
        """Return the entries of a request of the given kinds; raises Transient."""
        async with self._turn_to_read_back():
            try:
                found = await asyncio.to_thread(self._read_back, request, kinds)
            except (KafkaException, TimeoutError) as error:
                raise Transient(
                    f"the log can't be read at the moment ({type(error).__name__}): try again"
                ) from None
        await self._told(found, request.tenant)
        return await asyncio.to_thread(self._opened, found, request.whose)

    async def questions(self, requests: Sequence[KnownRequest]) -> dict[str, QuestionAsked]:
        """Return one tenant's questions by request, as far as they are there; raises Transient.

        Each is read where it lies: nothing is looked for.
        """
        places = [one for one in requests if one.offset >= 0]
        if not places:
            return {}
        async with self._turn_to_read_back():
            try:
                found = await asyncio.to_thread(self._read_questions, places)
            except (KafkaException, TimeoutError) as error:
                raise Transient(
                    f"the log can't be read at the moment ({type(error).__name__}): try again"
                ) from None
        await self._told(found, places[0].tenant)
        wanted = {one.whose for one in places}
        return {
            entry.event.meta.request: entry.event
            for entry in await asyncio.to_thread(self._entries, found)
            if isinstance(entry.event, QuestionAsked) and entry.whose in wanted
        }

    async def read_back_many(
        self, requests: Sequence[KnownRequest], kinds: Sequence[type[Event]]
    ) -> dict[Whose, list[Entry]]:
        """Return the entries of requests of one tenant's lane, read at once; raises Transient.

        What came long after a question's deadline is missing, but for retractions: a question whose
        answer is not among what was found is read back by itself.
        """
        async with self._turn_to_read_back():
            try:
                found = await asyncio.to_thread(self._read_back_many, requests, kinds)
            except (KafkaException, TimeoutError) as error:
                raise Transient(
                    f"the log can't be read at the moment ({type(error).__name__}): try again"
                ) from None
        told: dict[Whose, list[Entry]] = {}
        for request in requests:
            mine = found[request.whose]
            if any(kind is AnswerReleased for _, _, kind in mine):
                await self._told(mine, request.tenant)
                told[request.whose] = await asyncio.to_thread(self._opened, mine, request.whose)
            else:
                told[request.whose] = await self.read_back(request, kinds)
        return told

    @asynccontextmanager
    async def _turn_to_read_back(self) -> AsyncIterator[None]:
        """Wait for a turn, and hold it; raises Transient where too many wait."""
        if self._waiting_to >= READ_BACK_WAITING_MAX:
            raise Transient(
                f"{self._waiting_to} others wait to be read back from the log: try again later"
            )
        self._waiting_to += 1
        try:
            await self._reading_back.acquire()
        finally:
            self._waiting_to -= 1
        try:
            yield
        finally:
            self._reading_back.release()

    # ------------------------------------------------------------------ live, on its own thread

    def _follow(self, dispatch: Dispatch, loop: asyncio.AbstractEventLoop) -> None:
        while not self._proof.known() and not self._stopping.wait(TICK_S):
            pass
        while not self._stopping.is_set():
            try:
                self._read_on(dispatch, loop)
            except Exception as error:  # noqa: BLE001 - a reader that dies would leave all waiting
                if self._stopping.is_set() or loop.is_closed():
                    return
                log.warning("reading again", error=type(error).__name__, places=places(error))
                self._behind = self._everything()
                loop.call_soon_threadsafe(dispatch.interrupt)
                self._stopping.wait(self._again_s)

    def _read_on(self, dispatch: Dispatch, loop: asyncio.AbstractEventLoop) -> None:
        consumer = self._new_consumer(self._settings, NAME, **LIVE)
        live = LiveRecords(self._asker, proof=self._proof)
        ends: dict[Partition, int] = {}
        try:
            consumer.assign(self._places(consumer, loop))
            while not self._stopping.is_set():
                entries, reached = self._batch(consumer, dispatch, live)
                ends.update(reached)
                lost = live.lost_since()
                if entries or lost:
                    # wait for the loop: while history is read, it can't be drowned in entries
                    self._on_loop(_hand(dispatch, entries, lost), loop)
                if self._writer is not None:
                    self._writer.settle(live.is_taken_in)
                    self._writer.make_room(until=self._stopping)
                    if self._writer.index.spoilt:
                        raise IndexSpoilt
                if self._behind:
                    self._behind -= {at for at, end in ends.items() if live.is_taken_in(at, end)}
                for place in live.to_read_again():
                    consumer.seek(place)
                    ends.pop((place.topic, place.partition), None)
                    if self._writer is not None:
                        self._writer.unread((place.topic, place.partition))
        finally:
            consumer.close()

    def _places(self, consumer: Any, loop: asyncio.AbstractEventLoop) -> list[TopicPartition]:
        """Return from where everything is read: history from where it is known, results from now.

        Raises KafkaException or TimeoutError where the broker does not answer.
        """
        history = {topic_of(kind) for kind in HISTORY}
        begins = dict.fromkeys(self._everything(), OFFSET_END)
        begins |= {at: OFFSET_BEGINNING for at in begins if at[0] in history}
        if self._writer is not None:
            known = self._writer.known_places(consumer, self._ids(self._settings, history))
            if known is None:
                self._on_loop(_begin_anew(self._writer), loop)
            else:
                begins |= {at: place for at, place in known.items() if at in begins}
        return [TopicPartition(*at, begin) for at, begin in sorted(begins.items())]

    def _on_loop(self, work: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result()

    def _everything(self) -> set[Partition]:
        return {
            (topic, lane) for topic in self._records for lane in range(self._settings.partitions)
        }

    def _batch(
        self, consumer: Any, dispatch: Dispatch, live: LiveRecords
    ) -> tuple[list[Entry], dict[Partition, int]]:
        entries = live.told_since()
        reached: dict[Partition, int] = {}
        # the first record is handed on at once; those that wait beside it come along
        for message in _messages(consumer, BATCH_MAX, POLL_S):
            if message.error() is not None:
                if _is_end(message):
                    reached[message.topic(), message.partition()] = message.offset()
                continue  # the client reconnects by itself
            kind = self._records[str(message.topic())]
            if kind not in HISTORY and not dispatch.is_awaited(whose_is(message), kind):
                continue
            entry = live.open(message, kind)
            if entry is not None:
                entries.append(entry)
            if self._writer is not None and kind in HISTORY:
                self._writer.read(message)
        return entries, reached

    # ------------------------------------------------------------------ back, on a worker thread

    def _read_back(self, request: KnownRequest, kinds: Sequence[type[Event]]) -> list[FoundRecord]:
        """Read what says it is about a request; raises KafkaException or TimeoutError."""
        kind_of = {topic_of(kind): kind for kind in kinds}
        consumer = self._new_consumer(self._settings, NAME)
        try:
            found: list[FoundRecord] = []
            for extents in _stretches(consumer, request, list(kind_of)):
                for message in reading.records(consumer, extents, READ_BACK_S):
                    if whose_is(message) != request.whose:
                        continue
                    kind = kind_of[str(message.topic())]
                    try:
                        found.append((message, schema_id_of(message.value()), kind))
                    except Undecodable:
                        continue  # whoever processes the topic reports it
                    if len(found) >= READ_BACK_MAX:
                        return found
                if any(kind is AnswerReleased for _, _, kind in found):
                    break
            return found
        finally:
            consumer.close()

    def _read_questions(self, requests: Iterable[KnownRequest]) -> list[FoundRecord]:
        """Read the records at the requests' places; raises KafkaException or TimeoutError."""
        topic = topic_of(QuestionAsked)
        consumer = self._new_consumer(self._settings, NAME)
        try:
            found: list[FoundRecord] = []
            for one in requests:
                at = Extent(topic, one.lane, one.offset, one.offset + 1)
                with suppress(reading.NotHeld, Undecodable):
                    for message in reading.records(consumer, [at], READ_BACK_S):
                        found.append((message, schema_id_of(message.value()), QuestionAsked))
            return found
        finally:
            consumer.close()

    def _read_back_many(
        self, requests: Sequence[KnownRequest], kinds: Sequence[type[Event]]
    ) -> dict[Whose, list[FoundRecord]]:
        """Read the stretches in which answers lie, each once; raises as `_read_back` does."""
        kind_of = {topic_of(kind): kind for kind in kinds}
        found: dict[Whose, list[FoundRecord]] = {one.whose: [] for one in requests}
        consumer = self._new_consumer(self._settings, NAME)
        try:
            for extents in _shared_stretches(consumer, requests, list(kind_of)):
                for message in reading.records(consumer, extents, READ_BACK_S):
                    mine = found.get(whose_is(message))
                    if mine is None or len(mine) >= READ_BACK_MAX:
                        continue
                    kind = kind_of[str(message.topic())]
                    with suppress(Undecodable):  # whoever processes the topic reports it
                        mine.append((message, schema_id_of(message.value()), kind))
            return found
        finally:
            consumer.close()

    async def _told(self, found: Sequence[FoundRecord], tenant: str) -> None:
        """Wait until it is known what records were written under; raises Transient.

        What the registry does not know within the grace is refused by then, and passed over.
        """
        wanted = {(schema_id, kind) for _, schema_id, kind in found}
        try:
            async with asyncio.timeout(self._asker.grace_s + TOLD_S):
                while not self._are_known(wanted, tenant):  # noqa: ASYNC110 - asked on threads
                    await asyncio.sleep(TICK_S)
        except TimeoutError:
            raise Transient(
                "the schema registry does not tell what the records were written under: try again"
            ) from None

    def _are_known(self, wanted: Iterable[tuple[int, type[Event]]], tenant: str) -> bool:
        """Tell whether all ids are known; those that are not, are asked for as there is room."""
        unknown = [one for one in wanted if not self._codec.known(*one)]
        for schema_id, kind in unknown:
            self._asker.ask(schema_id, kind, tenant)
        return not unknown

    def _opened(self, found: Iterable[FoundRecord], whose: Whose) -> list[Entry]:
        return [entry for entry in self._entries(found) if entry.whose == whose]

    def _entries(self, found: Iterable[FoundRecord]) -> list[Entry]:
        entries = (
            entry_of(self._codec, message, kind, self._proof)
            for message, schema_id, kind in found
            if self._codec.known(schema_id, kind)
        )
        return [entry for entry in entries if entry is not None]

    def _ask(self) -> bool:
        consumer = self._new_consumer(self._settings, NAME, **LIVE)
        try:
            return bool(consumer.list_topics(timeout=2.0).brokers)
        except KafkaException:
            return False
        finally:
            consumer.close()


def _stretches(
    consumer: Any, request: KnownRequest, topics: Sequence[str]
) -> Iterator[list[Extent]]:
    """Yield what to read of topics: until soon after a question's deadline, then the rest.

    An answer that was released by then has nothing behind it but a retraction, and of these there
    are few; so reading back an old answer does not read all that its lane took since.
    """
    since_ms = max(0, request.time_ms - SKEW_MS)
    extents = [extent_since(consumer, topic, request.lane, since_ms) for topic in topics]
    until_ms = request.deadline_us // 1_000 + SKEW_MS
    if not request.deadline_us or until_ms >= time.time_ns() // 1_000_000:
        yield extents
        return
    middles = [
        extent.end
        if extent.topic == RETRACTIONS
        else min(extent.end, extent_since(consumer, extent.topic, request.lane, until_ms).begin)
        for extent in extents
    ]
    yield [replace(one, end=middle) for one, middle in zip(extents, middles, strict=True)]
    yield [replace(one, begin=middle) for one, middle in zip(extents, middles, strict=True)]


def _shared_stretches(
    consumer: Any, requests: Sequence[KnownRequest], topics: Sequence[str]
) -> Iterator[list[Extent]]:
    """Yield what to read of topics for several requests of a lane, none of it twice."""
    windows = sorted(
        (max(0, one.time_ms - SKEW_MS), max(one.time_ms, one.deadline_us // 1_000) + SKEW_MS)
        for one in requests
    )
    reached: dict[str, int] = {}
    for since_ms, until_ms in windows:
        extents = []
        for topic in topics:
            extent = extent_since(consumer, topic, requests[0].lane, since_ms)
            end = extent.end
            if topic != RETRACTIONS and until_ms < time.time_ns() // 1_000_000:
                later = extent_since(consumer, topic, requests[0].lane, until_ms)
                end = min(end, later.begin)
            begin = max(extent.begin, reached.get(topic, 0))
            if begin < end:
                extents.append(replace(extent, begin=begin, end=end))
                reached[topic] = end
        if extents:
            yield extents


def _is_end(message: Any) -> bool:
    return bool(message.error().code() == KafkaError._PARTITION_EOF)  # noqa: SLF001 - its public name


async def _begin_anew(writer: IndexWriter) -> None:
    writer.begin_anew()


async def _hand(dispatch: Dispatch, entries: list[Entry], lost: Iterable[Whose]) -> None:
    for whose in lost:  # before what came after it
        dispatch.interrupt(whose)
    dispatch.take(entries)


def _messages(consumer: Any, count: int, timeout_s: float) -> Iterator[Any]:
    message = consumer.poll(timeout_s)
    while message is not None:
        yield message
        count -= 1
        message = consumer.poll(0) if count > 0 else None
