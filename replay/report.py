"""What a verification reports: counts, and each difference with its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from replay.log import Stored
from replay.rules import RecordVerdict

ENTRIES = ("diverged", "unverifiable", "unreadable")
"""Classes of which each record is listed, as far as there is room."""
LISTED_MAX = 10_000
"""Of each class: a log of which nothing is left would fill memory with what is said of it."""
COUNTS = (
    "records",
    "equal",
    "erased",
    "superseded",
    "duplicates",
    "pending",
    "before_its_time",
    "inputs",
)
"""What is added up over lanes."""
EQUAL, DIFFERS, NOT_VERIFIED = 0, 1, 3
"""How `replay verify` exits: 2 is for wrong usage, where nothing was selected, say."""


@dataclass(frozen=True)
class Difference:
    """A record that is not the outcome of its input and effects, or an input without one."""

    topic: str
    partition: int
    offset: int
    id: str
    step: str
    reason: str

    @classmethod
    def at(cls, stored: Stored, event_id: str, step: str, reason: str) -> Difference:
        """Say what speaks against a record, with the place where it lies."""
        return cls(stored.topic, stored.partition, stored.offset, event_id, step, reason)

    def as_json(self) -> dict[str, Any]:
        """Return it as the contract spells it."""
        return dict(vars(self))


class ListedDifferences(list[Difference]):
    """Differences in the order in which they were found: the first are listed, all are counted."""

    unlisted = 0
    """How many came when there was no room any more."""

    def append(self, entry: Difference) -> None:
        """Take one in."""
        if len(self) < LISTED_MAX:
            super().append(entry)
        else:
            self.unlisted += 1

    def extend(self, entries: Iterable[Difference]) -> None:
        """Take several in, and those that they do not list."""
        self.unlisted += getattr(entries, "unlisted", 0)
        for entry in entries:
            self.append(entry)

    def __iadd__(self, entries: Iterable[Difference]) -> Self:  # type: ignore[override,misc]
        """Do the same."""
        self.extend(entries)
        return self


@dataclass
class Report:
    """What a verification came to; counts are records of derived topics (see `replay.rules`)."""

    records: int = 0
    equal: int = 0
    diverged: list[Difference] = field(default_factory=ListedDifferences)
    unverifiable: list[Difference] = field(default_factory=ListedDifferences)
    """Records of which it can't be said here whether a step wrote them, each with the reason."""
    unreadable: list[Difference] = field(default_factory=ListedDifferences)
    """Records of derived topics that are none, which no step of ours writes."""
    erased: int = 0
    superseded: int = 0
    pending: int = 0
    """Inputs whose step had not acknowledged them yet: work in progress, not a difference."""
    duplicates: int = 0
    """Copies of inputs that were run before: their steps rightly left them alone."""
    before_its_time: int = 0
    """Inputs without an outcome, of older code that had no such step yet: nothing is missing."""
    inputs: int = 0
    """Inputs whose steps were run again."""
    model_calls: int = 0
    """Always 0: nothing that could call a model is within reach of a recorded run."""
    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Count what is given in lists, too."""
        for name in ENTRIES:
            found = ListedDifferences()
            found.extend(getattr(self, name))
            setattr(self, name, found)

    def add(self, verdict: RecordVerdict) -> None:
        """Take in what is said of a record."""
        match verdict.said:
            case "equal":
                self.equal += 1
            case "superseded":
                self.superseded += 1
            case "erased":
                self.erased += 1
            case "diverged" | "unverifiable" as said:
                meta = verdict.outcome.event.meta
                entries = self.diverged if said == "diverged" else self.unverifiable
                entries.append(
                    Difference.at(verdict.outcome.stored, meta.id, meta.step.name, verdict.reason)
                )

    def found(self, name: str) -> int:
        """Count the records of a class that is listed, with those for which there was no room."""
        entries = getattr(self, name)
        count: int = len(entries) + entries.unlisted
        return count

    @property
    def status(self) -> int:
        """How a process that verified exits: tampering is told from a lack of means."""
        if self.diverged or self.unreadable:
            return DIFFERS
        nothing_done = self.pending and not self.records
        return NOT_VERIFIED if self.unverifiable or nothing_done else EQUAL

    @property
    def empty(self) -> bool:
        """Whether there was nothing to verify: then nothing was shown."""
        return not (self.records or self.inputs or self.duplicates or self.status)

    def as_json(self) -> dict[str, Any]:
        """Return it as the contract spells it."""
        values = dict(vars(self))
        for name in ENTRIES:
            values[name] = [entry.as_json() for entry in values[name]]
        values["unlisted"] = {name: self.found(name) - len(values[name]) for name in ENTRIES}
        values["seconds"] = round(self.seconds, 3)
        return values


def merged(reports: Sequence[Report]) -> Report:
    """Add reports of different lanes up; they were made side by side."""
    total = Report()
    for report in reports:
        for name in ENTRIES:
            getattr(total, name).extend(getattr(report, name))
        for name in COUNTS:
            setattr(total, name, getattr(total, name) + getattr(report, name))
        total.seconds = max(total.seconds, report.seconds)
    return total
