"""What the steps did over one request, attempt by attempt: each can be run under a debugger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from replay.lane_reader import LaneReader
from replay.log import Log, Stored
from replay.one_request import events_of
from replay.places import Letters
from replay.rules import Attempt, StoredOutcome, attempts_of, least_attempt
from schemas import Event, EventRejected
from streams.log.codec import Codec
from streams.running.run import Input
from streams.topics import STEPS, Step, topic_of


@dataclass(frozen=True)
class RecordedAttempt:
    """One run of a step over one input, as the log holds both."""

    step: Step
    given: Input
    stored: Stored
    """The input as it lies on the log."""
    attempt: Attempt
    least: int
    """The lowest number that a run over the input can have had."""

    @property
    def number(self) -> int:
        """Which run over its input it was."""
        return self.attempt.outcomes[0].event.meta.attempt

    def __str__(self) -> str:
        place = f"{self.given.topic}[{self.given.partition}]@{self.given.offset}"
        return f"{self.step.name} over {place}, attempt {self.number}"


def attempts_on(
    log: Log, codec: Codec, request: str, steps: Sequence[Step] = STEPS
) -> list[RecordedAttempt]:
    """Find what each step did over a request, in the order of the chain.

    Raises LookupError where the log holds no record of it.
    """
    lanes = sorted({event.meta.lane for event in events_of(log, request)})
    return [one for lane in lanes for one in _in_lane(log, codec, lane, request, steps)]


def _in_lane(
    log: Log, codec: Codec, lane: int, request: str, steps: Sequence[Step]
) -> Iterator[RecordedAttempt]:
    reader = LaneReader(log, codec, lane, steps)
    rejected = list(_records(reader, EventRejected, request))
    letters = Letters()
    for _, letter in rejected:
        assert isinstance(letter, EventRejected)
        letters.add(letter)
    for step in steps:
        by_cause: defaultdict[tuple[str, int], list[StoredOutcome]] = defaultdict(list)
        written = [one for record in step.writes for one in _records(reader, record, request)]
        for stored, event in (*written, *rejected):
            if event.meta.cause is not None and event.meta.step.name == step.name:
                place = event.meta.cause.topic, event.meta.cause.offset
                by_cause[place].append(StoredOutcome(stored, event))
        for record in step.reads:
            for stored, event in _records(reader, record, request):
                given = reader.input_of((stored, event))
                least = least_attempt(given, stored)
                outcomes = by_cause.get((stored.topic, stored.offset), [])
                attempts, _ = attempts_of(outcomes, least, letters.explain)
                for attempt in attempts:
                    yield RecordedAttempt(step, given, stored, attempt, least)


def _records(
    reader: LaneReader, record: type[Event], request: str
) -> Iterator[tuple[Stored, Event]]:
    """Read the records of a type that are of a request; what can't be read is nobody's."""
    needle = request.encode()
    named = (one for one in reader.records(topic_of(record)) if needle in (one.value or b""))
    for stored, event in reader.decoded(named):
        if isinstance(event, Event) and event.meta.request == request:
            yield stored, event
