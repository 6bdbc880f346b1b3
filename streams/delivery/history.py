"""What a step has already done, as far as it remembers: so that no finished event is run again.

Pure bookkeeping: `takeover.py` fills it when a lane comes, `replay verify` from the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from schemas import Cause, Meta
from streams.delivery.known_ids import KnownIds
from streams.delivery.progress import Progress

REMEMBERED = 20_000  # ids that a lane of a step keeps in memory: 0.9 MB

NUMBER_MAX = 2**31 - 1
"""Of a run: records hold it in 32 bits. No step counts so far; a foreign record may say so."""

OFFSET_BITS = 48
SOURCES_MAX = 1_000
"""Lanes of input topics of which places are remembered: a step has three, a forged log may tell
any number."""

RETRY = "retry"
"""Header of a dead letter that was put back: ATTEMPT@OFFSET of the run that was rejected.

The attempt is 0 where the record could not be read: then no run over its id was rejected."""


def rejected_attempt(headers: Mapping[str, bytes]) -> int:
    """Return the number of the run whose rejection a record is a retry of; 0 for other records."""
    attempt = headers.get(RETRY, b"").partition(b"@")[0]
    return int(attempt) if attempt.isdigit() and len(attempt) < 10 else 0


class Outcome(NamedTuple):
    """A record that a step wrote, as far as it tells what was done."""

    cause: Cause
    attempt: int
    last: bool
    """Whether it closes its outcome; not where it came late (`epochs`)."""


class History:
    """Inputs that a step has run over, as far back as matters."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self._size = size
        self._ids = KnownIds(size)
        self._sources: dict[tuple[str, int], int] = {}
        """Numbers for topics and lanes, of which a place is made."""
        self._cut_off: dict[int, int] = {}
        """Place -> attempt, as a commit told it."""
        self._closed: dict[int, None] = {}
        """Places of which a commit alone told that they are closed, so that no id is known."""

    def learn(self, outcomes: Iterable[Outcome | Meta]) -> None:
        """Take in outcomes that are on the log; where there are too many, the last are kept."""
        for meta in outcomes:
            if meta.cause is None:
                continue
            cause = meta.cause
            at = self._begun(cause.id, meta.attempt)
            if meta.last:
                self._ids.answered[at] = max(_number(meta.attempt), self._ids.answered[at])
                place = self._place(cause.topic, cause.partition, cause.offset)
                if place is not None:
                    self._ids.add(at, "closed", place)
                    self._closed.pop(place, None)

    def inherit(self, topic: str, partition: int, done: Progress) -> None:
        """Take in what was done of a lane before it came; after the outcomes, which tell ids."""
        closed = {self._place(topic, partition, offset) for offset in sorted(done.closed)}
        if closed:
            closed.difference_update(self._ids.places())
        for place in closed:
            if place is not None:
                self._remember(self._closed, place, None)
        for offset, attempt in sorted(done.open.items()):
            place = self._place(topic, partition, offset)
            if place is not None:
                self._remember(self._cut_off, place, attempt)

    def duplicate(
        self, meta: Meta, topic: str, partition: int, offset: int, rejected: int = 0
    ) -> bool:
        """Say whether an input was run to its end before.

        It may be the same record delivered again, or a copy of it further on. A later attempt of
        the step before is no copy: it has the same id and supersedes. Nor is a dead letter that was
        put back, unless a run after the `rejected` one has ended: then it was put back twice. Nor
        is another record at a place where one was closed: a topic that lost its tail or was made
        anew counts its offsets once more.
        """
        place = self._place(topic, partition, offset)
        if place is not None and place in self._closed:
            return True
        known = self._ids.find(meta.id)
        if known is None:
            return False
        if place is not None and self._ids.has(known, "closed", place):
            return True
        answered = self._ids.answered[known]
        if rejected:
            return answered > rejected
        return self._ids.has(known, "finished", _number(meta.attempt)) or (
            meta.cause is None and answered > 0
        )

    def begin(self, meta: Meta, topic: str, partition: int, offset: int, floor: int = 0) -> int:
        """Return the number of the next run over an input, and remember that it was begun.

        It is at or above the input's own attempt and what the runs of the lane's owner count from
        (`epochs`), and above those of all runs over the input's id: outcomes of a superseded input
        and of its successor have equal ids, and readers tell them apart by the attempt alone. Where
        a foreign record left none above, the highest is used again: a number that fits no record
        would fail the dead letter too.
        """
        place = self._place(topic, partition, offset)
        cut_off = 0 if place is None else self._cut_off.get(place, 0)
        known = self._ids.find(meta.id)
        before = max(0 if known is None else self._ids.begun[known], cut_off)
        number = min(max(before + 1, meta.attempt + floor), NUMBER_MAX)
        self.attempted(meta.id, number)
        return number

    def attempted(self, cause_id: str, attempt: int) -> None:
        """Remember that a run with this number was begun."""
        self._begun(cause_id, attempt)

    def finished(self, meta: Meta) -> None:
        """Remember that an input has a closed outcome."""
        at = self._ids.enter(meta.id)
        begun = self._ids.begun[at] or _number(meta.attempt)
        self._ids.answered[at] = max(begun, self._ids.answered[at])
        self._ids.add(at, "finished", _number(meta.attempt))

    def _begun(self, cause_id: str, attempt: int) -> int:
        at = self._ids.enter(cause_id)
        self._ids.begun[at] = max(_number(attempt), self._ids.begun[at])
        return at

    def _place(self, topic: str, partition: int, offset: int) -> int | None:
        """Return a number for a place; None for one where no record lies."""
        source = self._sources.get((topic, partition))
        if source is None:
            source = len(self._sources)
            if source == SOURCES_MAX:
                return None
            self._sources[topic, partition] = source
        return source << OFFSET_BITS | offset if 0 <= offset < 2**OFFSET_BITS else None

    def _remember(self, where: dict[int, Any], place: int, value: int | None) -> None:
        where.pop(place, None)
        where[place] = value
        if len(where) > self._size:
            del where[next(iter(where))]


def _number(attempt: int) -> int:
    """Return a number that a record holds; a forged one may say any."""
    return min(max(attempt, 0), NUMBER_MAX)
