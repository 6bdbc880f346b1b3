"""The rules of verify: what is said of each record and of each input. Nothing here reads or runs.

A record of a derived topic gets the first class whose rule holds:

    unreadable   no record of its topic can be decoded from it
    diverged     it names no cause in its lane, or one that is not on the log, or a step that is
                 none of ours; or it does not lie as its step wrote it: before what followed it; or
                 a record before it has its id and other bytes; or its attempt has a number that no
                 run over its input had
    superseded   it is a copy of a record before it, put back by the mark of a dead letter
    unverifiable it is a copy of a record before it, and nothing says why
    erased       its step can't be run again: a key that the run needs was destroyed
    diverged     its step, run again over its input on the recorded effects of its attempt, yields
                 something else in its place: other bytes, another key or lane, nothing at all
    unverifiable its step can't be run again so far by this process, which lacks the means: time,
                 memory, an installed part, a key store that answers
    unverifiable its step yields it and it closes an answer that was cancelled, and the part of the
                 log that would say by whom is gone
    superseded   its step yields it and another attempt counts: a crash cut its own off, or two
                 workers ran its input, since one was thought dead and had records on their way
    equal        its step yields it, and it counts

What speaks against an attempt as a whole (effects that nobody asks for, records that are missing at
its end) is said of its last record, whatever that record is by itself.

An input of a step gets one too:

    duplicate    it has no outcome and was run to its end before (`streams.delivery.history`)
    answered     an attempt over it is closed: its last record is on the log
    pending      no attempt is closed, and its step has not acknowledged it: work in progress
    diverged     no attempt is closed, though its step has acknowledged it
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from replay.log import Stored
from schemas import Event, EventRejected, Fail
from streams.delivery.history import rejected_attempt
from streams.log.ids import outcome_id
from streams.running.run import Input

Class = Literal["equal", "superseded", "erased", "unverifiable", "diverged"]
"""What is said of a record that could be decoded; one that could not is unreadable."""

NO_CAUSE_HERE = "it names no cause in its lane"
CAUSE_GONE = "its cause is not on the log"
NO_STEP = "no step of ours wrote it"
TOO_FEW = "the step yields fewer records than the log holds"
TOO_MANY = "the step yields more records than the log holds"
DISORDER = "records of its attempt lie in another order than they were written in"
OUT_OF_TURN = "it lies behind an outcome of a later input of its session: these take turns"
SAME_SPAN = "another attempt over its input says that it ran within the same span: no two do"


class StoredOutcome(NamedTuple):
    """A record that a step wrote, as it lies on the log and decoded."""

    stored: Stored
    event: Event
    fault: str = ""
    """What speaks against how it lies, whatever it says."""


RunOutcomes = Sequence[StoredOutcome]
"""Of one run, by ordinal."""


class RecordVerdict(NamedTuple):
    """What is said of a record."""

    outcome: StoredOutcome
    said: Class
    reason: str = ""
    """Of a record that diverged or is unverifiable."""

    def doubted(self, doubt: str) -> RecordVerdict:
        """Take an equal record, which is a closing one, for unverifiable where there is a doubt."""
        if doubt and self.said == "equal" and self.outcome.event.meta.last:
            return self._replace(said="unverifiable", reason=doubt)
        return self


@dataclass(frozen=True)
class Attempt:
    """What one run of a step over one input left on the log."""

    outcomes: Sequence[StoredOutcome]
    """By ordinal, each once; never empty."""
    superseded: bool
    """Whether another attempt counts in its place."""
    fault: str = ""
    """What speaks against it before anything is run."""

    @property
    def closed(self) -> bool:
        """Whether it was run to its end."""
        return self.outcomes[-1].event.meta.last

    @property
    def rejected(self) -> bool:
        """Whether it ends with a dead letter."""
        return isinstance(self.outcomes[-1].event, EventRejected)

    @property
    def gave_up_at_once(self) -> bool:
        """Whether it is a letter alone, of a run that asked for nothing."""
        return gave_up_at_once(self.outcomes)


@dataclass(frozen=True)
class Rerun:
    """What came of running an attempt's step again."""

    computed: Sequence[Event]
    """What it yielded, as far as it came."""
    reason: str = ""
    """Why the record as a whole is not what it leads to, where that was seen."""
    erased: bool = False
    """Whether a key was gone that it needed."""
    lack: str = ""
    """What this process lacks to run it further, where it could not."""
    certain: bool = False
    """Whether the reason stands, whatever versions of libraries ran the step again."""


