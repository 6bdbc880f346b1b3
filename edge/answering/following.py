"""Following a request: what becomes of it, told to one reader as it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, replace
from typing import Any

from agents.errors import Transient
from edge.answering.bounds import Bounds
from edge.answering.cursors import Frame, in_reading_order, sent_by
from edge.answering.frames import problem_of
from edge.answering.view import AnswerView
from edge.callers.access import Access
from edge.callers.caller import Caller
from edge.callers.keys_gone import KeysGone
from edge.callers.standing import KeysInUse, Standing
from edge.listening.entries import RESULTS, Dispatch, Entry, Gap, Subscription
from edge.listening.known_requests import KnownRequest
from edge.listening.log_reader import ReadsLog
from edge.load.measures import delivered
from edge.problems import Problem, overloaded
from edge.requests.identity import Whose
from schemas import ChunksRetrieved, Event, EventRejected
from streams.log.clock import now_us
from streams.settings import Settings

LIVE_TICK_S = 0.1  # looks, while a gateway that has just started comes to the ends of the log
BURST_MAX = 64
"""Frames that are told together, where so many are there at the same time."""


@dataclass(frozen=True)
class Watch:
    """A request and its outcomes from now on; `from_log` says that some may have come before.

    Or beside it: while the log is not read live yet, they reach nobody.
    """

    request: KnownRequest
    outcomes: Subscription
    standing: Standing
    """That of the reader's key: without it, nothing more is told."""
    from_log: bool

    def live(self) -> Watch:
        """Return the same from here on, all before being read."""
        return replace(self, from_log=False)


