"""Tries: how often a step's clients may be made anew without doing anything in between.

What ends a client may be over at once (a broker that stood still), or never be: then the worker
has to end, with words, instead of trying for ever.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

from streams.log.pauses import Pauses, pauses

TRIES_MAX = 5
WITHIN_S = 300.0  # with the pauses five tries take seconds, and a busy machine gets no more of them


class GaveUp(Exception):
    """A step's clients ended again and again, and nothing was done in between."""


class Tries:
    """Counts those that achieved nothing; used in the reader's thread alone."""

    def __init__(
        self,
        group: str,
        most: int = TRIES_MAX,
        within_s: float = WITHIN_S,
        between_tries: Pauses = pauses,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._group = group
        self._most = most
        self._within_s = within_s
        self._between_tries = between_tries
        self._clock = clock
        self._fruitless: deque[float] = deque()
        self._waits: Iterator[float] = between_tries()

    def achieved(self) -> None:
        """Note that inputs were finished: whatever was tried before has worked."""
        self._fruitless.clear()

    def another(self, error: BaseException) -> float:
        """Count one more; return the seconds to wait before it, none before the first.

        Raises GaveUp where as many as there may be have achieved nothing.
        """
        now_s = self._clock()
        while self._fruitless and now_s - self._fruitless[0] > self._within_s:
            self._fruitless.popleft()
        if len(self._fruitless) >= self._most:
            raise GaveUp(
                f"the clients of {self._group} were made anew {self._most} times within "
                f"{self._within_s:g} s and finished nothing in between; the last one ended with: "
                f"{error}. The worker ends; what was not finished is done after its restart"
            )
        if not self._fruitless:
            self._waits = self._between_tries()
        self._fruitless.append(now_s)
        return next(self._waits) if len(self._fruitless) > 1 else 0.0
