"""The outcomes of a lane, by the inputs that caused them; what has none is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from replay.archive import BadArchive
from replay.cross_checks.lane_checks import LaneChecks
from replay.lane_reader import LaneReader, Tape, Unread
from replay.lane_survey import AHEAD, Heads, StepSurvey, TopicOffset
from replay.log import Stored
from replay.places import NO_LETTER, Letters, against_headers, is_marked
from replay.producers_asked import is_unproved
from replay.proved_records import ProvedRecords
from replay.report import Report
from replay.rules import (
    CAUSE_GONE,
    NO_CAUSE_HERE,
    NO_STEP,
    OUT_OF_TURN,
    RecordVerdict,
    StoredOutcome,
)
from replay.selection import Selection
from schemas import CancellationRequested, Event, EventRejected, SessionForked
from streams.running.cancellations import Wanted
from streams.topics import Step, topic_of

Tapes = Mapping[type[Event], Tape]


class LaneOutcomes:
    """Knows of a lane what is to be known before any of its steps is run again."""

    def __init__(
        self,
        reader: LaneReader,
        heads: Heads,
        selection: Selection,
        steps: Sequence[Step],
        report: Report,
        proved: ProvedRecords,
    ) -> None:
        """`proved` says who wrote what runs are told; may raise BadArchive where that is lost."""
        self.letters = Letters()
        self._proved = proved
        self.checks = LaneChecks(reader.chunks_of_other_lanes, follows_rows=selection.follows_rows)
        self.reader = reader
        self._selection = selection
        self._report = report
        self._rejections: defaultdict[str, list[StoredOutcome]] = defaultdict(list)
        self._strays: list[StoredOutcome] = []
        self.checks.wishes_lost = self._read_told(CancellationRequested)
        self.checks.forks_lost = self._read_told(SessionForked)
        self._read_letters({step.name for step in steps})
        self._surveys: dict[str, StepSurvey] = {}
        for number, step in enumerate(steps):
            survey = self._surveys[step.name] = StepSurvey(step, reader, self.letters)
            survey.look_through(heads, self.checks.learn, self._rejections[step.name])
            for session in survey.sessions:
                self.checks.disordered.setdefault(session, number)

    def _read_told(self, kind: type[Event]) -> str:
        """Read what runs are told of beside their inputs.

        All of it: whatever is selected may rest on it. What nobody proved was told to no run, but
        perhaps for wishes: whether a worker knew already that they must be signed can't be told.
        Returns why there may have been more.
        """
        lost = ""
        for stored, told in self.reader.events(kind):
            if isinstance(told, Unread):
                lost = f"{topic_of(kind)} holds one unreadable"
                continue
            try:
                if self._proved.proves(stored, told):
                    self.checks.learn(told)
                elif isinstance(told, CancellationRequested):
                    self.checks.unsigned.add(Wanted.of(told))
            except BadArchive as error:
                lost = f"who may write {topic_of(kind)} can't be read: {error}"
        return self.reader.gone_of(kind) or lost

    def _read_letters(self, steps: set[str]) -> None:
        for stored, letter in self.reader.events(EventRejected):
            if isinstance(letter, Unread):
                self.tell_unreadable(letter)
                continue
            assert isinstance(letter, EventRejected)
            self.letters.add(letter)
            if is_unproved(letter):
                self.reader.unproved.add((letter.topic, letter.offset))
            of_a_step = letter.step in steps
            kept = self._rejections[letter.step] if of_a_step else self._strays
            kept.append(StoredOutcome(stored, letter))

    def of(self, step: Step, tapes: Tapes) -> StepOutcomes:
        """Return what a step wrote, its dead letters included, to be read beside its inputs."""
        rejections = self._rejections.pop(step.name)
        return StepOutcomes(self, step, self._surveys.pop(step.name), tapes, rejections)

    def tell_strays(self) -> None:
        """Tell the dead letters that no step of ours wrote."""
        for outcome in self._strays:
            # one without a cause is the inbox's: like a request, it is the edge's own word
            if outcome.event.meta.cause is not None:
                self.differs(outcome, NO_STEP)

    def differs(self, outcome: StoredOutcome, reason: str) -> None:
        """Tell a record that is the outcome of no input, if it is selected by itself."""
        if self._selection.takes(outcome.event.meta):
            self._report.records += 1
            self._report.add(RecordVerdict(outcome, "diverged", reason))

    def tell_unreadable(self, unread: Unread) -> None:
        """Tell an outcome that can't be read, if it is selected."""
        if self._selection.takes_unread(unread.stored):
            self._report.records += 1
            self._report.unreadable.append(unread.at())

    def against_place(self, stored: Stored, event: Event) -> str:
        """Say what speaks against the headers of an outcome."""
        if reason := against_headers(stored, event):
            return reason
        explained = not is_marked(stored) or self.letters.explain(stored)
        return "" if explained else NO_LETTER