class Follower:
    """Follows requests for their readers; lives on one event loop."""

    def __init__(
        self,
        settings: Settings,
        bounds: Bounds,
        log: ReadsLog,
        dispatch: Dispatch,
        access: Access,
        keys_in_use: KeysInUse,
        stopping: Callable[[], bool],
        keys_gone: KeysGone,
    ) -> None:
        self._keys_gone = keys_gone
        self._settings = settings
        self._bounds = bounds
        self._log = log
        self._dispatch = dispatch
        self._access = access
        self._keys_in_use = keys_in_use
        self._stopping = stopping

    # ------------------------------------------------------------------ beginning to follow

    def take_up(self, caller: Caller, request: KnownRequest, resources: ExitStack) -> Watch:
        """Follow a request that was asked before."""
        standing = resources.enter_context(self._keys_in_use.hold(caller))
        outcomes = resources.enter_context(self._dispatch.subscribe(request))
        return Watch(request, outcomes, standing, from_log=True)

    def view(
        self, caller: Caller, request: KnownRequest, cursor: str = "", *, with_receipt: bool = False
    ) -> AnswerView:
        """Begin a reader's view of an answer, after a cursor; raises Problem for a wrong one."""
        return AnswerView(
            request.request,
            request.session,
            request.lane,
            lambda entries: self._access.reveal(caller, entries),
            sent_by(cursor, request.lane, request.request) if cursor else {},
            with_receipt=with_receipt,
        )

    # ------------------------------------------------------------------ until the end

    async def frames(
        self, watch: Watch, view: AnswerView, late_s: float = 0.0
    ) -> AsyncGenerator[Frame, None]:
        """Yield frames until the answer is closed, and for `late_s` more: it may be retracted.

        Raises Problem when the deadline has passed, the reader is too slow, its key has ended or
        the edge stops; in each case the reader can come back with its cursor.
        """
        async with aclosing(self.bursts(watch, view, late_s)) as bursts:
            async for burst in bursts:
                for frame in burst:
                    watch.standing.check()
                    yield frame

    async def bursts(
        self, watch: Watch, view: AnswerView, late_s: float = 0.0
    ) -> AsyncGenerator[list[Frame], None]:
        """Yield frames as `frames` does, those together that are there at the same time."""
        self._access.check_not_erased(watch.request)
        gone = self._keys_gone.times(watch.request.tenant)
        if watch.from_log:
            await self._until_live(watch)
            entries = in_reading_order(await self.read_back(watch.request, RESULTS), view.seen)
            for first in range(0, len(entries), BURST_MAX):
                watch.standing.check()
                self._check_values(watch, view, gone)
                some = entries[first : first + BURST_MAX]
                yield [frame for entry in some for frame in view.take(entry)]
        patience = _Patience(self._seconds_left(watch.request), late_s, self._bounds.settle_s)
        while not patience.is_satisfied(settled=view.settled):
            if patience.is_lost(settled=view.settled):
                if failed := view.give_up():
                    yield failed
                    continue
                what = f"it may still come: GET /v1/messages/{watch.request.request}"
                raise _deadline_passed(watch.request, f"no answer within the budget; {what}")
            burst, since_ms = await self._next_frames(watch, view, patience, gone)
            if burst:
                yield burst
                if since_ms:  # whoever takes the next burst has handed this one over
                    delivered(time.time() - since_ms / 1_000)

    async def passages(self, caller: Caller, watch: Watch) -> list[dict[str, Any]]:
        """Wait for the passages of a search; raises Problem."""
        if watch.from_log:
            await self._until_live(watch)
        entries = await self.read_back(watch.request, RESULTS) if watch.from_log else []
        deadline = time.monotonic() + self._seconds_left(watch.request)
        while True:
            watch.standing.check()
            self._access.check_not_erased(watch.request)
            for entry in in_reading_order(entries, {}):
                if isinstance(entry.event, EventRejected):
                    raise problem_of(entry.event)
                if isinstance(entry.event, ChunksRetrieved):
                    return self._spelt(caller, watch.request, entry.event)
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                what = "no passages within the budget: try again, or raise budget_ms"
                raise _deadline_passed(watch.request, what)
            entries = await self._next(watch, min(left_s, self._bounds.tick_s))

    async def passages_of(self, caller: Caller, request: KnownRequest) -> list[dict[str, Any]]:
        """Return the passages that were found for a question; none while there are none.

        Raises Problem.
        """
        found = await self.read_back(request, (ChunksRetrieved,))
        events = [one.event for one in found if isinstance(one.event, ChunksRetrieved)]
        return self._spelt(caller, request, events[-1]) if events else []

    async def answer_so_far(self, caller: Caller, request: KnownRequest) -> dict[str, Any]:
        """Return what the log holds of an answer; raises Problem."""
        return self._so_far(caller, request, await self.read_back(request, RESULTS))

    async def status_of(self, request: KnownRequest) -> str:
        """Return how the log says that an answer stands, and nothing of it; raises Problem."""
        view = AnswerView(request.request, request.session, request.lane, lambda _: {})
        for entry in in_reading_order(await self.read_back(request, RESULTS), {}):
            view.take(entry)
        self.settle(request, view)
        return view.state.value

    async def answers_so_far(
        self, caller: Caller, requests: Sequence[KnownRequest]
    ) -> list[dict[str, Any]]:
        """Return what the log holds of several answers, read once a lane; raises Problem."""
        found = await self.read_back_many(requests, RESULTS)
        return [self._so_far(caller, one, found[one.whose]) for one in requests]

    async def read_back_many(
        self, requests: Sequence[KnownRequest], kinds: Sequence[type[Event]]
    ) -> dict[Whose, list[Entry]]:
        """Return what several requests left on the log, read once a lane; raises Problem."""
        by_lane: dict[int, list[KnownRequest]] = {}
        for one in requests:
            by_lane.setdefault(one.lane, []).append(one)
        found: dict[Whose, list[Entry]] = {}
        try:
            for lane in by_lane.values():
                found |= await self._log.read_back_many(lane, kinds)
        except Transient as error:
            raise overloaded(str(error)) from None
        return found

    def _so_far(
        self, caller: Caller, request: KnownRequest, entries: Sequence[Entry]
    ) -> dict[str, Any]:
        view = self.view(caller, request)
        for entry in in_reading_order(entries, {}):
            view.take(entry)
        self.settle(request, view)
        return view.snapshot()

    def settle(self, request: KnownRequest, view: AnswerView) -> None:
        """Have a view, into which all that there is was read, tell how the answer stands now."""
        view.settle()
        over_us = request.deadline_us + int(self._bounds.grace_s * 1_000_000)
        if over_us < now_us():
            view.give_up()

    async def read_back(self, request: KnownRequest, kinds: Sequence[type[Event]]) -> list[Entry]:
        """Return what a request left on the log; raises Problem."""
        try:
            return await self._log.read_back(request, kinds)
        except Transient as error:
            raise overloaded(str(error)) from None

    # ------------------------------------------------------------------ one wait

    async def _until_live(self, watch: Watch) -> None:
        """Wait until the log is read live, for as long as an outcome may take.

        What comes between reading back and where the live reader begins would reach nobody.
        """
        deadline = time.monotonic() + self._seconds_left(watch.request)
        while not self._log.ready and time.monotonic() < deadline:
            if self._stopping():
                raise overloaded("the gateway is shutting down: resume from the last cursor")
            watch.standing.check()
            await asyncio.sleep(min(LIVE_TICK_S, self._bounds.tick_s))

    async def _next_frames(
        self, watch: Watch, view: AnswerView, patience: _Patience, gone: int
    ) -> tuple[list[Frame], int]:
        """Return what comes next, and when the log had the first of it; 0 where it is not of it."""
        if self._stopping():
            raise overloaded("the gateway is shutting down: resume from the last cursor")
        watch.standing.check()
        self._access.check_not_erased(watch.request)
        self._check_values(watch, view, gone)
        if patience.is_out(held=view.held):
            return view.settle(), 0
        try:
            first = await watch.outcomes.next(self._bounds.tick_s)
        except TimeoutError:
            return [], 0
        except Gap:
            raise overloaded(
                "the stream was interrupted, or read too slowly: resume from the last cursor"
            ) from None
        frames = view.take(first)
        while not view.settled and len(frames) < BURST_MAX:
            entry = watch.outcomes.next_now()
            if entry is None:
                break
            frames += view.take(entry)
        return frames, first.time_ms

    def _check_values(self, watch: Watch, view: AnswerView, gone: int) -> None:
        """Raise Problem where a value that the view holds may be one that nobody may open now."""
        if view.shows_values and self._keys_gone.times(watch.request.tenant) != gone:
            raise overloaded("somebody was erased meanwhile: resume from the last cursor")

    async def _next(self, watch: Watch, timeout_s: float) -> list[Entry]:
        try:
            return [await watch.outcomes.next(timeout_s)]
        except TimeoutError:
            return []
        except Gap:
            return await self.read_back(watch.request, RESULTS)

    def _seconds_left(self, request: KnownRequest) -> float:
        """How long an outcome may take from now, a grace period included."""
        left_s = self._settings.deadline_ms / 1_000
        if request.deadline_us > 0:
            left_s = max(0.0, (request.deadline_us - now_us()) / 1_000_000)
        return left_s + self._bounds.grace_s

    def _spelt(
        self, caller: Caller, request: KnownRequest, event: ChunksRetrieved
    ) -> list[dict[str, Any]]:
        if event.outcome == "refused":
            raise Problem(422, "refused", event.reason, request_id=request.request)
        return [self._access.passage(caller, passage) for passage in event.passages]


class _Patience:
    """How long one reader still waits, and for what."""

    def __init__(self, answer_s: float, late_s: float, settle_s: float) -> None:
        self._deadline = time.monotonic() + answer_s
        self._late_s = late_s
        self._settle_s = settle_s
        self._late: float | None = None
        self._held_since: float | None = None

    def is_satisfied(self, *, settled: bool) -> bool:
        """Tell whether the answer is closed, and has been for long enough."""
        if not settled:
            return False
        now = time.monotonic()
        self._late = self._late or now + self._late_s
        return now >= self._late

    def is_lost(self, *, settled: bool) -> bool:
        """Tell whether the deadline passed without an answer."""
        return not settled and time.monotonic() > self._deadline

    def is_out(self, *, held: bool) -> bool:
        """Tell whether a closing record has waited for its text for too long."""
        now = time.monotonic()
        self._held_since = (self._held_since or now) if held else None
        return self._held_since is not None and now - self._held_since > self._settle_s


def _deadline_passed(request: KnownRequest, detail: str) -> Problem:
    return Problem(504, "deadline-passed", detail, retryable=True, request_id=request.request)
