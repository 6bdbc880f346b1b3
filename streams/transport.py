"""Faust's Kafka transport as the runner needs it: all that depends on Faust's private names.

What it adds to the driver of Faust 0.15.3:

* The committed offset is the contiguous finished prefix of our own ledger. Faust's list of acks can
  commit past an event that is still running when events finish out of order, and it acknowledges
  events that it skips; measured with kill -9, that loses events.
* A gap in what is delivered is read again: while tables recover, Faust loses what it fetched.
* The producer is idempotent and waits for all replicas; Faust has no setting for it.
* A message is handed over without a pair of tasks while nothing can block: three to four times the
  throughput.

Why it is so: the private names make an exact pin of Faust's version necessary, and the tests that
kill a worker must pass before the pin moves.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.settings import Settings

log = logging.getLogger("playhead.transport")

SESSION_S = 6.0  # the broker's own minimum; one death stalls a lane for about this long (measured)
HEARTBEAT_S = 1.0
REBALANCE_S = 10.0
READ_AGAIN_S = 5.0  # for what is read again to be delivered, before it is asked for once more
READ_AGAIN_POLL_S = 0.1
BUFFER = 4096  # records of a consumer on their way to the runner; smaller costs a third of the rate


class Verdict(Enum):
    """What is to be done with an offset that was delivered."""

    RUN = "run"
    SKIP = "skip"
    READ_AGAIN = "read again"


class Ledger:
    """Offsets of one partition in the order of delivery, and which of them are finished.

    Offsets must be delivered without a gap. Faust can lose what it fetched while it recovers
    tables: it empties its queues after it has gone to the committed offset (seen under kill -9). So
    a gap is read again, and is believed only if the same offset stands behind it a second time:
    then records were trimmed or compacted away.
    """

    __slots__ = ("_doubted", "_expected", "_finished", "_order", "safe")

    def __init__(self, base: int) -> None:
        self._expected = base
        self._doubted: int | None = None
        self._order: deque[int] = deque()
        self._finished: set[int] = set()
        self.safe: int | None = None
        """The next offset that may be committed: all before it are finished."""

    @property
    def expected(self) -> int:
        """The offset that has to be delivered next."""
        return self._expected

    def begin(self, offset: int) -> Verdict:
        """Enter an offset, unless it was delivered before or stands behind a gap."""
        if offset < self._expected:
            return Verdict.SKIP
        if offset > self._expected and offset != self._doubted:
            if self._doubted is not None and offset > self._doubted:
                return Verdict.SKIP  # fetched before the gap was found: it comes again
            self._doubted = offset
            return Verdict.READ_AGAIN
        self._doubted = None
        self._expected = offset + 1
        self._order.append(offset)
        return Verdict.RUN

    def finish(self, offset: int) -> None:
        """Mark an offset as finished."""
        self._finished.add(offset)
        while self._order and self._order[0] in self._finished:
            head = self._order.popleft()
            self._finished.discard(head)
            self.safe = head + 1

    @property
    def doubts(self) -> bool:
        """Whether a gap was found and what stands before it was not delivered yet."""
        return self._doubted is not None

    @property
    def oldest(self) -> int | None:
        """Oldest offset that was begun and is not finished."""
        return self._order[0] if self._order else None


class ReadOffsets(defaultdict[TP, int | None]):
    """Faust's newest offset of each partition, below which it drops what it fetched.

    It tells no offset of a partition that has a ledger. What was fetched before a gap was found is
    delivered after the consumer went back, and moves Faust's offset past what is read again: all of
    that would be dropped, and the lane stand still for good (seen under kill -9).
    """

    def __init__(self, ledgers: Mapping[TP, Ledger]) -> None:
        super().__init__(lambda: None)
        self._ledgers = ledgers

    def __getitem__(self, tp: TP) -> int | None:
        """Return the offset, or None: then the ledger tells what was delivered before."""
        return None if tp in self._ledgers else super().__getitem__(tp)


class Consumer(driver.Consumer):
    """Faust's consumer, with the ledgers deciding what is committed."""

    app: Any  # an App, with what the runner sets on it

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ledgers: dict[TP, Ledger] = {}
        self._read_offset = ReadOffsets(self.ledgers)
        self.revoking = False
        self._taken_up: set[TP] = set()
        self._handed: Any = None
        hand_over = self.callback

        def remember(message: Any) -> Awaitable[None]:
            self._handed = message.tp
            given: Awaitable[None] = hand_over(message)
            return given

        self.callback = remember

    def ledger(self, tp: TP) -> Ledger:
        """Return the ledger of an assigned partition."""
        found = self.ledgers.get(tp)
        if found is None:
            found = self.ledgers[tp] = Ledger(self.committed(tp))
        return found

    def taken_up(self, tp: TP) -> bool:
        """Whether it is known where an assigned partition begins.

        Faust lets records through before. Taken for the first ones, they would make the lane be
        read again from its very beginning (seen when workers were paused under load). What is left
        alone until then is delivered again.
        """
        return tp in self._taken_up

    def committed(self, tp: TP) -> int:
        """Return the offset at which an assigned partition was, or will be, taken up."""
        return self._committed_offset.get(tp) or 0

    async def read_again(self, tp: TP) -> None:
        """Go back to the offset that should have been delivered, until it is."""
        ledger = self.ledgers.get(tp)
        while ledger is not None and ledger.doubts:
            if self.revoking or self.ledgers.get(tp) is not ledger or tp not in self.assignment():
                return  # the partition moves: its next owner begins at what is committed
            log.warning(
                "a gap in %s[%d]: reading again from %d", tp.topic, tp.partition, ledger.expected
            )
            await self.seek(tp, ledger.expected)
            for _ in range(int(READ_AGAIN_S / READ_AGAIN_POLL_S)):
                if self.revoking or not ledger.doubts:
                    break
                await asyncio.sleep(READ_AGAIN_POLL_S)

    async def perform_seek(self) -> None:
        """Go to the committed offsets: the last thing before records are fetched."""
        await super().perform_seek()
        self._taken_up.update(self.assignment())
        self.app.assigned(tp for tp in self.assignment() if not self._is_changelog_tp(tp))

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        for tp, ledger in self.ledgers.items():
            if ledger.safe is not None and (topics is None or tp in topics or tp.topic in topics):
                yield tp

    def _new_offset(self, tp: TP) -> int | None:
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        self._gap.pop(tp, None)
        ledger = self.ledgers.get(tp)
        return ledger.safe if ledger else None

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Say nothing about quiet partitions: an idle changelog is no livelock."""

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Keep no book of gaps: the ledger follows the order of delivery."""

    async def wait_first(self, *coros: Any, **kwargs: Any) -> Any:
        """Await a message's callback itself while nothing in it can block."""
        if (
            len(coros) == 2
            and asyncio.iscoroutine(coros[0])
            and not self.suspend_flow.is_set()
            and not any(
                channel.queue.full()
                for channel in self.app.topics._tp_index.get(self._handed, ())  # noqa: SLF001
            )
        ):
            coros[1].close()
            await coros[0]
            return None
        return await super().wait_first(*coros, **kwargs)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let running events end, commit what is finished, forget the rest: the next owner runs it.

        The protocol is eager: every rebalance takes all partitions away.
        """
        self.revoking = True
        try:
            await self.app.drained()
            await self.commit()
            await super().on_partitions_revoked(revoked)
        finally:
            self.ledgers.clear()
            self._taken_up.clear()
            self._buffered_partitions.clear()
            self.revoking = False


class Producer(driver.Producer):
    """Faust's producer, idempotent: a retry inside the client neither repeats nor reorders."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}


