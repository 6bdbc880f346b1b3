"""Reading the log back, by request: what one left there before a reader came.

It is read from the lane, beginning where the broker's timestamps say that the request was taken in,
on worker threads and few at once (`reading_turns`); together with what others wait for in the lane
(`shared_readings`). The schema registry is asked elsewhere (`schema_asker`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any

from agents.errors import Transient
from edge.listening.answer_stretches import is_over, shared_stretches, stretches
from edge.listening.entries import Entry
from edge.listening.known_requests import KnownRequest
from edge.listening.live_records import entry_of, whose_is
from edge.listening.reading_turns import ReadingTurns, Unwanted
from edge.listening.shared_readings import SharedReadings
from edge.requests.identity import Whose
from schemas import AnswerReleased, Event, QuestionAsked
from streams.log import reading
from streams.log.codec import Undecodable, schema_id_of
from streams.log.offsets import Extent
from streams.log.schema_asker import SchemaAsker
from streams.running.producer_proof import ProducerProof
from streams.topics import topic_of

READ_BACK_S = 10.0
"""Bound on the broker's silence while one request is read back."""
READ_BACK_MAX = 20_000
"""Records of one request at most: an answer has some hundreds."""

TOLD_S = 1.0
"""For an id that is asked for to be refused, after the grace in which it was not."""
TICK_S = 0.02  # looks, while ids are asked for

ReadsBack = Callable[[KnownRequest, Sequence[type[Event]]], Awaitable[list[Entry]]]
"""What returns the entries of a request of some kinds."""

FoundRecord = tuple[Any, int, type[Event]]
"""A message, the schema that it was written under, and what lies on its topic."""


class BackReader:
    """Reads back what requests left on the log; each time with a consumer of its own."""

    def __init__(
        self,
        new_consumer: Callable[[], Any],
        asker: SchemaAsker,
        proof: ProducerProof,
        turns: ReadingTurns | None = None,
    ) -> None:
        self._new_consumer = new_consumer
        self._codec = asker.codec
        self._asker = asker
        self._proof = proof
        self._turns = turns or ReadingTurns()
        self._together: SharedReadings[list[FoundRecord]] = SharedReadings(
            self._turns, self._read_back_many
        )

    async def read_back(self, request: KnownRequest, kinds: Sequence[type[Event]]) -> list[Entry]:
        """Return the entries of a request of the given kinds; raises Transient."""
        found: list[FoundRecord] = []
        if request.deadline_us:
            found = await self._together.read(request, tuple(kinds))
        if _may_lie_beyond(request, found):
            behind = partial(self._read_back, request, kinds, 1 if request.deadline_us else 0)
            found = _once([*found, *await self._turns.read(lambda: behind)])
        await self._told(found, request.tenant)
        return await asyncio.to_thread(self._opened, found, request.whose)

    async def questions(self, requests: Sequence[KnownRequest]) -> dict[str, QuestionAsked]:
        """Return one tenant's questions by request, as far as they are there; raises Transient.

        Each is read where it lies: nothing is looked for.
        """
        places = [one for one in requests if one.offset >= 0]
        if not places:
            return {}
        found = await self._turns.read(lambda: partial(self._read_questions, places))
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
        found = await self._turns.read(lambda: partial(self._read_back_many, requests, kinds))
        told: dict[Whose, list[Entry]] = {}
        for request in requests:
            mine = found[request.whose]
            if _is_answered(mine):
                await self._told(mine, request.tenant)
                told[request.whose] = await asyncio.to_thread(self._opened, mine, request.whose)
            else:
                told[request.whose] = await self.read_back(request, kinds)
        return told

    # ------------------------------------------------------------------ back, on a worker thread

    def _read_back(
        self, request: KnownRequest, kinds: Sequence[type[Event]], first: int, unwanted: Unwanted
    ) -> list[FoundRecord]:
        """Read what says it is about a request, from the first-th of its stretches on.

        Raises KafkaException or TimeoutError.
        """
        kind_of = {topic_of(kind): kind for kind in kinds}
        consumer = self._new_consumer()
        try:
            found: list[FoundRecord] = []
            for extents in islice(stretches(consumer, request, list(kind_of)), first, None):
                for message in reading.records(consumer, extents, READ_BACK_S):
                    if unwanted():
                        return found
                    if whose_is(message) != request.whose:
                        continue
                    kind = kind_of[str(message.topic())]
                    try:
                        found.append((message, schema_id_of(message.value()), kind))
                    except Undecodable:
                        continue  # whoever processes the topic reports it
                    if len(found) >= READ_BACK_MAX:
                        return found
                if _is_answered(found):
                    break
            return found
        finally:
            consumer.close()

    def _read_questions(
        self, requests: Iterable[KnownRequest], unwanted: Unwanted
    ) -> list[FoundRecord]:
        """Read the records at the requests' places; raises KafkaException or TimeoutError."""
        topic = topic_of(QuestionAsked)
        consumer = self._new_consumer()
        try:
            found: list[FoundRecord] = []
            for one in requests:
                if unwanted():
                    break
                at = Extent(topic, one.lane, one.offset, one.offset + 1)
                with suppress(reading.NotHeld, Undecodable):
                    for message in reading.records(consumer, [at], READ_BACK_S):
                        found.append((message, schema_id_of(message.value()), QuestionAsked))
            return found
        finally:
            consumer.close()

    def _read_back_many(
        self, requests: Sequence[KnownRequest], kinds: Sequence[type[Event]], unwanted: Unwanted
    ) -> dict[Whose, list[FoundRecord]]:
        """Read the stretches in which answers lie, each once; raises as `_read_back` does."""
        kind_of = {topic_of(kind): kind for kind in kinds}
        found: dict[Whose, list[FoundRecord]] = {one.whose: [] for one in requests}
        consumer = self._new_consumer()
        try:
            for extents in shared_stretches(consumer, requests, list(kind_of)):
                for message in reading.records(consumer, extents, READ_BACK_S):
                    if unwanted():
                        return found
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


def _is_answered(found: Iterable[FoundRecord]) -> bool:
    return any(kind is AnswerReleased for _, _, kind in found)


def _may_lie_beyond(request: KnownRequest, found: Iterable[FoundRecord]) -> bool:
    """Tell whether something may lie behind what was read with others: until after its deadline."""
    return not request.deadline_us or (is_over(request) and not _is_answered(found))


def _once(found: Iterable[FoundRecord]) -> list[FoundRecord]:
    """Leave out what was read twice: its deadline may have passed in between."""
    return list({(str(m.topic()), m.offset()): (m, *more) for m, *more in found}.values())
