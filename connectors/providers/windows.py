"""Windows: how the latest calls of each route ended, as one worker saw it.

They are counted by calls and not by time, so that a route on trial which is worse, and is therefore
not asked any more, stays worse (see `agents.routing.trials`).
"""

from __future__ import annotations

import math
import statistics
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

CALLS_MAX = 100  # of a route that are remembered
ROUTES_MAX = 256  # that are remembered; a route that was changed is another one


@dataclass
class CallOutcome:
    """How one call went."""

    first_token_ms: int | None = None
    failed: bool = False


@dataclass
class Window:
    """The latest calls and ratings of one route."""

    running: int = 0
    calls: deque[CallOutcome] = field(default_factory=lambda: deque(maxlen=CALLS_MAX))
    ratings: deque[bool] = field(default_factory=lambda: deque(maxlen=CALLS_MAX))

    @contextmanager
    def counted(self, outcome: CallOutcome) -> Iterator[CallOutcome]:
        """Count a call; it failed if an error leaves the block, or nothing came until it ended.

        Whoever is cancelled before the first token has waited in vain too.
        """
        self.running += 1
        try:
            yield outcome
        except GeneratorExit:  # the consumer has enough
            raise
        except BaseException as error:
            outcome.failed = isinstance(error, Exception) or outcome.first_token_ms is None
            raise
        finally:
            self.running -= 1
            self.calls.append(outcome)

    @property
    def failures(self) -> int:
        """How many calls failed."""
        return sum(outcome.failed for outcome in self.calls)

    @property
    def first_token_ms(self) -> int:
        """Median time to the first token of calls that had one; 0 without any."""
        times = self._times
        return max(1, round(statistics.median(times))) if times else 0

    @property
    def first_token_p95_ms(self) -> int:
        """Time to the first token that 95 of 100 of them stayed within; 0 without any."""
        times = sorted(self._times)
        return times[math.ceil(0.95 * len(times)) - 1] if times else 0

    @property
    def _times(self) -> list[int]:
        return [one.first_token_ms for one in self.calls if one.first_token_ms is not None]


class Windows:
    """The windows of all routes that were asked of late."""

    def __init__(self) -> None:
        self._routes: OrderedDict[str, Window] = OrderedDict()

    def of(self, route: str) -> Window:
        """Return a route's window, a new one for a route that is not known."""
        window = self._routes.setdefault(route, Window())
        self._routes.move_to_end(route)
        if len(self._routes) > ROUTES_MAX:
            self._routes.popitem(last=False)
        return window