def attempts_of(
    outcomes: Iterable[StoredOutcome],
    attempt_min: int = 1,
    put_back: Callable[[Stored], bool] = lambda _: False,
) -> tuple[list[Attempt], list[RecordVerdict]]:
    """Sort the outcomes of one input by attempts, oldest first; copies get their verdicts at once.

    Of records with one id the first counts, unless each is of a run of its own. So does the first
    attempt that is closed. No run over the input had a number below `attempt_min`. `put_back` says
    of a copy whether a dead letter's mark explains it.
    """
    runs, copies = _runs_of(outcomes, put_back)
    counts = _that_counts(runs)
    return [
        Attempt(
            run if len(runs) == 1 else _excused(run, runs, counts=number == counts),
            superseded=number != counts,
            fault=_against_numbers(run, attempt_min) or _against_span(run, runs, number == counts),
        )
        for number, run in enumerate(runs)
    ], copies


def _runs_of(
    outcomes: Iterable[StoredOutcome], put_back: Callable[[Stored], bool]
) -> tuple[list[RunOutcomes], list[RecordVerdict]]:
    """Part the outcomes of an input by runs: by attempt, and by the span that is a run's own.

    Two workers may give one number: the second did not see what the first had on its way. What
    names a span in which nothing began is no run's, and is held against the first of its attempt.
    """
    outcomes = list(outcomes)
    begun: defaultdict[int, list[str]] = defaultdict(list)
    for outcome in outcomes:
        meta = outcome.event.meta
        if meta.ordinal == 0 and meta.trace not in begun[meta.attempt]:
            begun[meta.attempt].append(meta.trace)
    by_run: defaultdict[tuple[int, int], dict[int, StoredOutcome]] = defaultdict(dict)
    copies = []
    for outcome in outcomes:
        meta = outcome.event.meta
        spans = begun[meta.attempt]
        place = spans.index(meta.trace) if meta.trace in spans else 0
        first = by_run[meta.attempt, place].setdefault(meta.ordinal, outcome)
        if first is not outcome:
            copies.append(verdict_of_copy(outcome, first, explained=put_back(outcome.stored)))
    return [
        [outcome for _, outcome in sorted(by_ordinal.items())]
        for _, by_ordinal in sorted(by_run.items())
    ], copies


def _that_counts(runs: Sequence[RunOutcomes]) -> int:
    """Return which run counts, -1 for none: of those that are closed the first, if in its turn."""
    closed = [number for number, run in enumerate(runs) if run[-1].event.meta.last]
    return min(closed, key=lambda number: (_is_late(runs[number]), number), default=-1)


def _is_late(run: RunOutcomes) -> bool:
    return any(outcome.fault == OUT_OF_TURN for outcome in run)


def _excused(run: RunOutcomes, runs: Sequence[RunOutcomes], *, counts: bool) -> RunOutcomes:
    """Take no offence at the turn of a run, where another run over its input had it.

    Who takes a lane over runs what is not closed again, behind later inputs of the session whose
    outcomes the worker before had on the log. And what that one had on its way comes late.
    """
    in_turn = any(not _is_late(other) for other in runs if other is not run)
    if counts and not in_turn:
        return run
    return [one._replace(fault="") if one.fault == OUT_OF_TURN else one for one in run]


def _against_span(run: RunOutcomes, runs: Sequence[RunOutcomes], counts: bool) -> str:
    """Say what speaks against the span of a run that does not count.

    A run has one of its own, but for the letter of one that could not put its outcome.
    """
    if counts:
        return ""
    span = run[0].event.meta.trace
    same = (one for one in runs if one is not run and one[0].event.meta.trace == span)
    return SAME_SPAN if any(not _gave_up(run, one) for one in same) else ""


def _gave_up(one: RunOutcomes, other: RunOutcomes) -> bool:
    """Say whether one of two runs is the letter of the other, which is open."""
    return any(
        gave_up_at_once(letter) and not tried[-1].event.meta.last
        for letter, tried in ((one, other), (other, one))
    )


def gave_up_at_once(run: RunOutcomes) -> bool:
    """Say whether outcomes are a letter alone, of a run that asked for nothing."""
    effects = run[0].event.meta.effects
    return len(run) == 1 and [one.kind for one in effects[1:]] == [Fail.SCHEMA]


def _against_numbers(ordered: RunOutcomes, attempt_min: int) -> str:
    """Say what speaks against the number of an attempt, or the order of its records."""
    number = ordered[0].event.meta.attempt
    if number < attempt_min:
        return f"attempt {number}: runs over its input count from {attempt_min}"
    if any(outcome.event.meta.last for outcome in ordered[:-1]):
        return "records of its attempt follow one that says it is the last"
    reached: dict[str, int] = {}
    for outcome in ordered:
        stored = outcome.stored
        if stored.offset <= reached.get(stored.topic, -1):
            ordinal = outcome.event.meta.ordinal
            return f"{DISORDER}: at {stored.offset} lies number {ordinal}, before an earlier one"
        reached[stored.topic] = stored.offset
    return ""


