"""Cancellations: which answers nobody wants any more, and the model calls that end for them.

What is known here comes from the log (`playhead.cancellation.requested`), so a worker that takes a
lane over knows what the one before it knew. What came of it is recorded with the run that it ended:
that a run began too late (`Begun.cancelled`), or that a model was stopped, by the last part of its
answer. So a replay sees the same parts, and asks nobody.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import NamedTuple, TypeVar

PartT = TypeVar("PartT")
KEPT_MAX = 100_000
"""Cancellations that are remembered, of 200 bytes; one is of use until its question is answered."""


class Wanted(NamedTuple):
    """Whose answer it is: by a request's id alone nobody may stop it, since others can name it."""

    tenant: str
    subject: str
    """Keyed digest of the user who had asked."""
    request: str


class Cancellations:
    """What is cancelled; lives on one event loop."""

    def __init__(self) -> None:
        self._cancelled: OrderedDict[Wanted, None] = OrderedDict()
        self._waiting: dict[Wanted, set[asyncio.Timeout]] = {}
        """Waits for the next part of an answer that would end."""

    def take(self, answer: Wanted) -> None:
        """Have an answer end, and what is asked for it from now on."""
        self._cancelled[answer] = None
        if len(self._cancelled) > KEPT_MAX:
            self._cancelled.popitem(last=False)
        for wait in self._waiting.get(answer, ()):
            wait.reschedule(asyncio.get_running_loop().time())

    def __contains__(self, answer: Wanted) -> bool:
        """Say whether nobody wants an answer any more."""
        return answer in self._cancelled

    async def heeded(
        self, parts: AsyncIterator[PartT], answer: Wanted
    ) -> AsyncGenerator[PartT, None]:
        """Pass on what comes for an answer, until it is cancelled: then whoever says it is let go.

        Whoever waits is stopped in mid-wait, for a turn too.
        """
        async with aclosing(parts) as given:  # type: ignore[type-var]  # all of them have aclose
            while answer not in self._cancelled:
                try:
                    async with asyncio.timeout(None) as wait:
                        waiting = self._waiting.setdefault(answer, set())
                        waiting.add(wait)
                        try:
                            part = await anext(given, None)
                        finally:
                            waiting.discard(wait)
                            if not waiting:
                                self._waiting.pop(answer, None)
                except TimeoutError:
                    if not wait.expired():
                        raise
                    return
                if part is None:
                    return
                yield part
