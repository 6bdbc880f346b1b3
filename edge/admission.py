"""What new work the edge takes in: overload is refused at once, with a time to come back.

A refusal costs little and queues nothing. What reads, and what was taken in, goes on. Refused is
with 429 what is above a tenant's own share, with 503 what the system can't do at the moment.

Everything here lives on the event loop, but for `awaits`.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from edge.backlog import (
    DOCUMENT,
    QUESTION,
    RETRY_UNKNOWN_S,
    SEARCH,
    Backlog,
    retry_after_s,
)
from edge.entries import Entry
from edge.measures import shed
from edge.problems import Problem, overloaded, too_many
from schemas import AnswerReleased, AnswerRetracted, ChunksRetrieved, EventRejected
from streams.operations.lag import Lag, Lane, NoAnswer, NotTold, Reader, readers
from streams.settings import Settings
from streams.topics import STEPS
from streams.watching.logs import logger, places

log = logger("gateway")

EVERY_S = 1.0  # between readings of the offsets: a question takes about as long
STALE_S = 6.0  # without an answer, the broker counts as away: above what a reading may take
REOPEN = 0.8  # of the unanswered questions at which none was taken any more
ANSWERS_KEPT = 64  # times of the newest answers: the rate of late
RATE_S = 60.0  # how far back that goes
SPREAD = 1.25  # clients that were refused together come back spread over a quarter more


class Positions(Protocol):
    """What the edge needs to know of the log's lanes; each method may raise NoAnswer."""

    async def lags(self, wanted: Sequence[Reader]) -> list[Lag]:
        """Return the lag of each reader in each lane of its topics."""

    async def oldest_ms(self, lags: Sequence[Lag]) -> dict[Lane, int]:
        """Return the broker's time of the first unfinished record of each lane that is behind."""


OpenPositions = Callable[[], AbstractAsyncContextManager[Positions]]


@dataclass(frozen=True)
class _Waiting:
    tenant: str
    until_s: float
    closes: tuple[type, ...]


ANSWER = (AnswerReleased, AnswerRetracted, EventRejected)
PASSAGES = (ChunksRetrieved, EventRejected)


def _full(count: int, most: int, closed: bool) -> bool:
    """Tell whether one more is too many: once there are `most`, until there are well fewer."""
    return count >= most or (closed and count > _low(most))


def _low(most: int) -> int:
    return math.floor(most * REOPEN)


