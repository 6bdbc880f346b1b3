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
                 memory, an installed part, a key store that answers; or its attempt lies beside or
                 after the one that counts: two workers at once leave that, and so does a forger
    superseded   its step yields it and another attempt counts, since a crash cut its own off
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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from replay.log import Stored
from schemas import Event, Fail
from streams.log.ids import outcome_id
from streams.running.run import Input

Class = Literal["equal", "superseded", "erased", "unverifiable", "diverged"]
"""What is said of a record that could be decoded; one that could not is unreadable."""

NO_CAUSE_HERE = "it names no cause in its lane"
CAUSE_GONE = "its cause is not on the log"
NO_STEP = "no step of ours wrote it"
TOO_FEW = "the step yields fewer records than the log holds"
TOO_MANY = "the step yields more records than the log holds"
DISORDER = "it lies before a record of its attempt that was written earlier"


class StoredOutcome(NamedTuple):
    """A record that a step wrote, as it lies on the log and decoded."""

    stored: Stored
    event: Event
    fault: str = ""
    """What speaks against how it lies, whatever it says."""


class RecordVerdict(NamedTuple):
    """What is said of a record."""

    outcome: StoredOutcome
    said: Class
    reason: str = ""
    """Of a record that diverged or is unverifiable."""


@dataclass(frozen=True)
class Attempt:
    """What one run of a step over one input left on the log."""

    outcomes: Sequence[StoredOutcome]
    """By ordinal, each once; never empty."""
    superseded: bool
    """Whether another attempt counts in its place."""
    fault: str = ""
    """What speaks against it before anything is run."""
    doubt: str = ""
    """Why it is not known whether a step wrote it, though one might have."""

    @property
    def closed(self) -> bool:
        """Whether it was run to its end."""
        return self.outcomes[-1].event.meta.last

    @property
    def gave_up_at_once(self) -> bool:
        """Whether it is a letter alone, of a run that asked for nothing."""
        effects = self.outcomes[0].event.meta.effects
        return len(self.outcomes) == 1 and [one.kind for one in effects[1:]] == [Fail.SCHEMA]


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


def attempts_of(
    outcomes: Iterable[StoredOutcome],
    attempt_min: int = 1,
    put_back: Callable[[Stored], bool] = lambda _: False,
) -> tuple[list[Attempt], list[RecordVerdict]]:
    """Sort the outcomes of one input by attempts, oldest first; copies get their verdicts at once.

    Of records with one id the first counts. So does the first attempt that is closed. No run over
    the input had a number below `attempt_min`. `put_back`
    says of a copy whether a dead letter's mark explains it.
    """
    by_attempt: defaultdict[int, dict[int, StoredOutcome]] = defaultdict(dict)
    copies = []
    for outcome in outcomes:
        meta = outcome.event.meta
        first = by_attempt[meta.attempt].setdefault(meta.ordinal, outcome)
        if first is not outcome:
            copies.append(verdict_of_copy(outcome, first, explained=put_back(outcome.stored)))
    attempts: list[Attempt] = []
    closed, ends = 0, dict[str, int]()
    for number, by_ordinal in sorted(by_attempt.items()):
        ordered = [outcome for _, outcome in sorted(by_ordinal.items())]
        last = ordered[-1].event.meta.last
        attempt = Attempt(
            ordered,
            superseded=bool(closed) or not last,
            fault=_against_numbers(ordered, number, attempt_min),
            doubt=_doubt_of(ordered, ends, closed),
        )
        attempts.append(attempt)
        ends = {**ends, **_span(ordered, max)}
        if last and not closed:
            closed = number
    return attempts, copies


def _against_numbers(ordered: Sequence[StoredOutcome], number: int, attempt_min: int) -> str:
    """Say what speaks against the number of an attempt, or the order of its records."""
    if number < attempt_min:
        return f"attempt {number}: runs over its input count from {attempt_min}"
    if any(outcome.event.meta.last for outcome in ordered[:-1]):
        return "records of its attempt follow one that says it is the last"
    reached: dict[str, int] = {}
    for outcome in ordered:
        stored = outcome.stored
        if stored.offset <= reached.get(stored.topic, -1):
            return DISORDER
        reached[stored.topic] = stored.offset
    return ""


def _doubt_of(ordered: Sequence[StoredOutcome], ends: Mapping[str, int], closed: int) -> str:
    """Say why an attempt may not be one, given where those with lower numbers end."""
    if closed:
        return f"attempt {closed} closed its input: two workers at once, or a forger, wrote another"
    begins = _span(ordered, min)
    if any(begin < ends.get(topic, -1) for topic, begin in begins.items()):
        return "an attempt with a lower number lies behind it: written by two workers, or a forger"
    return ""


def _span(ordered: Iterable[StoredOutcome], pick: Callable[[int, int], int]) -> dict[str, int]:
    """Return, for each topic, the first or the last offset at which an attempt wrote."""
    span: dict[str, int] = {}
    for outcome in ordered:
        stored = outcome.stored
        span[stored.topic] = pick(span.get(stored.topic, stored.offset), stored.offset)
    return span


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
        elif attempt.doubt:
            yield RecordVerdict(outcome, "unverifiable", attempt.doubt)
        else:
            yield RecordVerdict(outcome, "superseded" if attempt.superseded else "equal")
    missing = outcomes[len(computed) :]
    if rerun.erased:
        said: Class = "unverifiable" if attempt.doubt else "erased"
        yield from (RecordVerdict(outcome, said, attempt.doubt) for outcome in missing)
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
