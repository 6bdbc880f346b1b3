"""Judge a log: was every question answered, once, in order, and nothing acknowledged that was not done?

It reads records and commit positions only, and knows nothing of what the workers were put through. A step's
outcomes over an input fall into attempts. The first attempt that is complete wins, as for every reader of the
log; the winner's records are the inputs that the next step owes an outcome.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from replay.log import Log
from replay.verify import lanes_of
from schemas import AnswerReleased, AnswerRetracted, Event, EventRejected, QuestionAsked
from streams.codec import Codec
from streams.topics import Step, topic_of

Place = tuple[str, int]  # topic, partition
Position = tuple[str, int]  # topic, offset, within one lane
TERMINAL = (AnswerReleased, AnswerRetracted, EventRejected)


@dataclass(frozen=True)
class Sample:
    """What was committed at a moment of the run, and where the topics ended just after it."""

    committed: Mapping[str, Mapping[Place, int]]
    ends: Mapping[Place, int]


@dataclass
class Judgement:
    """What a log shows. The lists name what is wrong; the numbers are for the reader."""

    lost: list[str] = field(default_factory=list)
    """Inputs without an outcome, and questions without an answer."""
    duplicates: list[str] = field(default_factory=list)
    """Different records with the same id and attempt, and questions with two answers."""
    disorder: list[str] = field(default_factory=list)
    """Outcomes that stand before an earlier one of their session."""
    offsets: list[str] = field(default_factory=list)
    """Commit positions that went back, or passed an input without an outcome."""
    questions: int = 0
    records: int = 0
    answered: int = 0
    rejected: int = 0
    superseded: int = 0
    """Records of attempts that did not win, or over inputs that did not."""
    repeated: int = 0
    """Attempts that were complete and came after another that was."""
    copies: int = 0
    """Records that lie on the log twice, byte for byte."""
    pending: int = 0
    """Inputs behind the commit position: work that the steps still had before them."""
    samples: int = 0

    @property
    def failures(self) -> list[str]:
        """Everything that is wrong."""
        return [*self.lost, *self.duplicates, *self.disorder, *self.offsets]


@dataclass(frozen=True, slots=True)
class Found:
    """A record as it lies in a lane."""

    topic: str
    offset: int
    event: Event
    value: bytes

    @property
    def position(self) -> Position:
        return self.topic, self.offset


Attempts = dict[int, dict[int, Found]]


def winner_of(attempts: Attempts) -> list[Found] | None:
    """Return the records of the first complete attempt."""
    for number in sorted(attempts):
        if (records := complete(attempts[number])) is not None:
            return records
    return None


def complete(records: Mapping[int, Found]) -> list[Found] | None:
    """Return the records of an attempt in order if none is missing up to the last."""
    ordered = [records[ordinal] for ordinal in sorted(records)]
    whole = sorted(records) == list(range(len(records))) and ordered[-1].event.meta.last
    return ordered if whole else None


def judge(
    log: Log, steps: Sequence[Step], asked: Collection[str] = (), samples: Sequence[Sample] = ()
) -> Judgement:
    """Judge a log of questions; `asked` are the requests that the broker acknowledged."""
    judged = Judgement(samples=len(samples))
    terminals: defaultdict[str, int] = defaultdict(int)
    seen: set[str] = set()
    for lane in lanes_of(log):
        _Lane(log, lane, judged, samples).judge(steps, terminals, seen)
    judged.questions = len(seen)
    judged.lost += [f"question {id_} is not on the log" for id_ in asked if id_ not in seen]
    judged.lost += [f"question {id_} has no answer" for id_ in sorted(seen - set(terminals))]
    judged.duplicates += [
        f"question {id_} has {number} answers" for id_, number in terminals.items() if number > 1
    ]
    return judged


class _Lane:
    """One lane: no step looks beyond it."""

    def __init__(self, log: Log, lane: int, judged: Judgement, samples: Sequence[Sample]) -> None:
        self._log = log
        self._lane = lane
        self._codec = Codec(log.ids)
        self._judged = judged
        self._samples = samples
        self._rejections: list[Found] = []

    def judge(
        self, steps: Sequence[Step], terminals: defaultdict[str, int], seen: set[str]
    ) -> None:
        """Follow the questions from step to step."""
        self._rejections = self._read(topic_of(EventRejected))
        inputs = self._read(topic_of(QuestionAsked))
        first = {found.event.meta.id: found for found in reversed(inputs)}
        owed = sorted(first.values(), key=lambda found: found.offset)
        seen.update(found.event.meta.request for found in owed)
        for step in steps:
            written = [found for record in step.writes for found in self._read(topic_of(record))]
            inputs, owed = written, self._step(step, inputs, owed, written)
            for found in owed:
                if isinstance(found.event, TERMINAL):
                    terminals[found.event.meta.request] += 1
                    self._judged.answered += not isinstance(found.event, EventRejected)
                    self._judged.rejected += isinstance(found.event, EventRejected)
            owed = [found for found in owed if not isinstance(found.event, TERMINAL)]

    def _read(self, topic: str) -> list[Found]:
        found = []
        for stored in self._log.records(topic, self._lane):
            assert stored.value is not None, f"{topic}[{self._lane}]@{stored.offset} is empty"
            event = self._codec.decode_any(stored.value)
            assert isinstance(event, Event)
            found.append(Found(topic, stored.offset, event, stored.value))
        self._judged.records += len(found)
        return found

    def _step(
        self, step: Step, inputs: list[Found], owed: list[Found], written: list[Found]
    ) -> list[Found]:
        """Judge one step; return the records that it rightly hands on, in the order that is due."""
        rejections = [
            found
            for found in self._rejections
            if isinstance(found.event, EventRejected) and found.event.step == step.name
        ]
        by_cause = self._attempts(step, [*written, *rejections])
        handed_on: list[Found] = []
        reached: dict[tuple[str, str], int] = {}
        for given in owed:
            meta = given.event.meta
            won = winner_of(by_cause[given.position])
            if won is None:
                self._judged.lost.append(
                    f"{self._at(given)} ({meta.request}) has no outcome of {step.name}"
                )
                continue
            for record in won:
                key = meta.session, record.topic
                if record.offset <= reached.get(key, -1):
                    self._judged.disorder.append(
                        f"{self._at(record)} stands before {record.topic}@{reached[key]}, "
                        f"an earlier outcome of the session {meta.session}"
                    )
                reached[key] = max(record.offset, reached.get(key, -1))
            handed_on += won
        winners = {record.position for record in handed_on}
        self._judged.superseded += sum(
            record.position not in winners
            for attempts in by_cause.values()
            for records in attempts.values()
            for record in records.values()
        )
        self._judged.repeated += sum(
            max(0, sum(complete(records) is not None for records in attempts.values()) - 1)
            for attempts in by_cause.values()
        )
        self._offsets(step, inputs, by_cause)
        return handed_on

    def _attempts(self, step: Step, outcomes: list[Found]) -> defaultdict[Position, Attempts]:
        """Sort outcomes by input, attempt and ordinal; what is there twice must be equal."""
        by_cause: defaultdict[Position, Attempts] = defaultdict(dict)
        by_id: dict[tuple[str, int], Found] = {}
        for found in outcomes:
            meta = found.event.meta
            first = by_id.setdefault((meta.id, meta.attempt), found)
            if first is not found:
                if first.value == found.value:
                    self._judged.copies += 1
                else:
                    self._judged.duplicates.append(
                        f"{self._at(found)} and {self._at(first)} of {step.name} differ: both are "
                        f"attempt {meta.attempt} of {meta.id}"
                    )
                continue
            assert meta.cause is not None
            cause = meta.cause.topic, meta.cause.offset
            by_cause[cause].setdefault(meta.attempt, {})[meta.ordinal] = found
        return by_cause

    def _offsets(
        self, step: Step, inputs: list[Found], by_cause: Mapping[Position, Attempts]
    ) -> None:
        """Hold what was committed against the outcomes that lay on the log by then."""
        closed: dict[int, list[Position] | None] = {}  # None: a copy, nothing is due
        known: set[tuple[str, int]] = set()
        topic = topic_of(step.reads[-1])
        for given in inputs:
            if given.topic != topic:
                continue
            meta = given.event.meta
            if (meta.id, meta.attempt) in known:
                closed[given.offset] = None
                continue
            known.add((meta.id, meta.attempt))
            closed[given.offset] = [
                records[-1].position
                for attempt in by_cause.get(given.position, {}).values()
                if (records := complete(attempt)) is not None
            ]
        committed = self._log.committed(step.name).get((topic, self._lane), 0)
        self._judged.pending += sum(offset >= committed for offset in closed)
        for offset, closings in closed.items():
            if offset < committed and closings == []:
                self._judged.offsets.append(
                    f"{step.name} acknowledged {topic}[{self._lane}]@{offset} and left no outcome"
                )
        below = 0
        for sample in self._samples:
            reached = sample.committed[step.name].get((topic, self._lane), 0)
            if reached < below:
                self._judged.offsets.append(
                    f"{step.name} went back in {topic}[{self._lane}]: from {below} to {reached}"
                )
            for offset in range(below, reached):
                closings = closed.get(offset)
                if closings and not any(
                    at < sample.ends.get((written_to, self._lane), 0) for written_to, at in closings
                ):
                    self._judged.offsets.append(
                        f"{step.name} acknowledged {topic}[{self._lane}]@{offset} before its outcome"
                    )
            below = max(below, reached)

    def _at(self, found: Found) -> str:
        return f"{found.topic}[{self._lane}]@{found.offset}"
