"""What becomes of a poison, and whether that is as it should be."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fate:
    """What became of one poison."""

    what: str
    """A dead letter and of which step, a status, or how its answer or document ended."""
    told: bool
    """Whether whoever sent it, or who reads the dead letters, is told what is wrong or has an answer."""


@dataclass(frozen=True)
class Poison:
    """Something that may stop more than itself."""

    name: str
    give: Callable[[], Fate]
    """Sends it, and waits for what becomes of it."""


@dataclass(frozen=True)
class Tasted:
    """A poison that was given."""

    poison: str
    fate: Fate
    began_s: float
    """On the monotonic clock."""
    ended_s: float
    went_on: bool
    """Whether a question of the same tenant had its answer after it."""
    restarts: int
    """Of any component, since it was given."""
    again: tuple[tuple[float, float], ...] = ()
    """From when until when it was given again, for enough neighbours to meet it."""

    @property
    def spans(self) -> tuple[tuple[float, float], ...]:
        """From when until when it had its way, each time."""
        return (self.began_s, self.ended_s), *self.again

    @property
    def seconds(self) -> float:
        """Until it had its fate."""
        return self.ended_s - self.began_s

    @property
    def wrong(self) -> list[str]:
        """What must not be."""
        return [
            f"{self.poison}: {wrong}"
            for wrong, happened in (
                (f"nobody is told what is wrong ({self.fate.what})", not self.fate.told),
                ("its tenant is answered no more", not self.went_on),
                (f"{self.restarts} components were started again", self.restarts > 0),
            )
            if happened
        ]
