"""Judge a log: was every request ended, once, in order, and nothing acknowledged that was not done?

It reads records and commit positions only, and knows nothing of what the workers were put through. Its rules are its
own: it shares none with the runner's history or with verify. A step's outcomes over an input fall into attempts. The
first attempt that is complete wins, as for every reader of the log; the winner's records are the inputs that the next
step owes an outcome.

Lane by lane, since no step looks beyond one, and within a lane step by step. Of a record a row of a few short values
stays, and only until the steps that read its topic are judged: memory grows with the largest topics of one lane.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from typing import NamedTuple

from replay.log import Log, Stored
from schemas import DocumentSubmitted, DocumentWithdrawn, Event, EventRejected, QuestionAsked
from streams.log.codec import Codec, Undecodable
from streams.topics import Step, topic_of
from tests.chaos.steps import contradiction, is_end, tally

Place = tuple[str, int]  # topic, partition
Position = tuple[str, int]  # topic, offset, within one lane
REQUESTS = (QuestionAsked, DocumentSubmitted, DocumentWithdrawn)
REJECTED = topic_of(EventRejected)
JUMP_US = 900_000_000  # beyond a quarter of an hour an event time is a wrong clock's


@dataclass
class Expected:
    """What whoever published the requests knows of them."""

    fates: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Lane and end of each request: answered, rejected, or either."""
    unreadable: set[tuple[str, int, int]] = field(default_factory=set)
    """Where records lie that are no requests."""


@dataclass(frozen=True)
class Sample:
    """What was committed at a moment of the run, and where the topics ended just after it."""

    committed: Mapping[str, Mapping[Place, int]]
    ends: Mapping[Place, int]


@dataclass
class Judgement:
    """What a log shows. The lists name what is wrong; the numbers are for the reader."""

    lost: list[str] = field(default_factory=list)
    """Inputs without an outcome, requests without an end or not on the log."""
    invented: list[str] = field(default_factory=list)
    """Records that no request led to."""
    duplicates: list[str] = field(default_factory=list)
    """Different records with the same id and attempt, requests with two ends, copies that were run."""
    disorder: list[str] = field(default_factory=list)
    """Outcomes that stand before an earlier one of their session."""
    offsets: list[str] = field(default_factory=list)
    """Commit positions that went back, or passed an input without an outcome."""
    letters: list[str] = field(default_factory=list)
    """Requests that were rejected and should not, or the other way round; letters that are not the input."""
    tables: list[str] = field(default_factory=list)
    """Numbers of a session that skip or repeat: a table lost a row or was written twice."""
    requests: int = 0
    records: int = 0
    inputs: int = 0
    """Inputs that owed an outcome: hop-events."""
    answered: int = 0
    rejected: int = 0
    unreadable: int = 0
    """Records that are no requests; each has its dead letter."""
    superseded: int = 0
    """Records of attempts that did not win, or over inputs that did not."""
    repeated: int = 0
    """Attempts that were complete and came after another that was."""
    dropped: int = 0
    """Copies of inputs that were rightly left alone."""
    copies: int = 0
    """Outcomes that lie on the log twice, byte for byte."""
    pending: int = 0
    """Inputs behind the commit position: work that the steps still had before them."""
    jumped: int = 0
    """Outcomes whose event time lies far from the requests': their worker's clock was wrong."""
    samples: int = 0

    @property
    def failures(self) -> list[str]:
        """Everything that is wrong."""
        return [line for lines in self.wrong().values() for line in lines]

    def wrong(self) -> dict[str, list[str]]:
        """Return the lists by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.type == list[str]}

    def counted(self) -> dict[str, int]:
        """Return the numbers by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.type is int}


def merged(judgements: Sequence[Judgement]) -> Judgement:
    """Add up what was found in different lanes; the samples are those of all."""
    total = Judgement()
    for judgement in judgements:
        for name, lines in judgement.wrong().items():
            getattr(total, name).extend(lines)
        for name, number in judgement.counted().items():
            setattr(total, name, getattr(total, name) + number)
    total.samples = max((judgement.samples for judgement in judgements), default=0)
    return total


class Row(NamedTuple):
    """What the judge keeps of a record."""

    topic: str
    offset: int
    digest: bytes
    readable: bool
    id: str = ""
    attempt: int = 1
    ordinal: int = 0
    last: bool = True
    request: str = ""
    session: str = ""
    cause: Position = ("", -1)
    cause_id: str = ""
    end: bool = False
    tally: int = 0
    step: str = ""
    """Of a dead letter: the step that gave up."""
    copied: bytes = b""
    """Of a dead letter: digest of the bytes that it holds."""

    @property
    def position(self) -> Position:
        return self.topic, self.offset


