"""Reading the log back, by request: what one left there before a reader came.

It is read from the lane, beginning where the broker's timestamps say that the request was taken in,
on worker threads and few at once. The schema registry is asked elsewhere (`schema_asker`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from confluent_kafka import KafkaException

from agents.errors import Transient
from edge.listening.entries import Entry
from edge.listening.known_requests import KnownRequest
from edge.listening.live_records import entry_of, whose_is
from edge.requests.identity import Whose
from schemas import AnswerReleased, AnswerRetracted, Event, QuestionAsked
from streams.log import reading
from streams.log.codec import Undecodable, schema_id_of
from streams.log.offsets import Extent, extent_since
from streams.log.schema_asker import SchemaAsker
from streams.running.producer_proof import ProducerProof
from streams.topics import topic_of

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


class BackReader:
    """Reads back what requests left on the log; each time with a consumer of its own."""

    def __init__(
        self, new_consumer: Callable[[], Any], asker: SchemaAsker, proof: ProducerProof
    ) -> None:
        self._new_consumer = new_consumer
        self._codec = asker.codec
        self._asker = asker
        self._proof = proof
        self._reading_back = asyncio.Semaphore(READ_BACK_AT_ONCE)
        self._waiting_to = 0

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

    # ------------------------------------------------------------------ back, on a worker thread

    def _read_back(self, request: KnownRequest, kinds: Sequence[type[Event]]) -> list[FoundRecord]:
        """Read what says it is about a request; raises KafkaException or TimeoutError."""
        kind_of = {topic_of(kind): kind for kind in kinds}
        consumer = self._new_consumer()
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
        consumer = self._new_consumer()
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
        consumer = self._new_consumer()
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
