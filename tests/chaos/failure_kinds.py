"""Failures by kind: a busy machine fails a thousand requests in one way, and the one that fails in another must be seen.

Of one kind are lines that say the same of different places: ids, numbers and what was quoted are left out of it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

EXAMPLES_MAX = 5
LEFT_OUT = (
    (re.compile(r"\{.*\}"), "{…}"),
    (re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""), "'…'"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{32,}\b"), "…"),
    (re.compile(r"\d+(?:[.,]\d+)*"), "#"),
)
"""What tells lines of one kind apart, and what stands for it."""


@dataclass
class FailureKind:
    """Failures that say the same of different places."""

    kind: str
    count: int = 0
    examples: list[str] = field(default_factory=list)
    """The first EXAMPLES_MAX."""

    def take(self, failure: str) -> None:
        """Count a failure."""
        self.count += 1
        if self.count <= EXAMPLES_MAX:
            self.examples.append(failure)


def kind_of(failure: str) -> str:
    """Return what a failure says, without where."""
    for pattern, stand_in in LEFT_OUT:
        failure = pattern.sub(stand_in, failure)
    return failure


def kinds_in(failures: Iterable[str]) -> list[FailureKind]:
    """Sort failures by kind, in the order in which the kinds come."""
    kinds: dict[str, FailureKind] = {}
    for failure in failures:
        name = kind_of(failure)
        kinds.setdefault(name, FailureKind(name)).take(failure)
    return list(kinds.values())
