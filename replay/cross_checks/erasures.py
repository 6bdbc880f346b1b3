"""Erasures, against what asked for them.

No step writes them, so nothing is computed again: a person is erased because somebody asked for it,
and it is told in parts that follow each other. What destroys keys at other workers must not be
believed because it says so, nor because somebody asked for it who signed nothing where that is
asked for.

No verdict rests on it: that a record is erased is said by the key store alone, whose keys are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from replay.archive import BadArchive
from replay.log import Log, Stored
from replay.report import Difference
from schemas import Cause, ErasureRefused, ErasureRequested, Event, PersonErased
from streams.log.codec import Codec, Undecodable
from streams.operations.erasures.erasure_log import ERASE, against_request
from streams.running.admit import admit
from streams.topics import topic_of

ASKED = topic_of(ErasureRequested)
EventT = TypeVar("EventT", bound=Event)
Proves = Callable[[Stored, Event], bool]
"""Whether a record is of who may write it; raises BadArchive where that is lost."""
AskedAt = tuple[int, int]
"""Partition and offset."""
UNSIGNED = (
    "nobody signed its request, and producers must sign: whether its worker knew that can't be told"
)


class ErasureCheck:
    """Reads what was asked for, then what came of it."""

    def __init__(self, log: Log, codec: Codec, proves: Proves) -> None:
        """`proves` says whether a request was signed, where that is asked for."""
        self._log = log
        self._codec = codec
        self._proves = proves
        self.doubts: list[Difference] = []
        """Outcomes of requests that are not believed; told with the faults."""
        self._asked: dict[AskedAt, ErasureRequested] = {}
        self._unsigned: set[AskedAt] = set()
        self._ended: dict[str, str] = {}
        """Id of each request that has an end -> how it ended."""
        self._parts: dict[str, int] = {}

    def faults(self) -> Iterator[Difference]:
        """List what speaks against outcomes; what can't be read is told by who reads lanes."""
        for name, lane in sorted(self._log.extents()):
            if name == ASKED:
                for stored, event in self._events(ErasureRequested, lane):
                    self._asked[lane, stored.offset] = event
                    if not self._is_signed(stored, event):
                        self._unsigned.add((lane, stored.offset))
        outcomes: list[tuple[Stored, PersonErased | ErasureRefused]] = []
        outcomes += self._events(PersonErased, 0)
        outcomes += self._events(ErasureRefused, 0)
        for stored, outcome in outcomes:
            cause = outcome.meta.cause
            if reason := self._against(outcome):
                yield Difference.at(stored, outcome.meta.id, ERASE, reason)
            elif cause is not None and (cause.partition, cause.offset) in self._unsigned:
                self.doubts.append(Difference.at(stored, outcome.meta.id, ERASE, UNSIGNED))

    def _is_signed(self, stored: Stored, event: ErasureRequested) -> bool:
        try:
            return self._proves(stored, event)
        except BadArchive:  # who reads configurations tells it
            return True

    def _events(self, kind: type[EventT], lane: int) -> Iterator[tuple[Stored, EventT]]:
        topic = topic_of(kind)
        if (topic, lane) not in self._log.extents():
            return
        try:
            for stored in self._log.records(topic, lane):
                try:
                    event = admit(self._codec, kind, stored.value, stored.key, lane)
                except Undecodable:
                    continue
                assert isinstance(event, kind)
                yield stored, event
        except BadArchive:
            return

    def _against(self, event: PersonErased | ErasureRefused) -> str:
        cause = event.meta.cause
        if cause is None or cause.topic != ASKED:
            return "nobody asked for it: it names no request as its cause"
        if self._is_beyond(cause):
            return ""
        asked = self._asked.get((cause.partition, cause.offset))
        if asked is None or asked.meta.id != cause.id:
            where = f"{ASKED}[{cause.partition}]@{cause.offset}"
            return f"nobody asked for it: no such request lies at {where}"
        return against_request(event, asked) or self._against_order(event, cause.id)

    def _is_beyond(self, cause: Cause) -> bool:
        """Say whether a request lies where this log is not read: behind its end, or cut away."""
        extent = self._log.extents().get((ASKED, cause.partition))
        return extent is not None and not extent.begin <= cause.offset < extent.end

    def _against_order(self, event: PersonErased | ErasureRefused, request: str) -> str:
        """Hold parts against each other; a copy, as a crash may leave it, is none."""
        place = event.meta.ordinal
        ended = self._ended.get(request, "")
        if ended and ended != event.SCHEMA:
            return f"its request ended before, by {ended}"
        if place > self._parts.get(request, 0):
            return f"part {self._parts.get(request, 0)} of it is missing"
        self._parts[request] = max(self._parts.get(request, 0), place + 1)
        if event.meta.last:
            self._ended[request] = event.SCHEMA
        return ""
