"""What a step has already done, as far as it remembers: so that no finished event is run again.

Pure bookkeeping: `takeover.py` fills it when a lane comes, `replay verify` from the log.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas import Cause, Meta
from streams.delivery.progress import Progress

REMEMBERED = 20_000  # ids that a lane of a step keeps in memory: some 9 MB

NUMBER_MAX = 2**31 - 1
"""Of a run: records hold it in 32 bits. No step counts so far; a foreign record may say so."""

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
        self._seen: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._attempts: OrderedDict[str, int] = OrderedDict()
        self._cut_off: OrderedDict[tuple[str, int, int], int] = OrderedDict()
        self._closed: OrderedDict[tuple[str, int, int], str] = OrderedDict()
        """Place -> id of the input there; empty where only a commit told of it."""
        self._answered: OrderedDict[str, int] = OrderedDict()

    def learn(self, outcomes: Iterable[Outcome | Meta]) -> None:
        """Take in outcomes that are on the log; where there are too many, the last are kept."""
        for meta in outcomes:
            if meta.cause is None:
                continue
            cause = meta.cause
            self.attempted(cause.id, meta.attempt)
            if meta.last:
                self._remember(self._closed, (cause.topic, cause.partition, cause.offset), cause.id)
                self._answer(cause.id, meta.attempt)

    def inherit(self, topic: str, partition: int, done: Progress) -> None:
        """Take in what was done of a lane before it came; after the outcomes, which tell ids."""
        for offset in sorted(done.closed):
            place = (topic, partition, offset)
            self._remember(self._closed, place, self._closed.get(place, ""))
        for offset, attempt in sorted(done.open.items()):
            self._remember(self._cut_off, (topic, partition, offset), attempt)

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
        if self._closed.get((topic, partition, offset)) in {"", meta.id}:
            return True
        if rejected:
            return self._answered.get(meta.id, 0) > rejected
        return (meta.id, meta.attempt) in self._seen or (
            meta.cause is None and meta.id in self._answered
        )

    def begin(self, meta: Meta, topic: str, partition: int, offset: int, floor: int = 0) -> int:
        """Return the number of the next run over an input, and remember that it was begun.

        It is at or above the input's own attempt and what the runs of the lane's owner count from
        (`epochs`), and above those of all runs over the input's id: outcomes of a superseded input
        and of its successor have equal ids, and readers tell them apart by the attempt alone. Where
        a foreign record left none above, the highest is used again: a number that fits no record
        would fail the dead letter too.
        """
        place = (topic, partition, offset)
        before = max(self._attempts.get(meta.id, 0), self._cut_off.get(place, 0))
        number = min(max(before + 1, meta.attempt + floor), NUMBER_MAX)
        self.attempted(meta.id, number)
        return number

    def attempted(self, cause_id: str, attempt: int) -> None:
        """Remember that a run with this number was begun."""
        highest = max(attempt, self._attempts.get(cause_id, 0))
        self._remember(self._attempts, cause_id, highest)

    def finished(self, meta: Meta) -> None:
        """Remember that an input has a closed outcome."""
        self._remember(self._seen, (meta.id, meta.attempt))
        self._answer(meta.id, self._attempts.get(meta.id, meta.attempt))

    def _answer(self, cause_id: str, attempt: int) -> None:
        self._remember(self._answered, cause_id, max(attempt, self._answered.get(cause_id, 0)))

    def _remember(self, where: OrderedDict, key: object, value: object = None) -> None:  # type: ignore[type-arg]
        where[key] = value
        where.move_to_end(key)
        if len(where) > self._size:
            where.popitem(last=False)
