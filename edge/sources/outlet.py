"""Handing in: requests first, and what was seen once the broker has the request.

So a run that is cut off has at worst handed in what it does not know to have handed in: the next
one does so again, with the same request id, and the log takes it for the repeat that it is.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
from typing import Protocol

from confluent_kafka import KafkaException

from agents.errors import Transient
from edge.requests.publishing import WORD_TIMEOUT_S, Publishes
from edge.sources.settling import Settling
from edge.sources.source_log import SourceLog
from schemas import DocumentSeen, DocumentSubmitted, DocumentWithdrawn
from streams.log.offsets import NoAnswer, read_offsets
from streams.log.writing import Position, QueueFull
from streams.settings import Settings
from streams.topics import group_of, topic_of

WINDOW = 64  # requests that the broker has not acknowledged
LOOK_EVERY = 200  # requests between looks at how far ingest is behind
SHARE = 2  # of what a gateway lets wait, so that those who hand in by hand find room
FULL_S = 2.0  # between looks while there is no room
NOTES_MAX = 1_000  # records of what was seen that wait for the broker


class Outlet(Protocol):
    """Where a run's decisions go."""

    def hand_in(self, event: DocumentSubmitted | DocumentWithdrawn, seen: DocumentSeen) -> None:
        """Put a request on the log, and then what was seen; raises Transient or Permanent."""

    def note(self, seen: DocumentSeen) -> None:
        """Put on the log what was seen; raises Transient."""

    def flush(self) -> None:
        """Wait until the broker has everything; raises Transient."""


class AnnouncedOutlet:
    """Says that a run began, once, before the first that it writes.

    So a run that is cut off is known to have been, one of many that mostly find nothing too.
    """

    def __init__(self, outlet: Outlet, announce: Callable[[], object]) -> None:
        self._outlet, self._announce = outlet, announce
        self.announced = False

    def announce(self) -> None:
        """Say so now, unless it was said."""
        if not self.announced:
            self._announce()
            self.announced = True

    def hand_in(self, event: DocumentSubmitted | DocumentWithdrawn, seen: DocumentSeen) -> None:
        """Put a request on the log, and then what was seen."""
        self.announce()
        self._outlet.hand_in(event, seen)

    def note(self, seen: DocumentSeen) -> None:
        """Put on the log what was seen."""
        self.announce()
        self._outlet.note(seen)

    def flush(self) -> None:
        """Wait until the broker has everything."""
        self._outlet.flush()


class AwaitedOutlet:
    """Has what is handed in be waited for, and looks now and then what became of it."""

    def __init__(self, outlet: Outlet, settling: Settling) -> None:
        self._outlet, self._settling = outlet, settling

    def hand_in(self, event: DocumentSubmitted | DocumentWithdrawn, seen: DocumentSeen) -> None:
        """Put a request on the log, and then what was seen."""
        self._outlet.hand_in(event, seen)
        withdraws = isinstance(event, DocumentWithdrawn)
        self._settling.expect(event.meta.request, seen.uri, withdraws=withdraws)
        self._settling.look()

    def note(self, seen: DocumentSeen) -> None:
        """Put on the log what was seen."""
        self._outlet.note(seen)

    def flush(self) -> None:
        """Wait until the broker has everything."""
        self._outlet.flush()


class HandInPace:
    """So many a second at most; 0 for no bound."""

    def __init__(
        self,
        rate: float,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval_s = 1 / rate if rate else 0.0
        self._pause, self._clock = pause, clock
        self._next_s = clock()

    def wait(self) -> None:
        """Wait for one's turn."""
        wait_s = self._next_s - self._clock()
        if wait_s > 0:
            self._pause(wait_s)
        self._next_s = max(self._next_s, self._clock()) + self._interval_s


class IngestRoom:
    """Waits while ingest is far behind in the lane: the log would take it, others would wait."""

    def __init__(
        self,
        settings: Settings,
        *,
        waiting: Callable[[int], int] | None = None,
        pause: Callable[[float], None] = time.sleep,
        held_up: Callable[[], None] = lambda: None,
    ) -> None:
        """Take `waiting`, which tells how many submissions of a lane wait for ingest.

        `held_up` is told each time that there is no room.
        """
        self._settings, self._pause, self._held_up = settings, pause, held_up
        self._waiting = waiting or self._ask
        self._until_look = 0

    def wait(self, lane: int) -> None:
        """Return when there is room; where the broker does not tell, there is."""
        self._until_look -= 1
        if self._until_look > 0:
            return
        while self._waiting(lane) * SHARE > self._settings.document_lag_max:
            self._held_up()
            self._pause(FULL_S)
        self._until_look = LOOK_EVERY

    def _ask(self, lane: int) -> int:
        place, group = (topic_of(DocumentSubmitted), lane), group_of("ingest")
        try:
            told = read_offsets(self._settings, {group: [place]}, [place])
        except NoAnswer:
            return 0
        extent = told.extents[place]
        return extent.end - max(told.committed[group][place], extent.begin)


class LogOutlet:
    """Writes to the log, many requests on their way at once."""

    def __init__(
        self, publisher: Publishes, log: SourceLog, pace: HandInPace, room: Callable[[int], None]
    ) -> None:
        self._publisher, self._log, self._pace, self._room = publisher, log, pace, room
        self._under_way: deque[tuple[Future[Position], DocumentSeen]] = deque()
        self._noted: deque[Future[Position]] = deque()

    def hand_in(self, event: DocumentSubmitted | DocumentWithdrawn, seen: DocumentSeen) -> None:
        """Put a request on the log, and then what was seen."""
        self._room(event.meta.lane)
        self._pace.wait()
        try:
            word = self._publisher.send(event)
        except Transient:
            if not self._under_way:
                raise
            self.flush()  # its queue was full
            word = self._publisher.send(event)
        self._under_way.append((word, seen))
        while len(self._under_way) >= WINDOW or (self._under_way and self._under_way[0][0].done()):
            self._settle()

    def note(self, seen: DocumentSeen) -> None:
        """Put on the log what was seen; in the order in which it was told."""
        while self._under_way:
            self._settle()
        self._put(seen)

    def flush(self) -> None:
        """Wait until the broker has everything."""
        while self._under_way:
            self._settle()
        while self._noted:
            _word_of(self._noted.popleft())

    def _settle(self) -> None:
        word, seen = self._under_way[0]
        _word_of(word)
        self._under_way.popleft()
        self._put(seen)

    def _put(self, seen: DocumentSeen) -> None:
        while len(self._noted) >= NOTES_MAX:
            _word_of(self._noted.popleft())
        try:
            self._noted.append(self._log.put(seen))
        except QueueFull:
            while self._noted:
                _word_of(self._noted.popleft())
            self._noted.append(self._log.put(seen))


def _word_of(future: Future[Position]) -> None:
    """Wait for the broker's word; raises Transient."""
    try:
        future.result(WORD_TIMEOUT_S)
    except (KafkaException, TookTooLong) as error:
        kind = type(error).__name__
        raise Transient(f"the broker did not take a record ({kind}): run it again") from None
