"""The outcomes of a lane, by the inputs that caused them; what has none is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from replay.cross_checks.lane_checks import LaneChecks
from replay.lane_reader import LaneReader, Unread
from replay.log import Stored
from replay.places import NO_LETTER, Letters, against_headers, is_marked
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
from schemas import AnswerReleased, Cause, EventRejected
from streams.topics import Step


class LaneOutcomes:
    """Reads what the steps of a lane wrote; the dead letters of all of them at once."""

    def __init__(
        self, reader: LaneReader, selection: Selection, steps: Sequence[Step], report: Report
    ) -> None:
        self.letters = Letters()
        self.checks = LaneChecks(reader.chunks_of_other_lanes, follows_rows=selection.follows_rows)
        self._reader = reader
        self._selection = selection
        self._report = report
        self._rejections: defaultdict[str, list[StoredOutcome]] = defaultdict(list)
        self._strays: list[StoredOutcome] = []
        names = {step.name for step in steps}
        if any(AnswerReleased in step.writes for step in steps):
            # what is remembered of a conversation is read by a step before the one that writes it
            for _, event in reader.events(AnswerReleased):
                if isinstance(event, AnswerReleased):
                    self.checks.learn(event)
        outcomes = reader.outcomes(EventRejected)
        self._tell_unreadable(outcomes.unreadable)
        for outcome in outcomes.read:
            letter = outcome.event
            assert isinstance(letter, EventRejected)
            self.letters.add(letter)
            of_a_step = letter.step in names
            (self._rejections[letter.step] if of_a_step else self._strays).append(outcome)

    def of(self, step: Step) -> StepOutcomes:
        """Read what a step wrote, its dead letters included."""
        return StepOutcomes(self, step)

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

    def _tell_unreadable(self, unreadable: Iterable[Unread]) -> None:
        for unread in unreadable:
            if self._selection.takes_unread(unread.stored):
                self._report.records += 1
                self._report.unreadable.append(unread.at())

    def read(self, step: Step) -> Iterable[StoredOutcome]:
        """Read what a step wrote, topic by topic, the dead letters last."""
        for record in step.writes:
            outcomes = self._reader.outcomes(record)
            self._tell_unreadable(outcomes.unreadable)
            yield from outcomes.read
        yield from self._rejections.pop(step.name, ())


class StepOutcomes:
    """What a step wrote in a lane, by the input behind it."""

    def __init__(self, lane: LaneOutcomes, step: Step) -> None:
        self._lane = lane
        self._by_cause: defaultdict[tuple[str, int], list[StoredOutcome]] = defaultdict(list)
        turns: dict[tuple[str, str, str], int] = {}
        for outcome in lane.read(step):
            lane.checks.learn(outcome.event)
            cause = outcome.event.meta.cause
            if cause is None or cause.partition != outcome.stored.partition:
                lane.differs(outcome, NO_CAUSE_HERE)
                continue
            fault = (
                against_headers(*outcome[:2])
                or self._against_mark(outcome.stored)
                or self._against_turn(outcome, cause, turns)
            )
            told = outcome._replace(fault=fault) if fault else outcome
            self._by_cause[cause.topic, cause.offset].append(told)

    def _against_mark(self, stored: Stored) -> str:
        explained = not is_marked(stored) or self._lane.letters.explain(stored)
        return "" if explained else NO_LETTER

    def _against_turn(
        self, outcome: StoredOutcome, cause: Cause, turns: dict[tuple[str, str, str], int]
    ) -> str:
        """Say what speaks against a record's place among those of its session.

        Not against one that was put back, long after its turn.
        """
        stored, event = outcome.stored, outcome.event
        if self._lane.letters.explain(stored):
            return ""
        place = (stored.topic, event.meta.session, cause.topic)
        if cause.offset < turns.get(place, -1):
            return OUT_OF_TURN
        turns[place] = cause.offset
        return ""

    def pop(self, stored: Stored) -> list[StoredOutcome]:
        """Take the outcomes of an input."""
        return self._by_cause.pop((stored.topic, stored.offset), [])

    def tell_without_cause(self) -> None:
        """Tell what is left: its inputs are not on the log."""
        for outcomes in self._by_cause.values():
            for outcome in outcomes:
                self._lane.differs(outcome, CAUSE_GONE)
