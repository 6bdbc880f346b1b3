"""The review desk: hands reviewers the answers that wait for them, and takes their judgements in.

The log alone knows what waits: each call reads on to its end first. Two reviewers judge each
answer; neither is told that the other did, nor what. Who judged an answer does not get it again,
and nobody gets what they asked themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from agents.errors import KeyDestroyed, Permanent, Transient
from edge.answering.following import Follower
from edge.callers.access import Access, has_all_groups
from edge.callers.caller import Caller
from edge.gateway.reception import Reception
from edge.gateway.voiced_requests import NewJudgement
from edge.listening.known_requests import KnownRequests
from edge.problems import Problem, not_found, overloaded
from edge.requests.building import Seals
from edge.requests.limits import ID_MAX
from edge.reviewing.review_item import KINDS, ReviewItem, item_of
from edge.reviewing.review_reader import ReadsReviews
from schemas import AnswerJudged, QuestionAsked
from streams.log.clock import now_us
from streams.operations.reviews.agreement import agreement
from streams.operations.reviews.review_queue import (
    SETTLED_US,
    UNDONE,
    ReviewQueue,
    SampledAnswer,
)

READ_MAX = 16
"""Answers that one call reads back, at most, to find one that its reviewer may see."""
READING_AT_ONCE = 2
"""Tenants whose lanes are read at a time: a long history holds a thread for seconds, and others
need threads too."""
WAITING_MAX = 8
"""Calls of a tenant that wait for their turn; whoever comes then is told to come again."""


@dataclass
class _ReviewTurn:
    """Whose turn it is among a tenant's reviewers."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class ReviewDesk:
    """Serves reviewers; lives on one event loop."""

    def __init__(
        self,
        reviews: ReadsReviews,
        requests: KnownRequests,
        access: Access,
        follower: Follower,
        reception: Reception,
        keyring: Seals,
    ) -> None:
        self._reviews = reviews
        self._requests = requests
        self._access = access
        self._follower = follower
        self._reception = reception
        self._keyring = keyring
        self._turns: WeakValueDictionary[str, _ReviewTurn] = WeakValueDictionary()
        self._reading = asyncio.Semaphore(READING_AT_ONCE)

    # ------------------------------------------------------------------ what waits

    async def next(self, caller: Caller, after: int = -1) -> dict[str, Any]:
        """Return the next answer that waits for a reviewer, and how many do; raises Problem."""
        async with self._queue(caller.tenant) as queue:
            read = 0
            for one in queue.waiting(caller.subject, after):
                if not self._may_see(caller, one):
                    continue
                if read == READ_MAX:
                    raise overloaded(f"{read} answers in a row can't be shown: try again")
                read += 1
                item = await self._item(one)
                if item is not None and has_all_groups(caller, item.asked.ask.groups):
                    return {"answer": self._spelt(caller, item), "left": self._left(queue, caller)}
            return {"answer": None, "left": self._left(queue, caller)}

    def _left(self, queue: ReviewQueue, caller: Caller) -> int:
        return sum(self._may_see(caller, one) for one in queue.waiting(caller.subject))

    def _may_see(self, caller: Caller, one: SampledAnswer) -> bool:
        """Tell whether a reviewer may know of all documents that an answer cites."""
        return all(self._access.may_know(caller, document) for document in one.documents)

    async def _item(self, one: SampledAnswer) -> ReviewItem | None:
        """Read an answer back; None, and it waits no more, where it was erased. Raises Problem."""
        self._access.check_all_known()
        request = self._requests.find((one.tenant, one.request))
        if request is None:
            return None
        item = item_of(one, await self._follower.read_back(request, KINDS))
        if item is None:
            return None
        return None if await self._is_erased(one, item.asked) else item

    async def _is_erased(self, one: SampledAnswer, asked: QuestionAsked) -> bool:
        """Tell whether who asked was erased: what they said can't be opened any more."""
        try:
            await asyncio.to_thread(self._keyring.unseal, asked.meta.tenant, asked.text)
        except KeyDestroyed:
            one.is_erased = True
        except (Permanent, Transient) as error:
            raise overloaded(f"whether it was erased can't be told ({error}): try again") from None
        return one.is_erased

    def _spelt(self, caller: Caller, item: ReviewItem) -> dict[str, Any]:
        turns = self._reviews.turns(item.rewritten) if item.rewritten else ()
        return item.as_json(caller, self._access, turns)

    # ------------------------------------------------------------------ what is said

    async def judge(self, caller: Caller, about: str, judgement: NewJudgement) -> str:
        """Put a judgement on the log; returns the id of its record. Raises Problem.

        The same one again is the one that there is.
        """
        async with self._queue(caller.tenant) as queue:
            one = self._drawn(queue, caller, about)
            before = queue.judged_by(caller.subject, about)
            if before is not None and before.stands and before.last.answer == one.answer:
                if await asyncio.to_thread(self._repeats, judgement, before.last):
                    return before.last.meta.request
                raise Problem(
                    409, "judged-before", "you judged this answer before: undo that first"
                )
            item = await self._item(one)
            if one.is_erased:
                raise Problem(410, "erased", "who asked this was erased: the answer waits no more")
            if item is None or not has_all_groups(caller, item.asked.ask.groups):
                raise _unknown(about)
            return await self._reception.review(
                caller, one, judgement, before.records if before else 0
            )

    async def undo(self, caller: Caller, about: str, trace: str = "") -> str:
        """Take one's judgement back, as if it had not been; raises Problem."""
        async with self._queue(caller.tenant) as queue:
            one = queue.find(about)
            before = queue.judged_by(caller.subject, about)
            if one is None or before is None:
                raise not_found(f"you did not judge {about[:ID_MAX]!r}: there is nothing to undo")
            if not before.stands:
                return before.last.meta.request
            if now_us() - before.last.meta.at > SETTLED_US:
                raise Problem(
                    409,
                    "settled",
                    f"it was judged more than {SETTLED_US // 1_000_000} s ago, and counts by now",
                )
            undone = NewJudgement(UNDONE, trace=trace)
            return await self._reception.review(caller, one, undone, before.records)

    def _repeats(self, judgement: NewJudgement, before: AnswerJudged) -> bool:
        """Tell whether a judgement says what one on the log says; where words are gone, it does."""
        said = (judgement.grade, judgement.citations_wrong, bool(judgement.note))
        if said != (before.grade, before.citations_wrong, before.note is not None):
            return False
        if before.note is None:
            return True
        try:
            note = self._keyring.unseal(before.meta.tenant, before.note)
        except (Permanent, Transient):
            return True
        return note == judgement.note.encode("utf-8", "replace")

    def _drawn(self, queue: ReviewQueue, caller: Caller, about: str) -> SampledAnswer:
        one = queue.find(about)
        if one is None or one.subject == caller.subject or not self._may_see(caller, one):
            raise _unknown(about)
        if one.is_retracted:
            raise Problem(410, "retracted", "this answer was withdrawn: it waits no more")
        return one

    async def agreement(self, caller: Caller) -> dict[str, Any]:
        """Return how far reviewers agree, over what can't be undone any more; raises Problem."""
        async with self._queue(caller.tenant) as queue:
            told = agreement(queue.pairs(now_us() - SETTLED_US)).as_json()
            mine = sum(
                any(one.reviewer == caller.subject for one in judgements)
                for _, judgements in queue.judged()
            )
            return {**told, "judged_by_you": mine, "left": self._left(queue, caller)}

    @asynccontextmanager
    async def _queue(self, tenant: str) -> AsyncIterator[ReviewQueue]:
        """Read a tenant's queue up to the end of the log, and hold it; raises Problem."""
        turn = self._turns.setdefault(tenant, _ReviewTurn())
        if turn.waiting >= WAITING_MAX:
            raise overloaded(f"{turn.waiting} reviewers wait for their turn: try again")
        turn.waiting += 1
        try:
            await turn.lock.acquire()
        finally:
            turn.waiting -= 1
        try:
            yield await self._read_on(tenant)
        finally:
            turn.lock.release()

    async def _read_on(self, tenant: str) -> ReviewQueue:
        try:
            async with self._reading:
                return await asyncio.to_thread(self._reviews.queue, tenant)
        except Transient as error:
            raise overloaded(str(error)) from None


def _unknown(about: str) -> Problem:
    return not_found(
        f"{about[:ID_MAX]!r} is no answer that waits for you: GET /v1/review/next gives one"
    )