def least_attempt(given: Input, stored: Stored) -> int:
    """Return the lowest number that a run over an input can have had."""
    before = rejected_attempt(dict(stored.headers))
    return max(1, given.event.meta.attempt, before + 1)


def verdict_of_copy(
    outcome: StoredOutcome, first: StoredOutcome, *, explained: bool
) -> RecordVerdict:
    """Judge a record that was published twice, or whose id another record has."""
    at = first.stored.offset
    if first.stored.value != outcome.stored.value:
        return RecordVerdict(outcome, "diverged", f"another record with its id stands at {at}")
    if explained:
        return RecordVerdict(outcome, "superseded")
    return RecordVerdict(
        outcome, "unverifiable", f"a copy of the record at {at}: no dead letter was put back here"
    )


def verdicts_of(
    attempt: Attempt,
    rerun: Rerun,
    difference: Callable[[StoredOutcome, Event], str],
    against_meta: Callable[[StoredOutcome], str] = lambda _: "",
) -> Iterator[RecordVerdict]:
    """Hold an attempt against what its step yields now.

    `difference` says what differs between two records, or nothing where their bytes are equal;
    `against_meta` what speaks against a record to which the step did not come. An attempt that was
    cut off must be a prefix of what its effects lead to.
    """
    if attempt.fault:
        yield from (
            RecordVerdict(outcome, "diverged", attempt.fault) for outcome in attempt.outcomes
        )
        return
    for verdict in _compared(attempt, rerun, difference):
        fault = verdict.outcome.fault
        if not fault and verdict.said in {"erased", "unverifiable"}:
            fault = against_meta(verdict.outcome)
        if fault and verdict.said != "diverged":
            yield RecordVerdict(verdict.outcome, "diverged", fault)
        else:
            yield verdict


def _compared(
    attempt: Attempt, rerun: Rerun, difference: Callable[[StoredOutcome, Event], str]
) -> Iterator[RecordVerdict]:
    outcomes, computed = attempt.outcomes, rerun.computed
    for outcome, event in zip(outcomes, computed, strict=False):
        if reason := difference(outcome, event):
            yield RecordVerdict(outcome, "diverged", reason)
        else:
            yield RecordVerdict(outcome, "superseded" if attempt.superseded else "equal")
    missing = outcomes[len(computed) :]
    if rerun.erased:
        yield from (RecordVerdict(outcome, "erased") for outcome in missing)
        return
    if rerun.lack:
        for outcome in missing or outcomes[-1:]:
            yield RecordVerdict(outcome, "unverifiable", rerun.lack)
        return
    for number, outcome in enumerate(missing):
        yield RecordVerdict(outcome, "diverged", (rerun.reason if number == 0 else "") or TOO_FEW)
    if len(computed) > len(outcomes) and attempt.closed:
        yield RecordVerdict(outcomes[-1], "diverged", TOO_MANY)
    elif rerun.reason and not missing:
        yield RecordVerdict(outcomes[-1], "diverged", rerun.reason)


def against_meta(step: str, given: Input, outcome: StoredOutcome) -> str:
    """Say what speaks against a record's identity, which needs no run and no key to be known."""
    meta, origin = outcome.event.meta, given.event.meta
    if meta.cause != given.cause:
        return "it names another cause than the input at that place"
    expected = {
        "id": outcome_id(origin.id, step, meta.ordinal),
        "tenant": origin.tenant,
        "lane": origin.lane,
        "request": origin.request,
        "session": origin.session,
    }
    for name, value in expected.items():
        if getattr(meta, name) != value:
            return f"meta.{name}: the log holds {getattr(meta, name)!r}, its input makes {value!r}"
    if meta.step.name != step:
        return f"meta.step.name: the log holds {meta.step.name!r}, its input is one of {step}"
    ended = max((one.started + one.took_us for one in meta.effects), default=meta.at)
    if meta.ordinal == 0 and meta.at != ended:
        return f"meta.at: the log holds {meta.at}, its last effect ended at {ended}"
    if outcome.stored.key != meta.tenant.encode() or outcome.stored.partition != meta.lane:
        return "it lies under another key than its tenant, or in another lane than its own"
    return ""


def against_open(step: str, offset: int, acknowledged: int) -> str:
    """Say what speaks against an input without a closed outcome; nothing where it is pending.

    `acknowledged` is the next offset that the step has not acknowledged.
    """
    if offset < acknowledged:
        return f"{step} acknowledged this input and left no closed outcome"
    return ""
