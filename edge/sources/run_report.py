"""What a run found and did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from edge.sources.settling import SettledReport

TOLD_MAX = 1_000  # things that are told one by one; the rest are counted
FoundOutcome = Literal["added", "changed", "removed", "unchanged", "skipped", "failed"]
OUTCOMES: tuple[FoundOutcome, ...] = (
    "added",
    "changed",
    "removed",
    "unchanged",
    "skipped",
    "failed",
)


@dataclass(frozen=True)
class ToldThing:
    """One document, or something that is none."""

    name: str
    outcome: FoundOutcome
    reason: str = ""


@dataclass
class RunReport:
    """Counts, and what is told by name; memory is bounded."""

    counts: Counter[FoundOutcome] = field(default_factory=Counter)
    told: list[ToldThing] = field(default_factory=list)
    left_out: int = 0
    """Things that are not told by name: TOLD_MAX are."""
    refused: int = 0
    """Documents that are gone and were not withdrawn, since they are too many."""
    held: int = 0
    """Documents that were held before."""
    incomplete: str = ""
    """Why something may be there that was not listed."""
    notes: list[str] = field(default_factory=list)
    """What an operator should know besides."""
    settled: SettledReport | None = None
    """What became of what was handed in, where that was waited for."""

    def add(self, name: str, outcome: FoundOutcome, reason: str = "") -> None:
        """Take in what became of one thing; what is as it was is counted only."""
        self.counts[outcome] += 1
        if outcome == "unchanged":
            return
        if len(self.told) < TOLD_MAX:
            self.told.append(ToldThing(name, outcome, reason))
        else:
            self.left_out += 1

    def note(self, text: str) -> None:
        """Take in a sentence; of many the first are kept."""
        if len(self.notes) < TOLD_MAX:
            self.notes.append(text)

    @property
    def changed_something(self) -> bool:
        """Whether anything was written, or went wrong."""
        return bool(self.refused) or any(
            self.counts[outcome] for outcome in OUTCOMES if outcome not in ("unchanged", "skipped")
        )

    @property
    def handed_in(self) -> int:
        """How many documents the steps have to do with now."""
        return sum(self.counts[outcome] for outcome in ("added", "changed", "removed"))

    @property
    def went_well(self) -> bool:
        """Whether each document that is there was taken in, and each that is gone followed."""
        if self.settled is not None and (self.settled.failed or self.settled.left):
            return False
        return not self.counts["failed"] and not self.refused

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        settled = {} if self.settled is None else {"settled": self.settled.as_json()}
        return settled | {
            "counts": {outcome: self.counts[outcome] for outcome in OUTCOMES},
            "complete": not self.incomplete,
            "incomplete": self.incomplete,
            "deletions_refused": self.refused,
            "told": [
                {"name": one.name, "outcome": one.outcome, "reason": one.reason}
                for one in self.told
            ],
            "not_told": self.left_out,
            "notes": self.notes,
        }
