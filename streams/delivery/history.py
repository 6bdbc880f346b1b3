"""What a step has already done: so that a restart runs no finished event again.

At each assignment the tail of the step's own output topics is read back. It says which inputs have
a closed outcome though their offset was not committed yet, how many attempts the others have had,
and which requests were answered lately. Without it every kill would repeat finished work, model
calls included.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

from confluent_kafka import Consumer

from schemas import Cause, Event, EventRejected, Meta
from streams.delivery.lane import REACH
from streams.log.codec import Codec, Undecodable
from streams.log.reading import Extent, extent_of, new_consumer, records
from streams.settings import Settings
from streams.topics import INBOX, REQUESTS, Step, topic_of
from streams.watching.logs import logger

log = logger("history")

REMEMBERED = 20_000  # ids that a lane of a step keeps in memory: some 4 MB
READ_BACK = 64  # records in the first stride backwards; each further one is twice as long
READ_BACK_MAX = 200_000  # records of one topic's lane: some seconds; REACH inputs write fewer
WARM_RECORDS = 4_096  # read back where requests come in: a producer may send a copy long after
WARM_BYTES = 8_000_000  # or so many bytes, whichever is less: what a start may cost

RETRY = "retry"
"""Header of a dead letter that was put back: ATTEMPT@OFFSET of the run that was rejected.

The attempt is 0 where the record could not be read: then no run over its id was rejected."""


def rejected_attempt(headers: Mapping[str, bytes]) -> int:
    """Return the number of the run whose rejection a record is a retry of; 0 for other records."""
    attempt = headers.get(RETRY, b"").partition(b"@")[0]
    return int(attempt) if attempt.isdigit() and len(attempt) < 10 else 0


REQUEST_TOPICS = frozenset(topic.name for topic in (*REQUESTS, *INBOX))


class Outcome(NamedTuple):
    """A record that a step wrote, as far as it tells what was done."""

    cause: Cause
    attempt: int
    last: bool


class History:
    """Inputs that a step has run over, as far back as matters."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self._size = size
        self._seen: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._attempts: OrderedDict[str, int] = OrderedDict()
        self._closed: OrderedDict[tuple[str, int, int], None] = OrderedDict()
        self._answered: OrderedDict[str, int] = OrderedDict()

    def learn(self, outcomes: Iterable[Outcome | Meta]) -> None:
        """Take in outcomes that are on the log; where there are too many, the last are kept."""
        for meta in outcomes:
            if meta.cause is None:
                continue
            cause = meta.cause
            self.attempted(cause.id, meta.attempt)
            if meta.last:
                self._remember(self._closed, (cause.topic, cause.partition, cause.offset))
                self._answer(cause.id, meta.attempt)

    def duplicate(
        self, meta: Meta, topic: str, partition: int, offset: int, rejected: int = 0
    ) -> bool:
        """Say whether an input was run to its end before.

        It may be the same record delivered again, or a copy of it further on. A later attempt of
        the step before is no copy: it has the same id and supersedes. Nor is a dead letter that was
        put back, unless a run after the `rejected` one has ended: then it was put back twice.
        """
        if (topic, partition, offset) in self._closed:
            return True
        if rejected:
            return self._answered.get(meta.id, 0) > rejected
        return (meta.id, meta.attempt) in self._seen or (
            meta.cause is None and meta.id in self._answered
        )

    def next_attempt(self, meta: Meta) -> int:
        """Return the number of the next run over an input: above all runs over its id.

        Outcomes of a superseded input and of its successor have equal ids; readers tell them apart
        by the attempt alone.
        """
        return max(self._attempts.get(meta.id, 0) + 1, meta.attempt)

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


@dataclass(frozen=True)
class Taken:
    """A lane of an input topic that was assigned."""

    topic: str
    partition: int
    committed: int
    """The next offset that the step has not committed."""
    deep: bool = True
    """Whether nothing is known of it; a lane that was ours until now needs its newest end only."""


def read_back(
    settings: Settings, codec: Codec, step: Step, lanes: Sequence[Taken]
) -> list[Outcome]:
    """Read the newest outcomes of some lanes: at least those of all inputs not yet committed.

    Those of uncommitted inputs come last: a history that holds less than all keeps them.

    Blocks; call it in a thread. Raises KafkaException or TimeoutError where the broker does not
    answer. Where inputs are uncommitted it reads backwards until an outcome's input lies further
    back than any that could have been running beside them; where the inputs are requests, of which
    copies may come late, at least as far as WARM_RECORDS and WARM_BYTES allow.
    """
    inputs = {topic_of(record): record for record in step.reads}
    written: tuple[type[Event], ...] = (*step.writes, EventRejected)
    by_partition: dict[int, list[Taken]] = {}
    for lane in lanes:
        by_partition.setdefault(lane.partition, []).append(lane)
    found: list[Outcome] = []
    with closing(new_consumer(settings, f"{step.name}-read-back")) as consumer:
        for partition, taken in by_partition.items():
            ends = {lane.topic: extent_of(consumer, lane.topic, partition).end for lane in taken}
            for record in written:
                concerned = [
                    lane
                    for lane in taken
                    if record in (*step.flows[inputs[lane.topic]], EventRejected)
                ]
                far = {
                    lane.topic: lane.committed - REACH
                    if lane.committed < ends[lane.topic]
                    else None
                    for lane in concerned
                }
                deep = any(lane.deep and lane.topic in REQUEST_TOPICS for lane in concerned)
                found += _outcomes(consumer, codec, topic_of(record), partition, far, deep=deep)
    committed = {(lane.topic, lane.partition): lane.committed for lane in lanes}
    return sorted(
        found,
        key=lambda one: one.cause.offset >= committed[one.cause.topic, one.cause.partition],
    )


def _outcomes(
    consumer: Consumer,
    codec: Codec,
    topic: str,
    partition: int,
    far: Mapping[str, int | None],
    *,
    deep: bool,
) -> list[Outcome]:
    """Read outcomes stride by stride from the end, until those of each input topic lie far back.

    `far` holds, for each input topic, the offset before which nothing can be missing; None where
    everything is committed. Returns them in the order of the log.
    """
    if not far:
        return []
    now = extent_of(consumer, topic, partition)
    end, stride = now.end, READ_BACK
    floor = max(now.begin, end - READ_BACK_MAX)
    strides: list[list[Outcome]] = []
    seen = size = 0
    missing = {name: offset for name, offset in far.items() if offset is not None}
    while end > floor:
        start = max(floor, end - stride)
        found: list[Outcome] = []
        for message in records(consumer, [Extent(topic, partition, start, end)]):
            seen += 1
            size += len(message)
            try:
                event = codec.decode_any(message.value())
            except Undecodable:
                continue
            if not isinstance(event, Event) or (cause := event.meta.cause) is None:
                continue
            if cause.topic not in far or cause.partition != partition:
                continue
            # no more of it: a record may hold a megabyte, and thousands may be read
            found.append(Outcome(cause, event.meta.attempt, event.meta.last))
            if cause.offset < missing.get(cause.topic, cause.offset):
                del missing[cause.topic]
        strides.append(found)
        warm = not deep or seen >= WARM_RECORDS or size >= WARM_BYTES
        if not missing and warm:
            break
        end, stride = start, stride * 2
    if missing and floor > now.begin:
        log.warning("what was done is not known in full", topic=topic, lane=partition, read=seen)
    return [outcome for found in reversed(strides) for outcome in found]
