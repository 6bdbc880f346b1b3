"""The questions of a log, each with the run of every step that counted."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from replay.debugging.recorded_attempts import RecordedAttempt, attempts_in
from replay.lane_reader import LaneReader
from replay.log import Log, Stored
from replay.rules import StoredOutcome
from replay.selection import Selection
from schemas import Event, EventRejected, QuestionAsked
from streams.log.codec import Codec, Undecodable
from streams.topics import STEPS, Step, step, topic_of

CHAIN: tuple[Step, ...] = tuple(
    step(name) for name in ("redact", "rewrite", "retrieve", "generate", "moderate")
)
"""The steps from a question to its answer."""
ASKED_TOPIC = topic_of(QuestionAsked)
Grouped = Mapping[str, Mapping[str, list[StoredOutcome]]]
"""Request -> topic -> records."""


@dataclass(frozen=True)
class RecordedChain:
    """One question, and the runs of the chain's steps that counted."""

    stored: Stored
    asked: QuestionAsked
    runs: Mapping[str, Sequence[RecordedAttempt]]
    """Step -> its runs, by their inputs."""
    complete: bool
    """Whether every step came to its end over it, or one gave up."""

    def outcomes(self, name: str) -> list[Event]:
        """Return what a step came to."""
        runs = self.runs.get(name, ())
        return [outcome.event for run in runs for outcome in run.attempt.outcomes]

    @property
    def rejected(self) -> EventRejected | None:
        """The dead letter that ends it, if one does."""
        events = (event for name in self.runs for event in self.outcomes(name))
        return next((event for event in events if isinstance(event, EventRejected)), None)


def recorded_chains(
    log: Log, codec: Codec, selection: Selection, sample: int | None = None, seed: int = 0
) -> list[RecordedChain]:
    """Read the selected questions with what came of each, by the time of asking.

    Of more than `sample` some are drawn, the same for the same seed.
    """
    questions = _questions(log, codec, selection)
    if sample is not None and sample < len(questions):
        names = random.Random(seed).sample(sorted(questions), sample)  # noqa: S311 - no secret
        questions = {name: questions[name] for name in names}
    by_lane: defaultdict[int, dict[str, StoredOutcome]] = defaultdict(dict)
    for name, outcome in questions.items():
        by_lane[outcome.stored.partition][name] = outcome
    found = [
        chain
        for lane, asked in sorted(by_lane.items())
        for chain in _chains_of_lane(log, codec, lane, asked)
    ]
    return sorted(found, key=lambda chain: (chain.asked.meta.at, chain.asked.meta.request))


def _questions(log: Log, codec: Codec, selection: Selection) -> dict[str, StoredOutcome]:
    """Return the selected questions by request; of one that lies there twice the first."""
    questions: dict[str, StoredOutcome] = {}
    for topic, lane in sorted(log.extents()):
        if topic != ASKED_TOPIC:
            continue
        for stored, event in decoded_events(log, codec, topic, lane, None):
            if isinstance(event, QuestionAsked) and selection.takes(event.meta):
                key = f"{event.meta.tenant}\0{event.meta.request}"
                questions.setdefault(key, StoredOutcome(stored, event))
    return questions


def _chains_of_lane(
    log: Log, codec: Codec, lane: int, asked: Mapping[str, StoredOutcome]
) -> Iterator[RecordedChain]:
    reader = LaneReader(log, codec, lane, STEPS)
    wanted = {outcome.event.meta.request: key for key, outcome in asked.items()}
    grouped: defaultdict[str, defaultdict[str, list[StoredOutcome]]] = defaultdict(
        lambda: defaultdict(list)
    )
    topics = [*(topic_of(kind) for one in CHAIN for kind in one.writes), topic_of(EventRejected)]
    for topic in topics:
        for stored, event in decoded_events(log, codec, topic, lane, wanted):
            key = f"{event.meta.tenant}\0{event.meta.request}"
            if key in asked:
                grouped[key][topic].append(StoredOutcome(stored, event))
    for key, outcome in asked.items():
        grouped[key][ASKED_TOPIC].append(outcome)
        attempts = list(attempts_in(reader, grouped[key], CHAIN))
        del grouped[key]
        yield _chain_of(outcome, attempts)


def decoded_events(
    log: Log, codec: Codec, topic: str, lane: int, wanted: Mapping[str, str] | None
) -> Iterator[tuple[Stored, Event]]:
    """Read the events of a topic, of some requests or of all; what can't be read is nobody's."""
    for stored in log.records(topic, lane):
        named = dict(stored.headers).get("request", b"").decode("utf-8", "replace")
        if stored.value is None or (wanted is not None and named and named not in wanted):
            continue
        try:
            event = codec.decode_any(stored.value)
        except Undecodable:
            continue
        if isinstance(event, Event) and topic_of(event) == topic:
            yield stored, event


def _chain_of(asked: StoredOutcome, attempts: Sequence[RecordedAttempt]) -> RecordedChain:
    """Follow a question from run to run, each over the outcomes of the one before that counted."""
    assert isinstance(asked.event, QuestionAsked)
    counting = {
        (one.step.name, one.stored.topic, one.stored.offset): one
        for one in attempts
        if not one.attempt.superseded
    }
    runs: dict[str, list[RecordedAttempt]] = {}
    inputs, complete = [asked.stored], True
    for one in CHAIN:
        reads = {topic_of(kind) for kind in one.reads}
        found = [
            counting.get((one.name, stored.topic, stored.offset))
            for stored in inputs
            if stored.topic in reads
        ]
        if not found:
            break
        runs[one.name] = [run for run in found if run is not None]
        if len(runs[one.name]) < len(found):
            complete = False
            break
        inputs = [outcome.stored for run in runs[one.name] for outcome in run.attempt.outcomes]
    return RecordedChain(asked.stored, asked.event, runs, complete)
