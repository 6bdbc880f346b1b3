"""What every kind of fault has in common: it begins, lasts, ends, and leaves a trace that is counted."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from tests.chaos.plan import Fault

Happening = Callable[[Fault], AbstractContextManager[bool]]
"""Makes a fault for as long as the context lasts; yields whether it could be made just now."""
Happenings = Mapping[str, Happening]
"""By kind, as in KINDS."""
Effects = dict[str, Counter[str]]
"""Kind -> what it was seen to do, and how often: a fault without effect was none."""


def note(effects: Effects, kind: str, seen: Mapping[str, int]) -> None:
    """Add what was seen of a kind."""
    effects.setdefault(kind, Counter()).update(seen)
