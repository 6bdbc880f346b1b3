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
from typing import NamedTuple, Self, TypeVar

from schemas import Event

PartT = TypeVar("PartT")
KEPT_MAX = 100_000
"""Cancellations that are remembered, of some 500 bytes; one is of use until its question is
answered."""
OF_TENANT_MAX = 10_000
"""Those of one tenant, who has far fewer questions under way."""


class Wanted(NamedTuple):
    """Whose answer it is: by a request's id alone nobody may stop it, since others can name it."""

    tenant: str
    lane: int
    """That of the question: verify reads a lane by itself, so a wish elsewhere counts nowhere."""
    subject: str
    """Keyed digest of the user who had asked."""
    request: str

    @classmethod
    def of(cls, event: Event) -> Self:
        """Return the answer that an event is about: a step's input, or a cancellation."""
        meta = event.meta
        return cls(meta.tenant, meta.lane, getattr(event, "subject", ""), meta.request)


class Cancellations:
    """What is cancelled; lives on one event loop."""

    def __init__(self) -> None:
        self._cancelled: OrderedDict[str, OrderedDict[Wanted, None]] = OrderedDict()
        """By tenant, the last one that cancelled last: one's flood pushes out its own."""
        self._count = 0
        self._waiting: dict[Wanted, set[asyncio.Timeout]] = {}
        """Waits for the next part of an answer that would end."""

    def take(self, answer: Wanted) -> None:
        """Have an answer end, and what is asked for it from now on."""
        if answer in self:  # what was waited for is being let go of, which may take a while
            return
        of_tenant = self._cancelled.setdefault(answer.tenant, OrderedDict())
        self._cancelled.move_to_end(answer.tenant)
        of_tenant[answer] = None
        self._count += 1
        if len(of_tenant) > OF_TENANT_MAX:
            of_tenant.popitem(last=False)
            self._count -= 1
        while self._count > KEPT_MAX:
            _, dropped = self._cancelled.popitem(last=False)
            self._count -= len(dropped)
        for wait in self._waiting.get(answer, ()):
            wait.reschedule(asyncio.get_running_loop().time())

    def __contains__(self, answer: Wanted) -> bool:
        """Say whether nobody wants an answer any more."""
        return answer in self._cancelled.get(answer.tenant, ())

    async def heeded(
        self, parts: AsyncIterator[PartT], answer: Wanted
    ) -> AsyncGenerator[PartT, None]:
        """Pass on what comes for an answer, until it is cancelled: then whoever says it is let go.

        Whoever waits is stopped in mid-wait, for a turn too.
        """
        async with aclosing(parts) as given:  # type: ignore[type-var]  # all of them have aclose
            while answer not in self:
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
