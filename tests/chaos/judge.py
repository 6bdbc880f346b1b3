"""Judge a log: was every request ended, once, in order, and nothing acknowledged that was not done?

It reads records and commit positions only, and knows nothing of what the workers were put through. Its rules are its
own: it shares none with the runner's history or with verify. A step's outcomes over an input fall into attempts. The
first attempt that is complete and in its turn wins, as for every reader of the log; the winner's records are the inputs
that the next step owes an outcome.

Lane by lane, since no step looks beyond one, and within a lane step by step. Of a record a row of a few short values
stays, and only until the steps that read its topic are judged: memory grows with the largest topics of one lane.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from edge.requests.inbox import EDGE
from replay.log import Log
from schemas import (
    AnswerReleased,
    DocumentSubmitted,
    DocumentWithdrawn,
    EventRejected,
    QuestionAsked,
)
from streams.topics import Step, group_of, topic_of
from tests.chaos.acknowledged import Acknowledged
from tests.chaos.ahead import END, TEXT, last_of, wrong_order
from tests.chaos.calls import CallsOf
from tests.chaos.commit_log import Commit
from tests.chaos.commits import went_back
from tests.chaos.effects import most_calls, wrong_calls
from tests.chaos.ends import judge_ends, judge_inbox, judge_unreadable
from tests.chaos.fairness import turns_of
from tests.chaos.folds import ANSWERED, STEP, Told, wrongly_told
from tests.chaos.judgement import Expected, Judgement, Sample, merged
from tests.chaos.rows import Attempts, LaneRows, Position, Row, winner_of
from tests.chaos.runs import counted, too_often

REQUESTS = (QuestionAsked, DocumentSubmitted, DocumentWithdrawn)
REJECTED = topic_of(EventRejected)


def judge(
    log: Log,
    steps: Sequence[Step],
    expected: Expected | None = None,
    samples: Sequence[Sample] = (),
    lanes: Sequence[int] | None = None,
    calls: Callable[[int], CallsOf] | None = None,
    commits: Sequence[Commit] = (),
) -> Judgement:
    """Judge some lanes of a log, or all; `calls` tells what connectors answered in a lane.

    `commits` are all that the broker wrote down, `samples` what was seen of them.
    """
    if lanes is None:
        held = {lane for _, lane in log.extents()}
        asked = {lane for lane, _ in expected.fates.values()} if expected else set()
        lanes = sorted(held | asked)
    return merged(
        [
            _LaneJudge(log, lane, expected, samples, calls and calls(lane), commits).judge(steps)
            for lane in lanes
        ]
    )


class _LaneJudge:
    """Judges one lane of a log."""

    def __init__(
        self,
        log: Log,
        lane: int,
        expected: Expected | None,
        samples: Sequence[Sample],
        calls: CallsOf | None,
        commits: Sequence[Commit],
    ) -> None:
        self._log = log
        self._lane = lane
        self._expected = expected
        self._samples = samples
        self._calls = calls
        self._commits: defaultdict[tuple[str, str], list[Commit]] = defaultdict(list)
        for commit in commits:
            if commit.lane == lane:
                self._commits[commit.group, commit.topic].append(commit)
        self._judged = Judgement(samples=len(samples))
        self._reader = LaneRows(log, lane, self._judged)
        self._rows: dict[str, list[Row]] = {}
        self._owed: dict[str, list[Row]] = {}
        self._letters: defaultdict[str, list[Row]] = defaultdict(list)
        self._ends: defaultdict[str, set[str]] = defaultdict(set)
        self._rejected: set[str] = set()
        self._told: list[Told] = []
        self._questions: dict[str, str] = {}
        self._released: dict[str, list[tuple[str, int]]] = {TEXT: [], END: []}

    def judge(self, steps: Sequence[Step]) -> Judgement:
        """Follow the requests from step to step."""
        asked = self._take_requests()
        read = {topic_of(record) for step in steps for record in step.reads}
        for row in self._reader.read(EventRejected):
            self._letters[row.step].append(row)
        for step in steps:
            for record in step.writes:
                rows = self._rows[topic_of(record)] = self._reader.read(record)
                self._judged.invented += [
                    f"{self._at(row)} can't be read" for row in rows if not row.readable
                ]
            self._step(step)
            if AnswerReleased in step.writes:
                self._answers(self._rows[ANSWERED])
            for topic in {topic_of(record) for record in step.writes} - read:
                del self._rows[topic]
        letters_of_inbox = self._letters.pop(EDGE, [])
        judge_inbox(self._judged, self._expected, self._lane, letters_of_inbox)
        for name, rows in self._letters.items():
            self._judged.invented += [
                f"{self._at(row)} is a dead letter of {name or 'no step'}" for row in rows
            ]
        judge_ends(self._judged, self._expected, self._lane, asked, self._ends, self._rejected)
        return self._judged

    # ------------------------------------------------------------------ reading

    def _take_requests(self) -> set[str]:
        asked: set[str] = set()
        for record in REQUESTS:
            topic = topic_of(record)
            rows = self._rows[topic] = self._reader.read(record)
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
            if record is QuestionAsked:
                self._questions = {row.request: row.tenant for row in owed if row.readable}
            judge_unreadable(self._judged, self._expected, topic, self._lane, rows)
        return asked

    # ------------------------------------------------------------------ one step

    def _step(self, step: Step) -> None:
        """Judge one step; what it rightly hands on is owed by the next, in the order that is due."""
        written = [row for r in step.writes for row in self._rows[topic_of(r)] if row.readable]
        by_cause = self._attempts(step, [*written, *self._letters.pop(step.name, [])])
        winners: set[Position] = set()
        inputs = [topic_of(record) for record in step.reads]
        by_id = _by_id(by_cause)
        self._lineage(step, inputs, by_cause)
        for topic in inputs:
            owed = self._owed.pop(topic, [])
            self._judged.inputs += len(owed)
            reached: dict[tuple[str, str], Row] = {}
            tallied: dict[str, list[Row]] = {}
            for given in owed:
                attempts = by_cause.get(given.position, {})
                won = winner_of(attempts) or winner_of(by_id.get(given.id, {}))
                if won is None:
                    self._judged.lost.append(
                        f"{self._at(given)} ({given.request}) has no outcome of {step.name}"
                    )
                    continue
                self._order(given, attempts, won, reached)
                for record in won:
                    if record.topic in self._released:
                        self._released[record.topic].append((record.request, record.offset))
                    self._hand_on(given, record._replace(waits=given.waits), tallied)
                    winners.add(record.position)
            self._tallies(tallied)
            self._copies(step, topic, owed, by_cause)
            self._effects(step, topic, by_cause)
            self._offsets(step, topic, by_cause)
            del self._rows[topic]
        self._judged.superseded += sum(
            record.position not in winners
            for attempts in by_cause.values()
            for records in attempts.values()
            for record in records.values()
        )
        self._runs(step, by_cause)
        for record in step.writes:
            self._owed.setdefault(topic_of(record), [])

    def _runs(self, step: Step, by_cause: Mapping[Position, Attempts]) -> None:
        """Count how often inputs were run."""
        judged = self._judged
        for attempts in by_cause.values():
            begun, ended = counted(attempts)
            judged.repeated += max(0, ended - 1)
            judged.most_attempts = max(judged.most_attempts, begun)
            judged.most_repeated = max(judged.most_repeated, ended)
        judged.runs += too_often(step.name, self._lane, by_cause)

    def _effects(self, step: Step, topic: str, by_cause: Mapping[Position, Attempts]) -> None:
        """Hold what connectors answered for the inputs of a topic against the outcomes."""
        if self._calls is None:
            return
        judged, rows = self._judged, self._rows[topic]
        judged.effects += wrong_calls(step.name, rows, by_cause, self._calls, self._lane)
        most, total = most_calls(rows, by_cause, self._calls)
        judged.most_calls = max(judged.most_calls, most)
        judged.calls += total

    def _answers(self, answers: list[Row]) -> None:
        """Hold the answers of a lane against what questions were told of, and against their turns."""
        wrong, told = wrongly_told(self._told, answers, self._samples, self._lane)
        self._judged.folds += wrong
        self._judged.told += told
        self._judged.offsets += [
            f"{STEP} went back in {ANSWERED}[{self._lane}]: from {below} to {reached}"
            for below, reached in went_back(self._samples, STEP, ANSWERED, self._lane)
        ]
        ends, texts = last_of(self._released[END]), last_of(self._released[TEXT])
        self._judged.disorder += wrong_order(ends, texts, self._samples, self._lane)
        flood = self._expected.flood if self._expected else set()
        tenants = {tenant for id_, tenant in self._questions.items() if id_ in flood}
        asked = [(id_, tenant not in tenants) for id_, tenant in self._questions.items()]
        turns = turns_of(asked, {row.request: row.offset for row in answers}, flood)
        self._judged.later += [turn.later for turn in turns]
        self._judged.passed += [turn.passed for turn in turns if turn.passed]

    def _tallies(self, tallied: Mapping[str, list[Row]]) -> None:
        """Hold the numbers of sessions against the order of inputs; where one may have waited, of their runs.

        An input that was rejected may have taken a number: a write that is given up at the deadline may land all the same.
        """
        for session, records in tallied.items():
            if any(record.waits for record in records):
                # letters first: their offsets are another topic's
                records.sort(key=lambda record: (record.tally > 0, record.offset))
            before = spare = 0
            for record in records:
                if not record.tally:
                    spare += 1
                    continue
                skipped = record.tally - before - 1
                if not 0 <= skipped <= spare:
                    self._judged.tables.append(
                        f"{self._at(record)} has number {record.tally} of {session}, "
                        f"due is {before + 1}"
                    )
                spare -= max(0, skipped)
                before = record.tally

    def _hand_on(self, given: Row, record: Row, tallied: dict[str, list[Row]]) -> None:
        if record.turns >= 0:
            self._told.append(Told(given.offset, given.session, given.request, record.turns))
        if record.tally or record.topic == REJECTED:
            tallied.setdefault(record.session, []).append(record)
        if record.topic == REJECTED:
            if record.copied != (b"" if given.too_large else given.digest):
                self._judged.letters.append(f"{self._at(record)} does not hold {self._at(given)}")
            if given.readable:
                self._rejected.add(record.request)
        elif not given.readable:
            self._judged.letters.append(
                f"{self._at(record)} is an outcome of {self._at(given)}, which can't be read"
            )
        if record.end:
            if given.readable:
                # dead letters of several batches of one answer are one end: it was rejected
                self._ends[record.request].add("" if record.topic == REJECTED else record.id)
        else:
            self._owed.setdefault(record.topic, []).append(record)

    def _order(
        self, given: Row, attempts: Attempts, won: list[Row], reached: dict[tuple[str, str], Row]
    ) -> None:
        """Hold what an input led to against what the one before it in the session led to.

        Not even an attempt that was cut off may stand before: runs of a session follow each other. But one that waited
        for its schema is passed by later ones (docs/decisions/0029).
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
        for record in won if not given.waits else ():
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
        acknowledged = Acknowledged(
            step.name,
            topic,
            self._lane,
            self._log.committed(step.name).get((topic, self._lane), 0),
            self._samples,
            self._commits[group_of(step.name), topic],
        )
        wrong, pending = acknowledged.judge(self._rows[topic], by_cause)
        self._judged.offsets += wrong
        self._judged.pending += pending

    def _at(self, row: Row) -> str:
        return f"{row.topic}[{self._lane}]@{row.offset}"


def _by_id(by_cause: Mapping[Position, Attempts]) -> dict[str, Attempts]:
    """Put the runs over all records with one id together: a record may lie on the log twice, by two runs."""
    by_id: defaultdict[str, Attempts] = defaultdict(dict)
    for attempts in by_cause.values():
        for number, records in attempts.items():
            cause_id = next(iter(records.values())).cause_id
            if cause_id:
                by_id[cause_id].setdefault(number, records)
    return dict(by_id)