Attempts = dict[int, dict[int, Row]]


def winner_of(attempts: Attempts) -> list[Row] | None:
    """Return the records of the first complete attempt."""
    for number in sorted(attempts):
        if (records := complete(attempts[number])) is not None:
            return records
    return None


def complete(records: Mapping[int, Row]) -> list[Row] | None:
    """Return the records of an attempt in order if none is missing up to the last."""
    ordered = [records[ordinal] for ordinal in sorted(records)]
    whole = sorted(records) == list(range(len(records))) and ordered[-1].last
    return ordered if whole else None


def digest_of(value: bytes | None) -> bytes:
    """Return what two records are compared by."""
    return b"" if value is None else blake2b(value, digest_size=12).digest()


def judge(
    log: Log,
    steps: Sequence[Step],
    expected: Expected | None = None,
    samples: Sequence[Sample] = (),
    lanes: Sequence[int] | None = None,
) -> Judgement:
    """Judge some lanes of a log, or all."""
    if lanes is None:
        found = {lane for _, lane in log.extents()}
        found |= {lane for lane, _ in expected.fates.values()} if expected else set()
        lanes = sorted(found)
    return merged([_Lane(log, lane, expected, samples).judge(steps) for lane in lanes])


class _Lane:
    """One lane of a log."""

    def __init__(
        self, log: Log, lane: int, expected: Expected | None, samples: Sequence[Sample]
    ) -> None:
        self._log = log
        self._lane = lane
        self._expected = expected
        self._samples = samples
        self._codec = Codec(log.ids)
        self._names: dict[str, str] = {}
        self._judged = Judgement(samples=len(samples))
        self._rows: dict[str, list[Row]] = {}
        self._owed: dict[str, list[Row]] = {}
        self._letters: defaultdict[str, list[Row]] = defaultdict(list)
        self._asked_us: list[int] = []
        self._ends: defaultdict[str, set[str]] = defaultdict(set)
        self._rejected: set[str] = set()

    def judge(self, steps: Sequence[Step]) -> Judgement:
        """Follow the requests from step to step."""
        asked = self._take_requests()
        read = {topic_of(record) for step in steps for record in step.reads}
        for row in self._read(EventRejected):
            self._letters[row.step].append(row)
        for step in steps:
            for record in step.writes:
                rows = self._rows[topic_of(record)] = self._read(record)
                self._judged.invented += [
                    f"{self._at(row)} can't be read" for row in rows if not row.readable
                ]
            self._step(step)
            for topic in {topic_of(record) for record in step.writes} - read:
                del self._rows[topic]
        for name, rows in self._letters.items():
            self._judged.invented += [
                f"{self._at(row)} is a dead letter of {name or 'no step'}" for row in rows
            ]
        self._judge_ends(asked)
        return self._judged

    # ------------------------------------------------------------------ reading

    def _take_requests(self) -> set[str]:
        asked: set[str] = set()
        for record in REQUESTS:
            topic = topic_of(record)
            rows = self._rows[topic] = self._read(record)
            seen: set[str] = set()
            owed = []
            for row in rows:
                if not row.readable:
                    self._judged.unreadable += 1
                elif row.id in seen:
                    continue
                seen.add(row.id)
                owed.append(row)
            self._owed[topic] = owed
            asked |= {row.request for row in owed if row.readable}
            if self._expected is not None:
                found = {(topic, self._lane, row.offset) for row in rows if not row.readable}
                meant = {
                    at for at in self._expected.unreadable if at[0] == topic and at[1] == self._lane
                }
                self._judged.lost += [
                    f"{topic}[{self._lane}]@{at[2]} was unreadable and is not"
                    for at in meant - found
                ]
                self._judged.invented += [
                    f"{topic}[{self._lane}]@{at[2]} can't be read" for at in found - meant
                ]
        return asked

    def _read(self, record: type[Event]) -> list[Row]:
        topic = topic_of(record)
        rows = [self._row(record, topic, s) for s in self._log.records(topic, self._lane)]
        self._judged.records += len(rows)
        return rows

    def _row(self, record: type[Event], topic: str, stored: Stored) -> Row:
        digest = digest_of(stored.value)
        try:
            event = self._codec.decode_any(stored.value)
        except Undecodable:
            event = None
        if not isinstance(event, record):
            return Row(topic, stored.offset, digest, readable=False)
        meta, cause = event.meta, event.meta.cause
        letter = isinstance(event, EventRejected)
        # a dead letter of a record that could not be read is nobody's: it has no tenant
        admitted = meta.lane == self._lane and (stored.key or b"") == meta.tenant.encode()
        if not admitted and not (letter and not meta.tenant):
            return Row(topic, stored.offset, digest, readable=False)
        if cause is None:
            self._asked_us = [min([*self._asked_us, meta.at]), max([*self._asked_us, meta.at])]
        elif self._asked_us and meta.tenant:
            first_us, last_us = self._asked_us
            self._judged.jumped += not first_us - JUMP_US < meta.at < last_us + JUMP_US
        wrong = contradiction(event)
        if wrong:
            self._judged.tables.append(f"{topic}[{self._lane}]@{stored.offset} {wrong}")
        return Row(
            topic,
            stored.offset,
            digest,
            readable=True,
            id=meta.id,
            attempt=meta.attempt,
            ordinal=meta.ordinal,
            last=meta.last,
            request=self._one(meta.request),
            session=self._one(meta.session),
            cause=(self._one(cause.topic), cause.offset) if cause is not None else ("", -1),
            cause_id=cause.id if cause is not None else "",
            end=is_end(event),
            tally=tally(event),
            step=event.step if isinstance(event, EventRejected) else "",
            copied=digest_of(event.value) if isinstance(event, EventRejected) else b"",
        )

    def _one(self, text: str) -> str:
        """Return one object for equal texts: requests and sessions stand in many records."""
        return self._names.setdefault(text, text)

    # ------------------------------------------------------------------ one step

    def _step(self, step: Step) -> None:
        """Judge one step; what it rightly hands on is owed by the next, in the order that is due."""
        written = [row for r in step.writes for row in self._rows[topic_of(r)] if row.readable]
        by_cause = self._attempts(step, [*written, *self._letters.pop(step.name, [])])
        winners: set[Position] = set()
        inputs = [topic_of(record) for record in step.reads]
        self._lineage(step, inputs, by_cause)
        for topic in inputs:
            owed = self._owed.pop(topic, [])
            self._judged.inputs += len(owed)
            reached: dict[tuple[str, str], Row] = {}
            tallies: dict[str, int] = {}
            for given in owed:
                attempts = by_cause.get(given.position, {})
                won = winner_of(attempts)
                if won is None:
                    self._judged.lost.append(
                        f"{self._at(given)} ({given.request}) has no outcome of {step.name}"
                    )
                    continue
                self._order(given, attempts, won, reached)
                for record in won:
                    self._hand_on(given, record, tallies)
                    winners.add(record.position)
            self._copies(step, topic, owed, by_cause)
            self._offsets(step, topic, by_cause)
            del self._rows[topic]
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
        for record in step.writes:
            self._owed.setdefault(topic_of(record), [])

    def _hand_on(self, given: Row, record: Row, tallies: dict[str, int]) -> None:
        if record.tally:
            due = tallies.get(record.session, 0) + 1
            if record.tally != due:
                self._judged.tables.append(
                    f"{self._at(record)} has number {record.tally} of {record.session}, due is {due}"
                )
            tallies[record.session] = record.tally
        if record.topic == REJECTED:
            if record.copied != given.digest:
                self._judged.letters.append(f"{self._at(record)} does not hold {self._at(given)}")
            if given.readable:
                self._rejected.add(record.request)
        elif not given.readable:
            self._judged.letters.append(
                f"{self._at(record)} is an outcome of {self._at(given)}, which can't be read"
            )
        if record.end:
            if given.readable:
                self._ends[record.request].add(record.id)
        else:
            self._owed.setdefault(record.topic, []).append(record)

    def _order(
        self, given: Row, attempts: Attempts, won: list[Row], reached: dict[tuple[str, str], Row]
    ) -> None:
        """Hold what an input led to against what the one before it in the session led to.

        Not even an attempt that was cut off may stand before: runs of a session follow each other.
        """
        if not given.readable:
            return
        first: dict[str, Row] = {}
        for records in attempts.values():
            for record in records.values():
                known = first.setdefault(record.topic, record)
                if record.offset < known.offset:
                    first[record.topic] = record
        for topic, record in first.items():
            before = reached.get((given.session, topic))
            if before is not None and record.offset <= before.offset:
                self._judged.disorder.append(
                    f"{self._at(record)} stands before {self._at(before)}, "
                    f"an earlier outcome of the session {given.session}"
                )
        for record in won:
            key = given.session, record.topic
            if key not in reached or record.offset > reached[key].offset:
                reached[key] = record

    def _attempts(self, step: Step, outcomes: list[Row]) -> dict[Position, Attempts]:
        """Sort outcomes by input, attempt and ordinal; what is there twice must be equal."""
        by_cause: defaultdict[Position, Attempts] = defaultdict(dict)
        by_id: dict[tuple[str, int], Row] = {}
        for row in outcomes:
            first = by_id.setdefault((row.id, row.attempt), row)
            if first is not row:
                if first.digest == row.digest:
                    self._judged.copies += 1
                else:
                    inputs = " and ".join(f"{r.cause[0]}@{r.cause[1]}" for r in (row, first))
                    self._judged.duplicates.append(
                        f"{self._at(row)} and {self._at(first)} of {step.name} differ: both are "
                        f"attempt {row.attempt} of {row.id}, over {inputs}"
                    )
                continue
            by_cause[row.cause].setdefault(row.attempt, {})[row.ordinal] = row
        return dict(by_cause)

    def _lineage(
        self, step: Step, inputs: list[str], by_cause: Mapping[Position, Attempts]
    ) -> None:
        """Check that every outcome has an input on the log, of the id that it names."""
        ids = {row.position: row for topic in inputs for row in self._rows.get(topic, ())}
        for cause, attempts in by_cause.items():
            given = ids.get(cause)
            for record in (r for records in attempts.values() for r in records.values()):
                if given is None or (given.readable and record.cause_id != given.id):
                    self._judged.invented.append(
                        f"{self._at(record)} names {cause[0]}@{cause[1]}, which is no input of "
                        f"{step.name} with the id {record.cause_id}"
                    )

    def _copies(
        self, step: Step, topic: str, owed: list[Row], by_cause: Mapping[Position, Attempts]
    ) -> None:
        """Check that a copy of an input was left alone."""
        first: dict[tuple[str, int], int] = {}
        for row in self._rows[topic]:
            if not row.readable:
                continue
            key = row.id, row.attempt  # a later attempt is no copy: it supersedes
            if first.setdefault(key, row.offset) == row.offset:
                continue
            if row.position in by_cause:
                self._judged.duplicates.append(
                    f"{self._at(row)} is a copy of {topic}@{first[key]}, and {step.name} ran it too"
                )
            else:
                self._judged.dropped += 1

    def _offsets(self, step: Step, topic: str, by_cause: Mapping[Position, Attempts]) -> None:
        """Hold what was committed against the outcomes that lay on the log by then."""
        closed: dict[int, list[Position] | None] = {}  # None: a copy, nothing is due
        known: set[tuple[str, int]] = set()
        for row in self._rows[topic]:
            key = row.id, row.attempt
            if row.readable and key in known:
                closed[row.offset] = None
                continue
            known.add(key)
            closed[row.offset] = [
                records[-1].position
                for attempt in by_cause.get(row.position, {}).values()
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

    # ------------------------------------------------------------------ the whole

    def _judge_ends(self, asked: set[str]) -> None:
        judged = self._judged
        judged.requests = len(asked)
        judged.rejected = len(self._rejected)
        judged.answered = len(self._ends.keys() - self._rejected)
        judged.lost += [f"request {id_} has no end" for id_ in sorted(asked - self._ends.keys())]
        judged.duplicates += [
            f"request {id_} has {len(ends)} ends"
            for id_, ends in self._ends.items()
            if len(ends) > 1
        ]
        if self._expected is None:
            return
        fates = {
            id_: fate for id_, (lane, fate) in self._expected.fates.items() if lane == self._lane
        }
        judged.lost += [f"request {id_} is not on the log" for id_ in sorted(fates.keys() - asked)]
        judged.invented += [f"nobody asked {id_}" for id_ in sorted(asked - fates.keys())]
        for id_, fate in fates.items():
            if fate == "answered" and id_ in self._rejected:
                judged.letters.append(f"request {id_} was rejected and should be answered")
            if fate == "rejected" and id_ in self._ends and id_ not in self._rejected:
                judged.letters.append(f"request {id_} was answered and should be rejected")

    def _at(self, row: Row) -> str:
        return f"{row.topic}[{self._lane}]@{row.offset}"
