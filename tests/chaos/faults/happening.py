"""What every kind of fault has in common: it begins, lasts, ends, and leaves a trace that is counted.

Where a machine is slow, workers may still be starting while a fault of some seconds lasts, and nobody meets it. Then it
goes on until somebody has (`until_seen`), so that a run on such a machine tries it too.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from tests.chaos.plan import Fault

SEEN_PATIENCE_S = 45.0  # a worker that starts has come by then
POLL_S = 0.05

Happening = Callable[[Fault], AbstractContextManager[bool]]
"""Makes a fault for as long as the context lasts; yields whether it could be made just now."""
Happenings = Mapping[str, Happening]
"""By kind, as in KINDS."""
Effects = dict[str, Counter[str]]
"""Kind -> what it was seen to do, and how often: a fault without effect was none."""


def until_seen(seen: Callable[[], object], patience_s: float = SEEN_PATIENCE_S) -> None:
    """Wait until a fault was seen to do something, or will hardly be."""
    deadline = time.monotonic() + patience_s
    while not seen() and time.monotonic() < deadline:
        time.sleep(POLL_S)


def note(effects: Effects, kind: str, seen: Mapping[str, int]) -> None:
    """Add what was seen of a kind."""
    effects.setdefault(kind, Counter()).update(seen)
