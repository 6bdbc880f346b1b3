"""Cancelling: an answer that nobody wants any more is told to the log, and so to whoever makes it.

A stream that can be taken up again (WebSocket, server-sent events by their cursor, a subscription)
is cancelled in so many words alone: that its connection closed says nothing, for its reader may be
back on another gateway. A stream in OpenAI's shape has no cursor, and who waits for a whole answer
knows no name of it before it comes. So who leaves these has left, unless an idempotency key says
that the request may come again. It is given a moment all the same (`abandoned_s`), in which
somebody else may be found following it here.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from edge.answering.following import Follower
from edge.callers.access import Access
from edge.callers.caller import Caller
from edge.gateway.reception import Reception
from edge.listening.entries import Dispatch
from edge.listening.known_requests import KnownRequest
from edge.load.measures import cancelled
from edge.problems import Problem
from edge.requests.identity import Whose
from schemas import CancellationRequestedWhy

TOLD_MAX = 10_000
"""Cancellations that this process remembers to have told, so that it tells each once."""
CLOSED = frozenset(("completed", "retracted", "failed"))
"""How an answer stands that is over."""


class ReaderLeft(Exception):
    """Whoever waits for an answer has closed the connection: there is nobody to be told."""


@dataclass(frozen=True)
class CancelTaken:
    """What became of a wish for no answer any more."""

    request: KnownRequest
    status: str
    """How the answer stood before."""

    @property
    def in_time(self) -> bool:
        """Whether it was told to the log: an answer that is over stays as it is."""
        return self.status not in CLOSED


class CancellationDesk:
    """Takes cancellations in; lives on one event loop."""

    def __init__(
        self,
        access: Access,
        follower: Follower,
        reception: Reception,
        dispatch: Dispatch,
        abandoned_s: float,
        stopping: Callable[[], bool],
    ) -> None:
        """`abandoned_s` is for how long who left may come back; 0: what is left goes on."""
        self._access = access
        self._follower = follower
        self._reception = reception
        self._dispatch = dispatch
        self._abandoned_s = abandoned_s
        self._stopping = stopping
        self._told: OrderedDict[Whose, asyncio.Task[None]] = OrderedDict()
        self._leaving: set[asyncio.Task[None]] = set()

    async def cancel(self, caller: Caller, request_id: str, trace: str = "") -> CancelTaken:
        """Cancel an answer for who had asked, or for the tenant's admin; raises Problem."""
        question = self._access.cancellable(caller, request_id)
        return await self._cancel(question, caller.subject, "asked", trace)

    @contextmanager
    def stopped_when_left(self, question: KnownRequest, *, may_return: bool) -> Iterator[None]:
        """Cancel an answer whose reader leaves within the block, unless it may return."""
        try:
            yield
        except (GeneratorExit, asyncio.CancelledError, ReaderLeft):
            if self._abandoned_s and not may_return:
                leaving = asyncio.get_running_loop().create_task(self._left(question))
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)
            raise

    async def _left(self, question: KnownRequest) -> None:
        await asyncio.sleep(self._abandoned_s)
        if self._dispatch.is_followed(question.whose) or self._stopping():
            return
        with suppress(Problem):  # the answer is made to its end: nobody is left to be told
            await self._cancel(question, question.subject, "left")

    async def _cancel(
        self, question: KnownRequest, by: str, why: CancellationRequestedWhy, trace: str = ""
    ) -> CancelTaken:
        taken = CancelTaken(question, await self._follower.status_of(question))
        if taken.in_time:
            # whoever leaves meanwhile has wished it all the same
            await asyncio.shield(self._telling(question, by, why, trace))
        return taken

    def _telling(
        self, question: KnownRequest, by: str, why: CancellationRequestedWhy, trace: str
    ) -> asyncio.Task[None]:
        """Tell the log, once of each question; what comes meanwhile waits for the same word."""
        telling = self._told.get(question.whose)
        if telling is None:
            telling = asyncio.get_running_loop().create_task(self._tell(question, by, why, trace))
            self._told[question.whose] = telling
            if len(self._told) > TOLD_MAX:
                self._told.popitem(last=False)
        return telling

    async def _tell(
        self, question: KnownRequest, by: str, why: CancellationRequestedWhy, trace: str
    ) -> None:
        try:
            await self._reception.cancel(question, by, why, trace)
        except BaseException:
            self._told.pop(question.whose, None)  # as far as is known: it may come again
            raise
        cancelled(why)