class Transport(driver.Transport):
    """The driver with our consumer and producer."""

    Consumer = Consumer
    Producer = Producer


class App(faust.App):
    """A Faust app on this transport."""

    drained: Callable[[], Awaitable[None]]
    """Waits until no event is running, or cancels it; set by the runner."""
    assigned: Callable[[Iterable[TP]], None]
    """Told which lanes are about to be read; set by the runner."""

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> Any:
        return Transport(self.conf.broker_producer, self)


def new_app(name: str, settings: Settings) -> App:
    """Make the Faust app of a step; its name is the consumer group."""
    folder = settings.run / "faust" / name
    folder.mkdir(parents=True, exist_ok=True)
    return App(
        name,
        broker=[f"kafka://{server.strip()}" for server in settings.kafka.split(",")],
        store="memory://",
        datadir=str(folder),
        processing_guarantee="at_least_once",
        broker_session_timeout=SESSION_S,
        broker_heartbeat_interval=HEARTBEAT_S,
        broker_rebalance_timeout=REBALANCE_S,
        broker_commit_interval=settings.commit_ms / 1000,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        producer_linger=0.0,
        stream_buffer_maxsize=BUFFER,
        stream_wait_empty=False,
        table_standby_replicas=0,
        topic_disable_leader=True,
        topic_allow_declare=False,
        topic_partitions=settings.partitions,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )


def raw_topic(app: App, *names: str) -> Any:
    """Subscribe to topics as bytes: what they mean is the runner's business."""
    return app.topic(
        *names, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )
