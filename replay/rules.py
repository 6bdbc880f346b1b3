"""The rules of verify: what is said of each record and of each input. Nothing here reads or runs.

A record of a derived topic gets the first class whose rule holds:

    diverged     it can't be read; or it names no cause in its lane, or one that is not on the log,
                 or a step that is none of ours; or a record before it has its id and other bytes
    superseded   a record before it has its id and the same bytes
    erased       its step can't be run again: a key that the run needs was destroyed
    diverged     its step, run again over its input on the recorded effects of its attempt, yields
                 something else in its place: other bytes, another key or lane, nothing at all
    unverifiable its step can't be run again so far by this process, which lacks the means: time,
                 memory, an installed part, a key store that answers
    superseded   its step yields it and another attempt counts, since one before it is closed or
                 its own was cut off by a crash
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
from schemas import Event

Class = Literal["equal", "superseded", "erased", "unverifiable", "diverged"]

NO_CAUSE_HERE = "it names no cause in its lane"
CAUSE_GONE = "its cause is not on the log"
NO_STEP = "no step of ours wrote it"
TOO_FEW = "the step yields fewer records than the log holds"
TOO_MANY = "the step yields more records than the log holds"


class StoredOutcome(NamedTuple):
    """A record that a step wrote, as it lies on the log and decoded."""

    stored: Stored
    event: Event


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

    @property
    def closed(self) -> bool:
        """Whether it was run to its end."""
        return self.outcomes[-1].event.meta.last


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


def attempts_of(outcomes: Iterable[StoredOutcome]) -> tuple[list[Attempt], list[RecordVerdict]]:
    """Sort the outcomes of one input by attempts, oldest first; copies get their verdicts at once.

    Of records with one id the first counts. So does the first attempt that is closed.
    """
    by_attempt: defaultdict[int, dict[int, StoredOutcome]] = defaultdict(dict)
    copies = []
    for outcome in outcomes:
        meta = outcome.event.meta
        first = by_attempt[meta.attempt].setdefault(meta.ordinal, outcome)
        if first is not outcome:
            copies.append(verdict_of_copy(outcome, first))
    attempts: list[Attempt] = []
    closed = False
    for _, by_ordinal in sorted(by_attempt.items()):
        ordered = [outcome for _, outcome in sorted(by_ordinal.items())]
        last = ordered[-1].event.meta.last
        attempts.append(Attempt(ordered, superseded=closed or not last))
        closed = closed or last
    return attempts, copies


def verdict_of_copy(outcome: StoredOutcome, first: StoredOutcome) -> RecordVerdict:
    """Judge a record that was published twice, or whose id another record has."""
    if first.stored.value == outcome.stored.value:
        return RecordVerdict(outcome, "superseded")
    return RecordVerdict(
        outcome, "diverged", f"another record with its id stands at {first.stored.offset}"
    )


def verdicts_of(
    attempt: Attempt, rerun: Rerun, difference: Callable[[StoredOutcome, Event], str]
) -> Iterator[RecordVerdict]:
    """Hold an attempt against what its step yields now.

    `difference` says what differs between two records, or nothing where their bytes are equal. An
    attempt that was cut off must be a prefix of what its effects lead to.
    """
    outcomes, computed = attempt.outcomes, rerun.computed
    if rerun.erased:
        yield from (RecordVerdict(outcome, "erased") for outcome in outcomes)
        return
    for outcome, event in zip(outcomes, computed, strict=False):
        if reason := difference(outcome, event):
            yield RecordVerdict(outcome, "diverged", reason)
        else:
            yield RecordVerdict(outcome, "superseded" if attempt.superseded else "equal")
    missing = outcomes[len(computed) :]
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


def against_open(step: str, offset: int, acknowledged: int) -> str:
    """Say what speaks against an input without a closed outcome; nothing where it is pending.

    `acknowledged` is the next offset that the step has not acknowledged.
    """
    if offset < acknowledged:
        return f"{step} acknowledged this input and left no closed outcome"
    return ""
