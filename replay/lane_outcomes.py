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
from schemas import AnswerReleased, EventRejected
from streams.topics import Step

TurnPlace = tuple[str, str, str]
"""Topic of outcomes, session, topic of inputs."""


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

    def schemas_of(self, topic: str) -> dict[int, int]:
        """Return the schema id of each record of a topic by its offset, where it has one."""
        return self._reader.schemas_of(topic)

    def read(self, step: Step) -> Iterable[StoredOutcome]:
        """Read what a step wrote, topic by topic, the dead letters last."""
        for record in step.writes:
            outcomes = self._reader.outcomes(record)
            self._tell_unreadable(outcomes.unreadable)
            yield from outcomes.read
        yield from self._rejections.pop(step.name, ())


class SessionTurns:
    """Inputs of sessions in the order in which their outcomes lie on a topic."""

    def __init__(self) -> None:
        self._seen: defaultdict[TurnPlace, list[int]] = defaultdict(list)
        self.passed: defaultdict[TurnPlace, list[int]] = defaultdict(list)
        """Offsets of inputs that have an outcome behind one of a later input."""

    def take(self, outcome: StoredOutcome) -> bool:
        """Take in the next outcome of a topic; say whether it has its turn."""
        meta, cause = outcome.event.meta, outcome.event.meta.cause
        assert cause is not None
        place = outcome.stored.topic, meta.session, cause.topic
        seen = self._seen[place]
        if seen and cause.offset < seen[-1]:
            self.passed[place].append(cause.offset)
            return False
        if not seen or seen[-1] != cause.offset:
            seen.append(cause.offset)
        return True

    def passers(self, place: TurnPlace, offset: int) -> Iterable[int]:
        """Name the later inputs of the session that had a turn."""
        return (one for one in self._seen[place] if one > offset)


class StepOutcomes:
    """What a step wrote in a lane, by the input behind it."""

    def __init__(self, lane: LaneOutcomes, step: Step) -> None:
        self._lane = lane
        self._by_cause: defaultdict[tuple[str, int], list[StoredOutcome]] = defaultdict(list)
        turns = SessionTurns()
        for outcome in lane.read(step):
            lane.checks.learn(outcome.event)
            cause = outcome.event.meta.cause
            if cause is None or cause.partition != outcome.stored.partition:
                lane.differs(outcome, NO_CAUSE_HERE)
                continue
            fault = against_headers(*outcome[:2]) or self._against_mark(outcome.stored)
            # one that was put back comes long after its turn
            if not lane.letters.explain(outcome.stored) and not turns.take(outcome) and not fault:
                fault = OUT_OF_TURN
            told = outcome._replace(fault=fault) if fault else outcome
            self._by_cause[cause.topic, cause.offset].append(told)
        if turns.passed:
            self._excuse(turns)

    def _excuse(self, turns: SessionTurns) -> None:
        """Take no offence at what waited for its schema, which its worker did not know yet.

        It waits alone, so later inputs of its session that were written with others pass it. What
        one run left for the next is not known then.
        """
        schemas = {
            topic: self._lane.schemas_of(topic) for topic in {place[2] for place in turns.passed}
        }
        for place, offsets in turns.passed.items():
            written = schemas[place[2]]
            for offset in offsets:
                if any(
                    written.get(by) == written.get(offset) for by in turns.passers(place, offset)
                ):
                    continue
                outcomes = self._by_cause[place[2], offset]
                meta = outcomes[0].event.meta
                self._lane.checks.disordered.add((meta.tenant, meta.session))
                self._by_cause[place[2], offset] = [
                    one._replace(fault="") if one.fault == OUT_OF_TURN else one for one in outcomes
                ]

    def _against_mark(self, stored: Stored) -> str:
        explained = not is_marked(stored) or self._lane.letters.explain(stored)
        return "" if explained else NO_LETTER

    def pop(self, stored: Stored) -> list[StoredOutcome]:
        """Take the outcomes of an input."""
        return self._by_cause.pop((stored.topic, stored.offset), [])

    def tell_without_cause(self) -> None:
        """Tell what is left: its inputs are not on the log."""
        for outcomes in self._by_cause.values():
            for outcome in outcomes:
                self._lane.differs(outcome, CAUSE_GONE)
