"""What a log is judged by and what the judgement says: lists of what is wrong, and numbers for the reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

Place = tuple[str, int]  # topic, partition


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