class Admission:
    """Decides what is taken in."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self.backlog = Backlog(settings)
        self._waiting: dict[str, _Waiting] = {}
        self._of_tenant: Counter[str] = Counter()
        self._closed = False
        self._closed_tenants: set[str] = set()
        self._answers: deque[float] = deque(maxlen=ANSWERS_KEPT)
        self._answered_s = clock()
        self._why = "no answer"
        self.bodies_bytes = 0

    # ------------------------------------------------------------------ taking requests in

    @contextmanager
    def question(
        self, request: str, tenant: str, lane: int, budget_s: float, *, grace_s: float, search: bool
    ) -> Iterator[None]:
        """Take a question in, or raise Problem. It counts until it is answered or given up.

        What goes wrong within the block means that it is not on the log.
        """
        self._forget_the_late()
        self._broker_answers()
        self._share(tenant)
        self._lane_is_open(SEARCH if search else QUESTION, lane, budget_s)
        mine = request not in self._waiting
        if mine:
            until_s = self._clock() + budget_s + grace_s
            self._waiting[request] = _Waiting(tenant, until_s, PASSAGES if search else ANSWER)
            self._of_tenant[tenant] += 1
        try:
            yield
        except BaseException:
            if mine:
                self._forget(request)
            raise

    def document(self, lane: int) -> None:
        """Take a document in; raises Problem."""
        self._broker_answers()
        self._lane_is_open(DOCUMENT, lane, math.inf)

    def withdrawal(self) -> None:
        """Take a withdrawal in, however much waits; raises Problem where the broker is away."""
        self._broker_answers()

    def not_published(self, why: str) -> Problem:
        """Say that the broker or the registry did not take a request, or too many wait for it."""
        return refused(
            overloaded(
                why or "the broker did not answer: try again", self._spread(RETRY_UNKNOWN_S)
            ),
            "publish",
        )

    @contextmanager
    def body(self) -> Iterator[Callable[[int], None]]:
        """Give a function that counts bytes of a body in memory; it raises Problem at the limit.

        They are counted until the block ends.
        """
        mine = 0

        def count(size: int) -> None:
            nonlocal mine
            if self.bodies_bytes + size > self._settings.bodies_bytes_max:
                raise refused(
                    overloaded(
                        "too many bytes are being sent at once: try again shortly",
                        self._spread(RETRY_UNKNOWN_S),
                    ),
                    "bodies",
                )
            mine += size
            self.bodies_bytes += size

        try:
            yield count
        finally:
            self.bodies_bytes -= mine

    def _broker_answers(self) -> None:
        if self._clock() - self._answered_s > STALE_S:
            raise refused(
                overloaded(
                    f"the broker does not answer ({self._why}): try again shortly",
                    self._spread(RETRY_UNKNOWN_S),
                ),
                "broker",
            )

    def _share(self, tenant: str) -> None:
        mine, most = self._of_tenant[tenant], self._settings.unanswered_per_tenant_max
        every, most_of_all = len(self._waiting), self._settings.unanswered_max
        if _full(mine, most, tenant in self._closed_tenants):
            self._closed_tenants.add(tenant)
            problem = too_many(
                f"{mine} questions of this tenant have no answer yet: wait for some to end",
                self._spread(self._answered_in_s(mine - _low(most), mine / max(1, every))),
            )
            raise refused(problem, "tenant")
        self._closed_tenants.discard(tenant)
        self._closed = _full(every, most_of_all, self._closed)
        if self._closed:
            problem = overloaded(
                f"{every} questions have no answer yet: try again shortly",
                self._spread(self._answered_in_s(every - _low(most_of_all), 1.0)),
            )
            raise refused(problem, "unanswered")

    def _lane_is_open(self, path: Sequence[str], lane: int, budget_s: float) -> None:
        refusal = self.backlog.refusal(path, lane, self._clock(), budget_s)
        if refusal is not None:
            problem = overloaded(
                f"{refusal.detail}: try again later", self._spread(refusal.retry_s)
            )
            raise refused(problem, refusal.reason)

    def _answered_in_s(self, count: int, share: float) -> float:
        """Return how long `count` answers take at the rate of late, of which a share is meant."""
        now_s = self._clock()
        recent = [at for at in self._answers if now_s - at <= RATE_S]
        if len(recent) < 2:
            return RETRY_UNKNOWN_S
        rate = (len(recent) - 1) / max(now_s - recent[0], 0.001)
        return retry_after_s(count / (rate * share))

    @staticmethod
    def _spread(wait_s: float) -> int:
        return math.ceil(wait_s * random.uniform(1.0, SPREAD))  # noqa: S311 - no secret

    # ------------------------------------------------------------------ what became of them

    @property
    def unanswered(self) -> int:
        """Questions without an answer whose time is not over."""
        return len(self._waiting)

    @property
    def now_s(self) -> float:
        """The clock of the backlog."""
        return self._clock()

    def awaits(self, request: str) -> bool:
        """Tell whether a request counts as unanswered; may be asked from any thread."""
        return request in self._waiting

    def take(self, entry: Entry) -> None:
        """Learn from an entry of the log that a question was answered."""
        request = entry.event.meta.request
        waiting = self._waiting.get(request)
        if waiting is not None and isinstance(entry.event, waiting.closes):
            self._answers.append(self._clock())
            self._forget(request)

    def _forget(self, request: str) -> None:
        waiting = self._waiting.pop(request, None)
        if waiting is not None:
            self._of_tenant[waiting.tenant] -= 1
            if not self._of_tenant[waiting.tenant]:
                del self._of_tenant[waiting.tenant]
                self._closed_tenants.discard(waiting.tenant)

    def _forget_the_late(self) -> None:
        now_s = self._clock()
        for request in [key for key, one in self._waiting.items() if one.until_s < now_s]:
            self._forget(request)

    # ------------------------------------------------------------------ how the log stands

    def read(self, lags: Sequence[Lag], ages_s: Mapping[Lane, float] | None = None) -> None:
        """Learn how far the steps are behind; the ages are of use at the first reading."""
        self._answered_s, self._why = self._clock(), "no answer"
        self.backlog.take(lags, self._answered_s, ages_s)

    def not_read(self, why: str) -> None:
        """Learn that the broker did not tell."""
        if why != self._why:
            log.warning("the offsets are not told, asking again", reason=why)
        self._why = why

    def shedding(self) -> dict[str, str]:
        """Return what is refused at the moment, and why; empty where nothing is."""
        found = {}
        if self._clock() - self._answered_s > STALE_S:
            found["all"] = f"the broker does not answer ({self._why})"
        if _full(self.unanswered, self._settings.unanswered_max, self._closed):
            found["questions"] = f"{self.unanswered} have no answer yet"
        for name, path in (("questions", QUESTION), ("documents", DOCUMENT)):
            for lane, step in self.backlog.shedding(path).items():
                found[f"{name} of lane {lane}"] = f"behind: {step}"
        return found

    async def watch(self, positions: OpenPositions) -> None:
        """Read how far the steps are behind, again and again, until cancelled."""
        while True:
            try:
                async with positions() as offsets:
                    await self._read_on(offsets)
            except NotTold as error:  # new work can be written, and what is known still holds
                self.not_read(str(error))
                self._answered_s = self._clock()
            except NoAnswer as error:
                self.not_read(str(error))
            except Exception as error:  # noqa: BLE001 - without readings all would be refused
                self.not_read(type(error).__name__)
                log.error(  # noqa: TRY400 - a traceback may hold values
                    "unforeseen error", error=type(error).__name__, places=places(error)
                )
            await asyncio.sleep(EVERY_S)

    async def _read_on(self, offsets: Positions) -> None:
        wanted = readers(entry.name for entry in STEPS)
        while True:
            lags = await offsets.lags(wanted)
            ages_s: dict[Lane, float] = {}
            if not self.backlog.known:  # later ages follow from when the lanes grew
                now_ms = time.time() * 1_000
                oldest_ms = await offsets.oldest_ms(lags)
                ages_s = {lane: max(0.0, now_ms - at) / 1_000 for lane, at in oldest_ms.items()}
            self.read(lags, ages_s)
            self._forget_the_late()
            await asyncio.sleep(EVERY_S)


def refused(problem: Problem, reason: str) -> Problem:
    """Count a refusal, and return what the client is told."""
    shed(reason, problem.status)
    return problem