class _Topic:
    """A topic that a step writes, and how far it was read."""

    def __init__(self, record: type[Event], tape: Tape) -> None:
        self.name = topic_of(record)
        self.tape = tape
        self.over = False
        self.reached: dict[str, int] = {}
        """Topic of inputs -> the last one of which outcomes were read, but for late ones."""


class StepOutcomes:
    """What a step wrote in a lane, by the input behind it; read as far as its inputs need."""

    def __init__(
        self,
        lane: LaneOutcomes,
        step: Step,
        survey: StepSurvey,
        tapes: Tapes,
        rejections: Iterable[StoredOutcome] = (),
    ) -> None:
        self._lane = lane
        self._survey = survey
        self._by_cause: defaultdict[TopicOffset, list[StoredOutcome]] = defaultdict(list)
        written = {record: _Topic(record, tapes[record]) for record in step.writes}
        self._topics = list(written.values())
        self._flows = {
            topic_of(record): [written[one] for one in flow] for record, flow in step.flows.items()
        }
        self._rank = {topic.name: rank for rank, topic in enumerate(self._topics)}
        for outcome in rejections:
            self._take(outcome.stored, outcome.event)

    def pop(self, stored: Stored) -> list[StoredOutcome]:
        """Take the outcomes of the next input: in the order of topics, the dead letters last."""
        source, offset = place = stored.topic, stored.offset
        for topic in self._flows[source]:
            while not topic.over and topic.reached.get(source, -1) < offset + AHEAD:
                self._read_on(topic)
        found = self._by_cause.pop(place, [])
        if late := self._survey.late.pop(place, None):
            found += self._late(late)
        if len(found) > 1:
            found.sort(key=self._place)
        return found

    def _place(self, outcome: StoredOutcome) -> tuple[int, int]:
        stored = outcome.stored
        return self._rank.get(stored.topic, len(self._rank)), stored.offset

    def _read_on(self, topic: _Topic) -> None:
        """Read one more outcome of a topic."""
        entry = topic.tape.outcome()
        if entry is None:
            topic.over = True
            return
        stored, event = entry
        if isinstance(event, Unread):
            self._lane.tell_unreadable(event)
        elif (topic.name, stored.offset) not in self._survey.late_at:
            self._take(stored, event)
            cause = event.meta.cause
            if cause is not None and cause.partition == stored.partition:
                before = topic.reached.get(cause.topic, -1)
                if before < cause.offset < self._lane.reader.ends.get(cause.topic, 0):
                    topic.reached[cause.topic] = cause.offset

    def _take(self, stored: Stored, event: Event) -> None:
        cause = event.meta.cause
        if cause is None or cause.partition != stored.partition:
            self._lane.differs(StoredOutcome(stored, event), NO_CAUSE_HERE)
        else:
            self._by_cause[cause.topic, cause.offset].append(self._judged(stored, event))

    def _late(self, late: Iterable[Stored]) -> list[StoredOutcome]:
        """Read what lies late; what can't be read is told where its topic is."""
        entries = self._lane.reader.decoded(late)
        return [
            self._judged(stored, event)
            for stored, event in entries
            if not isinstance(event, Unread)
        ]

    def _judged(self, stored: Stored, event: Event) -> StoredOutcome:
        """Say what speaks against how an outcome lies."""
        fault = self._lane.against_place(stored, event)
        if not fault and (stored.topic, stored.offset) in self._survey.out_of_turn:
            fault = OUT_OF_TURN
        return StoredOutcome(stored, event, fault)

    def tell_without_cause(self) -> None:
        """Read the rest, and tell what is left: its inputs are not on the log."""
        for topic in self._topics:
            while not topic.over:
                self._read_on(topic)
        left = [*self._by_cause.values(), *map(self._late, self._survey.late.values())]
        for outcomes in left:
            for outcome in outcomes:
                self._lane.differs(outcome, CAUSE_GONE)
