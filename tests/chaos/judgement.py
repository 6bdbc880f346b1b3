"""What a log is judged by and what the judgement says: lists of what is wrong, and numbers for the reader."""

from collections.abc import Collection, Mapping, Sequence, Sized
from dataclasses import dataclass, field, fields

Place = tuple[str, int]  # topic, partition


@dataclass
class Expected:
    """What whoever published the requests knows of them."""

    fates: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Lane and end of each request: answered, rejected, or either."""
    unreadable: set[tuple[str, int, int]] = field(default_factory=set)
    """Where records lie that are no requests."""
    flood: set[str] = field(default_factory=set)
    """Questions that one tenant asked all at once."""
    attempted: dict[str, int] = field(default_factory=dict)
    """Lane of each request that was sent, or was about to be, and of which no client has heard: it may be on the log."""

    def missing(self, ended: Collection[str], told_unreadable: Sized) -> int:
        """Count what has no end yet; of what no client has heard of, only what has one is known to be there."""
        unheard = sum(
            id_ in ended for id_ in list(self.attempted)
        )  # clients' threads add to it meanwhile
        owed = len(self.fates) + unheard + len(self.unreadable)
        return owed - len(ended) - len(told_unreadable)


@dataclass(frozen=True)
class Sample:
    """What each step had committed at a moment of the run, and where its topics ended right after it.

    Step by step, so that between a step's commits and the ends of what it writes lies one answer of the broker.
    """

    committed: Mapping[str, Mapping[Place, int]]
    """Step -> the next offset of each of its inputs, those of its folds among them."""
    ends: Mapping[str, Mapping[Place, int]]
    """Step -> the ends of the topics that it writes, and of the dead letters; where it has a fold, of those it reads."""


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
    folds: list[str] = field(default_factory=list)
    """Questions whose step had not been told of answers that were folded before it ran, or of more than there were."""
    runs: list[str] = field(default_factory=list)
    """Inputs that were run too often."""
    effects: list[str] = field(default_factory=list)
    """Calls that no outcome tells of, outcomes that no call led to, and inputs over which one was made too often."""
    requests: int = 0
    records: int = 0
    inputs: int = 0
    """Inputs that owed an outcome: hop-events."""
    answered: int = 0
    rejected: int = 0
    unheard: int = 0
    """Requests whose client gave up before it heard that they were taken in."""
    unreadable: int = 0
    """Records that are no requests; each has its dead letter."""
    superseded: int = 0
    """Records of attempts that did not win, or over inputs that did not."""
    repeated: int = 0
    """Attempts that were complete and came after another that was."""
    most_attempts: int = 0
    """Attempts over one input that left a record, at most."""
    most_repeated: int = 0
    """Complete attempts over one input, at most."""
    most_calls: int = 0
    """How often one effect of one input was asked for, at most."""
    calls: int = 0
    """Calls that connectors answered."""
    told: int = 0
    """Questions whose step must have been told of an answer before them."""
    dropped: int = 0
    """Copies of inputs that were rightly left alone."""
    copies: int = 0
    """Outcomes that lie on the log twice, byte for byte."""
    pending: int = 0
    """Inputs behind the commit position: work that the steps still had before them."""
    jumped: int = 0
    """Outcomes whose event time lies far from the requests': their worker's clock was wrong."""
    newer: int = 0
    """Outcomes of a worker of another code version."""
    samples: int = 0
    later: list[int] = field(default_factory=list)
    """For each neighbour of a flood, how many of its later questions ended before."""
    passed: list[int] = field(default_factory=list)
    """For each neighbour that had its end before earlier questions of a flood, before how many."""

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


def _is_most(name: str) -> bool:
    """Tell whether a number is the highest of all lanes rather than their sum; the samples are those of all."""
    return name == "samples" or name.startswith("most_")


def merged(judgements: Sequence[Judgement]) -> Judgement:
    """Add up what was found in different lanes."""
    total = Judgement()
    for judgement in judgements:
        for name, lines in judgement.wrong().items():
            getattr(total, name).extend(lines)
        total.later += judgement.later
        total.passed += judgement.passed
        for name, number in judgement.counted().items():
            before = getattr(total, name)
            setattr(total, name, max(before, number) if _is_most(name) else before + number)
    return total
