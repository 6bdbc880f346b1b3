"""What new work the edge takes in: overload is refused at once, with a time to come back.

A refusal costs little and queues nothing. What reads, and what was taken in, goes on. Refused is
with 429 what is above a tenant's own share, with 503 what the system can't do at the moment.

Everything here lives on the event loop, but for `awaits`.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from typing import Protocol

from edge.listening.entries import Entry
from edge.listening.under_way import UnderWay
from edge.load.backlog import DOCUMENT, QUESTION, SEARCH, Backlog
from edge.load.lane_track import RETRY_UNKNOWN_S, SPREAD, Mine, spread
from edge.load.measures import refused
from edge.load.shares import Above, Held, Shares
from edge.load.unanswered import Unanswered
from edge.problems import Problem, Quota, overloaded, too_many
from edge.requests.identity import Whose
from edge.requests.limits import BODY_MAX
from schemas import Event
from streams.log.offsets import NoAnswer, NotTold, Partition
from streams.operations.lag import ConsumerGroup, Lag, ages_of, consumer_groups
from streams.settings import Settings
from streams.topics import STEPS
from streams.watching.logs import logger, places

log = logger("gateway")

DOCUMENTS_LEAST = 4
"""Under way of a tenant: while it has fewer, no other's crowd in a lane concerns it."""
EVERY_S = 1.0  # between readings of the offsets: a question takes about as long
QUIET_READINGS = 8
"""So many times as long it is at most between readings of lanes in which nothing is done: ten
requests to the broker a reading, from each gateway. Who asks here ends such a pause."""
STALE_S = 6.0  # without an answer, the broker counts as away: above what a reading may take


class TellsOffsets(Protocol):
    """What the gateway needs to know of the log's lanes; each method may raise NoAnswer."""

    async def lags(self, wanted: Sequence[ConsumerGroup]) -> list[Lag]:
        """Return the lag of each group in each lane of its topics."""

    async def oldest_ms(self, lags: Sequence[Lag]) -> dict[Partition, int]:
        """Return the broker's time of the first unfinished record of each lane that is behind."""


OpenOffsets = Callable[[], AbstractAsyncContextManager[TellsOffsets]]


