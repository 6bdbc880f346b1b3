"""Entries of the log as the edge sees them, and what it may await."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from edge.requests.identity import Identity, Whose
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    ChunksCut,
    ChunksIndexed,
    ChunksRetrieved,
    DocumentSubmitted,
    DocumentWithdrawn,
    Event,
    EventRejected,
    QuestionAsked,
    TextsEmbedded,
    TokensReleased,
)

RESULTS: tuple[type[Event], ...] = (
    ChunksRetrieved,
    TokensReleased,
    AnswerReleased,
    AnswerRetracted,
    EventRejected,
)
"""What a reader waits for, in the order in which a chain writes it."""

HISTORY: tuple[type[Event], ...] = (
    QuestionAsked,
    DocumentSubmitted,
    DocumentWithdrawn,
    ChunksCut,
    ChunksIndexed,
    AnswerReleased,
    EventRejected,
    TextsEmbedded,
)
"""What the edge reads from the beginning: who asked what where, what answers said and cite by their
digests and documents, how documents fare, and what was embedded past the log."""

EventT = TypeVar("EventT", bound=Event)

WAITING_MAX = 1_024
"""Entries that may wait for one slow reader: an answer has some dozens."""


@dataclass(frozen=True)
class Entry:
    """An event and where it lies."""

    event: Event
    partition: int
    offset: int
    time_ms: int
    """The record's timestamp on the broker."""

    @property
    def whose(self) -> Whose:
        """Which tenant's request it is about."""
        return self.event.meta.tenant, self.event.meta.request


def newest_of(events: Iterable[Event], kind: type[EventT]) -> EventT | None:
    """Return the record of the newest attempt: of two of one attempt, the first."""
    return max(
        (e for e in events if isinstance(e, kind)), key=lambda e: e.meta.attempt, default=None
    )


class Gap(Exception):
    """Entries were dropped, for a reader fell far behind or reading failed; it can resume."""


class Subscription:
    """The entries of one request, from the moment it was opened."""

    def __init__(self, lane: int) -> None:
        self.lane = lane
        """Where they lie: what lies elsewhere was not made of this request."""
        self._queue: asyncio.Queue[Entry] = asyncio.Queue(WAITING_MAX)
        self._overflown = False
        self._asked_to = -1
        """Offset of the newest question that came."""
        self._came = asyncio.Event()

    def offer(self, entry: Entry) -> None:
        """Add an entry; a full queue ends the subscription instead of growing."""
        try:
            self._queue.put_nowait(entry)
        except asyncio.QueueFull:
            self.interrupt()
        if isinstance(entry.event, QuestionAsked):
            self._asked_to = max(self._asked_to, entry.offset)
            self._came.set()

    def interrupt(self) -> None:
        """Say that entries may have been missed."""
        self._overflown = True
        self._came.set()

    async def until_question(self, offset: int, timeout_s: float) -> None:
        """Wait until the question that lies there has been read, and so all that lie before it.

        Raises TimeoutError, or Gap once entries were dropped.
        """
        async with asyncio.timeout(timeout_s):
            while self._asked_to < offset:
                if self._overflown:
                    raise Gap
                self._came.clear()
                await self._came.wait()

    async def next(self, timeout_s: float) -> Entry:
        """Wait for an entry; raises TimeoutError, or Gap once entries were dropped."""
        if self._overflown:
            raise Gap
        if not self._queue.empty():
            return self._queue.get_nowait()
        async with asyncio.timeout(timeout_s):
            return await self._queue.get()

    def next_now(self) -> Entry | None:
        """Return an entry that is there already; None where there is none, or any was dropped."""
        return None if self._overflown or self._queue.empty() else self._queue.get_nowait()


class Dispatch:
    """Hands entries to whoever waits for their request, and to those who read everything.

    A request is its tenant's: a record of another tenant's that names it reaches nobody here.

    Lives on the event loop alone. `awaits` says for which requests the readers need the results
    of a kind, though nobody may be following them; it is asked from any thread.
    """

    def __init__(
        self,
        readers: Sequence[Callable[[Entry], None]] = (),
        awaits: Callable[[Whose, type[Event] | None], bool] = lambda *_: False,
        recent: Sequence[Callable[[Entry], None]] = (),
    ) -> None:
        """`readers` take all history in, each lane in its order, and `recent` the last minutes."""
        self._readers = tuple(readers)
        self._recent = tuple(recent)
        self._awaits = awaits
        self._waiting: defaultdict[Whose, list[Subscription]] = defaultdict(list)

    def take(self, entries: Sequence[Entry]) -> None:
        """Hand entries on."""
        for entry in entries:
            for reader in self._readers:
                reader(entry)
            for reader in self._recent:
                reader(entry)
            self._offer(entry)

    def take_front(self, entries: Sequence[Entry]) -> None:
        """Hand entries on that come now, or did lately, while what lies before them is unread."""
        for entry in entries:
            for reader in self._recent:
                reader(entry)
            self._offer(entry)

    def take_back(self, entries: Sequence[Entry]) -> None:
        """Hand history on, whose last minutes are, or will be, handed on by themselves."""
        for entry in entries:
            for reader in self._readers:
                reader(entry)

    def _offer(self, entry: Entry) -> None:
        for subscription in self._waiting.get(entry.whose, ()):
            if entry.partition == subscription.lane:
                subscription.offer(entry)

    def interrupt(self, whose: Whose | None = None) -> None:
        """Say that entries may have been missed, of one request or of any.

        Their readers resume from their cursors.
        """
        for waited, subscriptions in self._waiting.items():
            if whose in (None, waited):
                for subscription in subscriptions:
                    subscription.interrupt()

    def is_awaited(self, whose: Whose, kind: type[Event] | None = None) -> bool:
        """Tell whether anybody waits for a request, for its records of a kind if one is given.

        May be asked from any thread.
        """
        return whose in self._waiting or self._awaits(whose, kind)

    @property
    def waiting(self) -> int:
        """How many requests are waited for."""
        return len(self._waiting)

    def is_followed(self, whose: Whose) -> bool:
        """Tell whether anybody here waits for what becomes of a request."""
        return whose in self._waiting

    @contextmanager
    def subscribe(self, request: Identity) -> Iterator[Subscription]:
        """Open a subscription for as long as the block lasts."""
        subscription, whose = Subscription(request.lane), request.whose
        self._waiting[whose].append(subscription)
        try:
            yield subscription
        finally:
            self._waiting[whose].remove(subscription)
            if not self._waiting[whose]:
                del self._waiting[whose]
