"""What the steps did over one request, attempt by attempt: each can be run under a debugger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from replay.lane_reader import LaneReader
from replay.log import Log, Stored
from replay.one_request import records_of
from replay.places import Letters
from replay.rules import Attempt, StoredOutcome, attempts_of, least_attempt
from schemas import EventRejected
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
    by_lane: defaultdict[int, defaultdict[str, list[StoredOutcome]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for stored, event in records_of(log, codec, request):
        if topic_of(event) == stored.topic:
            by_lane[stored.partition][stored.topic].append(StoredOutcome(stored, event))
    return [
        one
        for lane, by_topic in sorted(by_lane.items())
        for one in attempts_in(LaneReader(log, codec, lane, steps), by_topic, steps)
    ]


def attempts_in(
    reader: LaneReader, by_topic: Mapping[str, Sequence[StoredOutcome]], steps: Sequence[Step]
) -> Iterator[RecordedAttempt]:
    """Sort the records of a request that lie in a lane, by topic, into runs of steps."""
    letters = Letters()
    for _, letter, _ in by_topic.get(topic_of(EventRejected), ()):
        assert isinstance(letter, EventRejected)
        letters.add(letter)
    for step in steps:
        by_cause: defaultdict[tuple[str, int], list[StoredOutcome]] = defaultdict(list)
        for topic in (*map(topic_of, step.writes), topic_of(EventRejected)):
            for outcome in by_topic.get(topic, ()):
                meta = outcome.event.meta
                if meta.cause is not None and meta.step.name == step.name:
                    by_cause[meta.cause.topic, meta.cause.offset].append(outcome)
        for record in step.reads:
            for stored, event, _ in by_topic.get(topic_of(record), ()):
                given = reader.input_of((stored, event))
                least = least_attempt(given, stored)
                outcomes = by_cause.get((stored.topic, stored.offset), [])
                attempts, _ = attempts_of(outcomes, least, letters.explain)
                for attempt in attempts:
                    yield RecordedAttempt(step, given, stored, attempt, least)