class Admission:
    """Decides what is taken in."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        *,
        documents_of: Callable[[int, str], UnderWay] = lambda *_: UnderWay(),
        every_s: float = EVERY_S,
        spread: float = SPREAD,
    ) -> None:
        """`documents_of` tells a tenant's documents under way in a lane, since when in seconds."""
        self._clock = clock
        self._documents_of = documents_of
        self._every_s = every_s
        self._spread_most = spread
        self._bodies = Held(_shares_of_bodies(settings))
        self._questions = Unanswered(settings, clock)
        self._answered_s = clock()
        """When the broker was last heard, or will be asked: its silence counts from then."""
        self._why = "no answer"
        self._quiet = 1
        """So many times as long as usual it is until the next reading."""
        self._asked_for = asyncio.Event()
        """Something was taken in since the last reading."""
        self.backlog = Backlog(settings)

    # ------------------------------------------------------------------ taking requests in

    @contextmanager
    def question(
        self,
        request: str,
        tenant: str,
        lane: int,
        budget_s: float,
        *,
        grace_s: float,
        search: bool,
        key: str = "",
    ) -> Iterator[Callable[[], None]]:
        """Take a question in, or raise Problem. It counts until it is answered or given up.

        What goes wrong within the block means that it is not on the log; but for the block being
        cancelled after it called what it is given, to say that the question is on its way there.
        """
        self._questions.forget_the_late()
        self._broker_answers()
        self._share(tenant)
        under_way = self._questions.under_way(lane, tenant)
        is_few = self._questions.is_within_minimum(tenant)
        mine = _mine(under_way, self._clock(), is_few=is_few)
        self._lane_is_open(SEARCH if search else QUESTION, lane, budget_s, mine)
        whose = tenant, request
        added = self._questions.add(whose, lane, budget_s + grace_s, search=search, key=key)
        self._asked_for.set()
        handed_over = False

        def hand_over() -> None:
            nonlocal handed_over
            handed_over = True

        try:
            yield hand_over
        except BaseException as error:
            # whoever asked may leave at any moment, also while the broker takes the question
            on_its_way = handed_over and not isinstance(error, Exception)
            if added and not on_its_way:
                self._questions.forget(whose)
            raise

    def document(self, tenant: str, lane: int) -> None:
        """Take a document in; raises Problem."""
        self._broker_answers()
        under_way = self._documents_of(lane, tenant)
        is_few = under_way.pending < DOCUMENTS_LEAST
        self._lane_is_open(DOCUMENT, lane, math.inf, _mine(under_way, time.time(), is_few=is_few))
        self._asked_for.set()

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
    def body(self, tenant: str, key: str) -> Iterator[Callable[[int], None]]:
        """Give a function that counts bytes of a body in memory; it raises Problem at the limit.

        They are counted until the block ends.
        """
        mine = 0

        def count(size: int) -> None:
            nonlocal mine
            above = self._bodies.above(tenant, key, size)
            if above:
                raise refused(self._too_many_bytes(above, tenant, key), "bodies")
            mine += size
            self._bodies.add(tenant, key, size)

        try:
            yield count
        finally:
            self._bodies.add(tenant, key, -mine)

    def _too_many_bytes(self, above: Above, tenant: str, key: str) -> Problem:
        wait_s = self._spread(RETRY_UNKNOWN_S)
        if above == "all":
            what = "too many bytes are being sent at once: try again shortly"
            return overloaded(what, wait_s)
        most, held = self._bodies.shares.of_key, self._bodies.by_key(tenant, key)
        if above == "tenant":
            most, held = self._bodies.shares.of_tenant, self._bodies.by_tenant(tenant)
        quota = Quota(f"{above}-bodies", most, most - held, "content-bytes")
        what = f"this {above} sends too many bytes at once: wait for a body to be taken in"
        return too_many(what, wait_s, quota)

    @property
    def bodies_bytes(self) -> int:
        """Bytes of bodies in memory."""
        return self._bodies.total

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
        crowd = self._questions.crowd(tenant)
        if crowd is None:
            return
        wait_s = self._spread(crowd.room_in_s)
        if crowd.of_tenant:
            what = "questions of this tenant have no answer yet: wait for some to end"
            quota = Quota("tenant-unanswered-questions", crowd.most)
            raise refused(too_many(f"{crowd.count} {what}", wait_s, quota), "tenant")
        what = "questions have no answer yet: try again shortly"
        raise refused(overloaded(f"{crowd.count} {what}", wait_s), "unanswered")

    def _lane_is_open(self, path: Sequence[str], lane: int, budget_s: float, mine: Mine) -> None:
        refusal = self.backlog.refusal(path, lane, self._clock(), budget_s, mine)
        if refusal is not None:
            problem = overloaded(
                f"{refusal.detail}: try again later", self._spread(refusal.retry_s)
            )
            raise refused(problem, refusal.reason)

    def _spread(self, wait_s: float) -> int:
        return spread(wait_s, self._spread_most)

    # ------------------------------------------------------------------ what became of them

    @property
    def unanswered(self) -> int:
        """Questions without an answer whose time is not over."""
        return len(self._questions)

    def unanswered_of(self, tenant: str, key: str = "") -> int:
        """Return how many of them are a tenant's, or a key's."""
        self._questions.forget_the_late()
        return self._questions.count(tenant, key)

    def answered_in_s(self, tenant: str, key: str, count: int) -> float:
        """Return in how many seconds so many of these will be answered, as things go."""
        return self._questions.answered_in_s(tenant, key, count)

    @property
    def now_s(self) -> float:
        """The clock of the backlog."""
        return self._clock()

    def awaits(self, whose: Whose, kind: type[Event] | None = None) -> bool:
        """Tell whether a request counts as unanswered, and would not after a record of a kind.

        May be asked from any thread.
        """
        return self._questions.awaits(whose, kind)

    def take(self, entry: Entry) -> None:
        """Learn from an entry of the log that a question was asked or answered."""
        self._questions.take(entry)

    # ------------------------------------------------------------------ how the log stands

    def read(self, lags: Sequence[Lag], ages_s: Mapping[Partition, float] | None = None) -> None:
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
        reasons = {}
        if self._clock() - self._answered_s > STALE_S:
            reasons["all"] = f"the broker does not answer ({self._why})"
        if self._questions.full:
            reasons["questions"] = f"{self.unanswered} have no answer yet"
        for name, path in (("questions", QUESTION), ("documents", DOCUMENT)):
            for lane, step in self.backlog.shedding(path).items():
                reasons[f"{name} of lane {lane}"] = f"behind: {step}"
        return reasons

    async def watch(self, open_offsets: OpenOffsets) -> None:
        """Read how far the steps are behind, again and again, until cancelled."""
        while True:
            try:
                async with open_offsets() as offsets:
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
            await asyncio.sleep(self._every_s)

    async def _read_on(self, offsets: TellsOffsets) -> None:
        groups = consumer_groups(entry.name for entry in STEPS)
        before: Sequence[Lag] = ()
        while True:
            self._asked_for.clear()
            lags = await offsets.lags(groups)
            ages_s: dict[Partition, float] = {}
            if not self.backlog.known:  # later ages follow from when the lanes grew
                now_ms = time.time() * 1_000
                ages_s = ages_of(await offsets.oldest_ms(lags), now_ms)
            self.read(lags, ages_s)
            self._questions.forget_the_late()
            is_quiet = lags == before and not any(one.records for one in lags)
            self._quiet = min(2 * self._quiet, QUIET_READINGS) if is_quiet else 1
            before = lags
            await self._pause()

    async def _pause(self) -> None:
        """Wait for the next reading: longer where nothing is done, until something is taken in."""
        longer_s = (self._quiet - 1) * self._every_s
        self._answered_s = self._clock() + longer_s
        with suppress(TimeoutError):
            await asyncio.wait_for(self._asked_for.wait(), longer_s)
        self._answered_s = self._clock()
        await asyncio.sleep(self._every_s)


def _mine(under_way: UnderWay, now_s: float, *, is_few: bool) -> Mine:
    age_s = max(0.0, now_s - under_way.since) if under_way.pending else 0.0
    return Mine(under_way.pending, under_way.tenants, age_s, is_few)


def largest_body(settings: Settings) -> int:
    """Return the bytes of the largest body that is taken in: a document, spelt as JSON may."""
    return 2 * settings.document_bytes_max + BODY_MAX


def _shares_of_bodies(settings: Settings) -> Shares:
    """Return who may send how much at once: a key at least the largest body, anybody a question."""
    most = settings.bodies_bytes_max
    of_key = min(most, max(most // 4, largest_body(settings)))
    return Shares(most, max(most // 2, of_key), of_key, min(BODY_MAX, of_key))
