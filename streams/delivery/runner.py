"""Step -> Faust agents: what of a step's lanes runs when.

An input is finished when the broker has acknowledged its closed outcome, and only a contiguous
prefix of finished inputs is committed. So nothing is lost; what a crash repeats is told apart by
the attempt in its records, and what was finished is not run again (see `takeover`).

Many inputs of a lane run at once; those of one session run one after another (see `lane`).
A run that waits for nothing costs no task of its own: workers of a lane take one input after the
other, and another one is started whenever one of them may have to wait.

What is done with an input stands in `opening` and `processing`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any, cast

from confluent_kafka import Message

from streams.delivery.commits import Commit, claim, inherited
from streams.delivery.faust_shell import App, Consumer, raw_topic
from streams.delivery.intake import LaneBatch
from streams.delivery.lane import Lane
from streams.delivery.opening import FoldFunction, Opener, Reads
from streams.delivery.processing import Processor, Services
from streams.delivery.tables import Table
from streams.delivery.takeover import Takeover
from streams.log.clock import now_us
from streams.log.pauses import pauses
from streams.running.producer_proof import ProducerProof
from streams.topics import Fold, Step, topic_of
from streams.watching.logs import begin_task, leave, logger, places
from streams.watching.metrics import Counts, LaneState, observe

log = logger("runner")

SLICE_S = 0.002  # for which a lane may run without letting others: hops of one process share a loop
REVOKED_GRACE_S = 3.0  # for running events when lanes move
PUBLISHED_S = 2.0  # for the broker to acknowledge what a moving lane has written


class Runner:
    """Runs one step over its topics, by one agent of a Faust app for each."""

    def __init__(
        self,
        app: App,
        step: Step,
        folds: Mapping[Fold, FoldFunction] | None = None,
        tables: Sequence[Table] = (),
    ) -> None:
        self.app = app
        self.step = step
        self.counts = Counts(step.name)
        self._reads = {topic_of(record): Reads(record) for record in step.reads}
        self._folds = tuple(folds or ())
        for fold, function in (folds or {}).items():
            self._reads[topic_of(fold.reads)] = Reads(fold.reads, function)
        self._tables = tables
        self._lanes: list[Lane] = []
        self._tasks: dict[asyncio.Task[None], Sequence[Lane]] = {}
        """What runs, and for which lanes; it ends with the last of them."""
        self._stopping = False
        app.lanes_assigned = self._assigned
        app.lanes_revoked = self._revoked
        for topic, reads in self._reads.items():
            self._declare(topic, reads)
        observe(step.name, self.lanes)

    def _declare(self, topic: str, reads: Reads) -> None:
        """Declare the agent of a topic."""
        what = self.step.function if reads.fold is None else reads.fold

        async def agent(stream: Any) -> None:
            await self._agent(stream)

        agent.__doc__ = (what.__doc__ or "").partition("\n")[0]
        self.app.agent(raw_topic(self.app, topic), name=f"{self.step.name}/{topic}")(agent)

    def attach(self, services: Services) -> None:
        """Take what the step needs to run; before its app starts."""
        self._takeover = Takeover(
            self.step, services.settings, services.codec, self._tables, self._folds
        )
        self._opener = Opener(
            self.step.name,
            self._reads,
            services.codec,
            Processor(
                self.step,
                services,
                lambda: self.app.publisher,
                self._takeover.history,
                self.counts,
            ),
            self._spawn,
            holds=ProducerProof(services.configurations).holds,
        )

    @property
    def ready(self) -> bool:
        """Whether the group has told which lanes are ours, and all are known."""
        consumer = cast(Consumer, self.app.consumer)
        return consumer.joined and all(lane.learned for lane in self._lanes)

    @property
    def trouble(self) -> str:
        """What lanes of ours wait for, unusually long; empty while they don't."""
        return self._takeover.trouble if self._lanes else ""

    @property
    def topics(self) -> Sequence[str]:
        """What it reads."""
        return list(self._reads)

    @property
    def held(self) -> Sequence[Lane]:
        """The lanes that are ours."""
        return [lane for lane in self._lanes if not lane.revoked]

    def lanes(self) -> Iterator[LaneState]:
        """Tell how the lanes stand."""
        for lane in list(self._lanes):
            yield LaneState(
                topic=lane.topic,
                lane=lane.partition,
                lag=lane.lag,
                in_flight=lane.running,
                taken=len(lane),
                oldest_age_s=_age_s(lane.oldest),
                paused=lane.paused,
                bytes=lane.bytes,
                uncommitted_s=lane.uncommitted_s,
                stuck=lane.displaced or lane.silent,
            )

    # ------------------------------------------------------------------ taking events

    async def _agent(self, stream: Any) -> None:
        async for event in stream.noack().events():
            try:
                self._take(event.value)
            except Exception as error:  # noqa: BLE001 - an exception here would lose the batch
                await self._die(error)

    def _take(self, batches: Iterable[LaneBatch]) -> None:
        for lane, records in batches:
            if not lane.revoked:
                lane.take(records)
                self._pump(lane)

    def _pump(self, lane: Lane) -> None:
        """Have a worker at hand for whatever may run next."""
        idle = lane.spare or lane.revoked or lane.displaced or self._stopping
        if lane.learned and not idle and lane.has_work:
            lane.spare = True
            self._spawn(self._work(lane), [lane])

    def _spawn(self, work: Coroutine[Any, Any, None], lanes: Sequence[Lane]) -> None:
        task = asyncio.create_task(work)
        self._tasks[task] = lanes
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            self.app.add_future(self._die(error))

    async def _work(self, lane: Lane) -> None:
        """Run one event of a lane after the other, until there is none that may run."""
        lane.spare = False
        begin_task()
        until = perf_counter() + SLICE_S
        open_ = self._opener.open
        while (
            not (lane.revoked or lane.displaced or self._stopping)
            and (item := lane.next(open_)) is not None
        ):
            self._pump(lane)
            try:
                await item.work(item)
            except asyncio.CancelledError:
                raise  # the lane moves: the next owner runs it
            except Exception as error:  # noqa: BLE001 - of the machinery, not of the step
                await self._die(error)
                return
            leave()
            lane.left(item)
            item.close()
            if perf_counter() > until:
                await asyncio.sleep(0)
                until = perf_counter() + SLICE_S
        # what became free while no worker was at hand
        self._pump(lane)

    async def _die(self, error: BaseException) -> None:
        """Stop the worker: what it can't do, it must not acknowledge."""
        log.error(
            "the runner broke", step=self.step.name, error=type(error).__name__, stack=places(error)
        )
        await self.app.crash(error)

    # ------------------------------------------------------------------ lanes come and go

    def _assigned(self, lanes: Sequence[Lane]) -> None:
        """Take lanes over: learn what was done before, then run them.

        Of a lane whose inputs are another's, what is folded is left unread: the tables are the
        other's, too. So it is while workers that do not know a folded topic have lanes beside us.
        """
        inputs = {topic_of(record) for record in self.step.reads}
        ours = {lane.partition for lane in lanes if lane.topic in inputs}
        lanes = [lane for lane in lanes if lane.partition in ours]
        self._lanes = [lane for lane in self._lanes if not lane.revoked] + list(lanes)
        self._takeover.keep_only({lane.partition for lane in self._lanes})
        if lanes:
            self._spawn(self._learn(lanes), lanes)

    async def _learn(self, lanes: Sequence[Lane]) -> None:
        learning = self._takeover.learn(lanes, self.app.publisher.ends)
        await asyncio.gather(learning, self._claim(claim(lanes)))
        await self._claim(inherited(lanes))
        for lane in lanes:
            lane.on_progress = self._pump
            lane.on_failed = self.app.publishing_failed
            lane.learned = True
            self._pump(lane)

    async def _claim(self, claims: Sequence[Commit]) -> None:
        """Make lanes ours; asks until the group has taken it, or they have gone."""
        waits = pauses()
        consumer = cast(Consumer, self.app.consumer)
        while not await consumer.claim(claims):  # noqa: ASYNC110 - it is asked of the group
            await asyncio.sleep(next(waits))

    async def _revoked(self, lanes: Sequence[Lane], *, in_good_order: bool) -> None:
        """Let go of lanes. Called when they are revoked, or known to be lost.

        In good order running events may end, and everything written is acknowledged before the next
        owner reads what was done. Of lost lanes nothing more may reach the log.
        """
        if not in_good_order:
            _give_up(lanes)
            self._abandon(lanes)
            await self._cancel()
            return
        stopping, all_written = self._stopping, False
        self._stop_learning()
        try:
            await self.drain(REVOKED_GRACE_S)
            # ours until then: a record may wait for others before it is sent (`Item.hand_over`)
            await asyncio.wait_for(self.app.publisher.delivered(), PUBLISHED_S)
            all_written = not any(lane.has_unwritten for lane in lanes)
        except TimeoutError:
            log.warning("lanes go before all is acknowledged", lanes=len(lanes))
        finally:
            self._stopping = stopping
            _give_up(lanes)
        for lane in lanes:
            lane.given_up = all_written
        if not all_written:
            self._abandon(lanes)
        for lane in self.held:
            self._pump(lane)

    def _abandon(self, lanes: Iterable[Lane]) -> None:
        """Forget what is not on the log, and that it was done: inputs count as finished before.

        Lanes that have come again meanwhile were learnt anew.
        """
        self.app.publisher.abandon()
        ours = {lane.partition for lane in self._lanes if not lane.revoked}
        self._takeover.forget({lane.partition for lane in lanes} - ours)

    def _stop_learning(self) -> None:
        """Nothing runs of a lane that is not known, and the group answers nobody meanwhile."""
        for task, lanes in self._tasks.items():
            if lanes and not any(lane.learned for lane in lanes):
                task.cancel()

    async def drain(self, grace_s: float) -> None:
        """Start nothing new, let running events end for a while, then cancel the rest."""
        self._stopping = True
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=grace_s)
        await self._cancel(everything=True)

    async def _cancel(self, *, everything: bool = False) -> None:
        """Cancel what runs for lanes that have gone, or everything."""
        left = [
            task
            for task, lanes in self._tasks.items()
            if not task.done() and (everything or all(lane.revoked for lane in lanes))
        ]
        for task in left:
            task.cancel()
        if left:
            log.info("cancelled running events", step=self.step.name, events=len(left))
            await asyncio.wait(left, timeout=1.0)


def _give_up(lanes: Iterable[Lane]) -> None:
    for lane in lanes:
        lane.revoked = True


def _age_s(message: Message | None) -> float:
    return 0.0 if message is None else max(0.0, now_us() / 1e6 - message.timestamp()[1] / 1e3)
