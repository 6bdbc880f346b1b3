"""Reading the log at the edge: live, by one consumer for the whole process; back in `reading_back`.

The live consumer belongs to no group: every gateway process sees every result, so a reader may be
connected to any of them.

Neither asks the schema registry on the thread that reads: see `live_records`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from edge.listening.entries import HISTORY, RESULTS, Dispatch, Entry
from edge.listening.index_writer import IndexWriter
from edge.listening.known_requests import KnownRequest
from edge.listening.live_records import LiveRecords, whose_is
from edge.listening.log_index import LogIndex
from edge.listening.reading_back import BackReader
from edge.requests.identity import Whose
from schemas import Event, QuestionAsked
from streams.delivery.log_identity import topic_ids
from streams.log import reading
from streams.log.codec import Codec
from streams.log.offsets import Partition
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
PROOF_S = 0.02  # looks, until it is known whether producers must sign


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
        self._back = BackReader(partial(new_consumer, settings, NAME), self._asker, self._proof)

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
        return await self._back.read_back(request, kinds)

    async def questions(self, requests: Sequence[KnownRequest]) -> dict[str, QuestionAsked]:
        """Return one tenant's questions by request, as far as they are there; raises Transient."""
        return await self._back.questions(requests)

    async def read_back_many(
        self, requests: Sequence[KnownRequest], kinds: Sequence[type[Event]]
    ) -> dict[Whose, list[Entry]]:
        """Return the entries of requests of one tenant's lane, read at once; raises Transient."""
        return await self._back.read_back_many(requests, kinds)

    # ------------------------------------------------------------------ live, on its own thread

    def _follow(self, dispatch: Dispatch, loop: asyncio.AbstractEventLoop) -> None:
        while not self._proof.known() and not self._stopping.wait(PROOF_S):
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
                    _on_loop(partial(_hand, dispatch, entries, lost), loop)
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
                _on_loop(self._writer.begin_anew, loop)
            else:
                begins |= {at: place for at, place in known.items() if at in begins}
        return [TopicPartition(*at, begin) for at, begin in sorted(begins.items())]

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

    def _ask(self) -> bool:
        consumer = self._new_consumer(self._settings, NAME, **LIVE)
        try:
            return bool(consumer.list_topics(timeout=2.0).brokers)
        except KafkaException:
            return False
        finally:
            consumer.close()


def _is_end(message: Any) -> bool:
    return bool(message.error().code() == KafkaError._PARTITION_EOF)  # noqa: SLF001 - its public name


def _on_loop(work: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
    """Have the loop do something in its next turn, and wait until it is done."""
    done: Future[None] = Future()

    def do() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            done.set_exception(error)
        else:
            done.set_result(None)

    loop.call_soon_threadsafe(do)
    done.result()


def _hand(dispatch: Dispatch, entries: list[Entry], lost: Iterable[Whose]) -> None:
    for whose in lost:  # before what came after it
        dispatch.interrupt(whose)
    dispatch.take(entries)


def _messages(consumer: Any, count: int, timeout_s: float) -> Iterator[Any]:
    """Wait for a message, and take along those that lie ready behind it.

    All of these at once: a call of the client lets go of the interpreter, and has to get it back
    from the loop each time.
    """
    message = consumer.poll(timeout_s)
    if message is not None:
        yield message
        yield from consumer.consume(count - 1, 0)
