"""Reading the log at the edge: on, for the whole process; back, by request, in `reading_back`.

What reads on belongs to no group: every gateway process sees every result, so a reader may be
connected to any of them. It is one consumer, and two while much history is unread (`reading_on`).

Neither asks the schema registry on the thread that reads: see `live_records`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaException

from edge.listening.entries import HISTORY, RESULTS, Dispatch, Entry
from edge.listening.index_writer import IndexWriter
from edge.listening.known_requests import KnownRequest
from edge.listening.live_records import LiveRecords, whose_is
from edge.listening.log_index import LogIndex
from edge.listening.log_strand import LogStrand, WantsRecord
from edge.listening.reading_back import BackReader
from edge.listening.reading_on import TOPICS_OF_HISTORY, ReadingOn
from edge.requests.identity import Whose
from schemas import Event, QuestionAsked
from streams.delivery.log_identity import topic_ids
from streams.log import reading
from streams.log.codec import Codec
from streams.log.offsets import Extent, Partition, extents_since
from streams.log.schema_asker import SchemaAsker
from streams.running.producer_proof import ProducerProof
from streams.settings import Settings
from streams.topics import topic_of
from streams.watching.logs import logger, places

log = logger("gateway")
NAME = "gateway-without-group"  # of a group that is asked for, never joined
LIVE = {
    "auto.offset.reset": "earliest",  # a topic that was made anew is read on, not given up
    # of all lanes together, before it is read: a start on a long log is behind in each of them
    "fetch.max.bytes": 4_194_304,
    "queued.max.messages.kbytes": 8_192,
    # it waits for what is new at most of the time, and each wait that ends in nothing is a request
    "fetch.wait.max.ms": 500,
    "socket.timeout.ms": 60_000,
    "log_level": 2,
}
"""How the consumer that reads on for ever differs from those that read a few lanes up to an end."""
AGAIN_S = 1.0  # after an error of the live consumer
PROOF_S = 0.02  # looks, until it is known whether producers must sign
FRONT_MS = 90_000
"""How far back history is read first, and a request's usual budget more: what counts the last
minute looks no further, but for whose key an answer is of that came later than its budget."""
BEHIND_MIN = 10_000
"""Records of history before that, for a strand of its own: fewer are read in two seconds."""


class ReadsLog(Protocol):
    """What the gateway needs of the log."""

    @property
    def ready(self) -> bool:
        """Whether what comes now is handed on, and the last minutes were."""

    @property
    def knows_all(self) -> bool:
        """Whether all history has been read."""

    @property
    def left_s(self) -> float:
        """In how many seconds it will have been, as it goes; 0 where that is not known."""

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
        behind_min: int = BEHIND_MIN,
    ) -> None:
        """History is read from where the index has it; without one, from the beginning.

        Where more than `behind_min` of its records are older than some minutes, these come last.

        Nothing is read before `proof` knows whether producers must sign.

        `ids` asks the broker which topics these are.
        """
        self._settings = settings
        self._asker = asker or SchemaAsker(codec)
        self._new_consumer = new_consumer
        self._again_s = again_s
        self._records = {topic_of(kind): kind for kind in (*HISTORY, *RESULTS)}
        self._writer = None if index is None else IndexWriter(index)
        self._ids = ids
        self._behind_min = behind_min
        self._reading: ReadingOn | None = None
        """None while nothing is read."""
        self._proof = proof or ProducerProof()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._back = BackReader(partial(new_consumer, settings, NAME), self._asker, self._proof)

    @property
    def ready(self) -> bool:
        """Whether the ends of the results were found, and the last minutes of history read."""
        strands = self._reading
        return strands is not None and strands.is_live and not self._is_spoilt

    @property
    def knows_all(self) -> bool:
        """Whether all history has been read."""
        strands = self._reading
        return strands is not None and strands.is_whole and not self._is_spoilt

    @property
    def left_s(self) -> float:
        """In how many seconds it will have been, as it goes; 0 where that is not known."""
        strands = self._reading
        return 0.0 if strands is None else strands.left_s

    @property
    def _is_spoilt(self) -> bool:
        return self._writer is not None and self._writer.index.spoilt

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
                loop.call_soon_threadsafe(dispatch.interrupt)
                self._stopping.wait(self._again_s)

    def _read_on(self, dispatch: Dispatch, loop: asyncio.AbstractEventLoop) -> None:
        front = self._strand(lambda message, kind: _is_for(dispatch, message, kind))
        strands = ReadingOn(
            front,
            dispatch,
            partial(_on_loop, loop=loop),
            stopping=self._stopping,
            writer=self._writer,
        )
        try:
            begins = self._begins(front.consumer, loop)
            extents = self._front(front.consumer, begins)
            if extents:
                behind = {at: max(0, begins[at]) for at in extents}
                back = self._strand(lambda *_: True)
                strands.begin_behind(back, behind, {at: one.end for at, one in extents.items()})
                back.assign({at: begins[at] for at in extents})
                log.info("it serves while history is read", records=strands.unread)
            front.assign(begins | {at: one.begin for at, one in extents.items()})
            self._reading = strands
            while not self._stopping.is_set():
                strands.turn()
        finally:
            self._reading = None
            strands.close()

    def _strand(self, wants: WantsRecord) -> LogStrand:
        consumer = self._new_consumer(self._settings, NAME, **LIVE)
        live = LiveRecords(self._asker, proof=self._proof)
        return LogStrand(consumer, live, self._records, wants)

    def _front(self, consumer: Any, begins: Mapping[Partition, int]) -> dict[Partition, Extent]:
        """Return what of each lane of history comes first; nothing where little lies before that.

        Raises KafkaException where the broker does not answer.
        """
        since_ms = time.time_ns() // 1_000_000 - FRONT_MS - self._settings.deadline_ms
        lanes = range(self._settings.partitions)
        extents = {
            (one.topic, one.partition): one
            for topic in TOPICS_OF_HISTORY
            for one in extents_since(consumer, topic, lanes, since_ms)
        }
        before = sum(max(0, one.begin - max(0, begins[at])) for at, one in extents.items())
        return extents if before > self._behind_min else {}

    def _begins(self, consumer: Any, loop: asyncio.AbstractEventLoop) -> dict[Partition, int]:
        """Return from where everything is read: history from where it is known, results from now.

        Raises KafkaException or TimeoutError where the broker does not answer.
        """
        lanes = range(self._settings.partitions)
        begins = {
            (topic, lane): OFFSET_BEGINNING if topic in TOPICS_OF_HISTORY else OFFSET_END
            for topic in self._records
            for lane in lanes
        }
        if self._writer is not None:
            ids = self._ids(self._settings, TOPICS_OF_HISTORY)
            known = self._writer.known_places(consumer, ids)
            if known is None:
                _on_loop(self._writer.begin_anew, loop)
            else:
                begins |= {at: place for at, place in known.items() if at in begins}
        return begins

    def _ask(self) -> bool:
        consumer = self._new_consumer(self._settings, NAME, **LIVE)
        try:
            return bool(consumer.list_topics(timeout=2.0).brokers)
        except KafkaException:
            return False
        finally:
            consumer.close()


def _is_for(dispatch: Dispatch, message: Any, kind: type[Event]) -> bool:
    return kind in HISTORY or dispatch.is_awaited(whose_is(message), kind)


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
