"""Membership: lanes come and go as the group says.

Rebalances are answered within a poll: librdkafka calls back, and a partition is given up only when
that call returns.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine, Iterable
from typing import Any, Protocol, TypeVar

from confluent_kafka import OFFSET_INVALID, KafkaException, TopicPartition
from confluent_kafka import Consumer as Client

from streams.delivery.commits import Commit, Commits, name_of, unnoted
from streams.delivery.intake import LaneBatch
from streams.delivery.lane import Busy, Lane, Place
from streams.log.reading import tells_of_end
from streams.watching.logs import logger

log = logger("membership")

HANDED_OVER_S = 6.0  # for running events, the publisher and the commit when lanes move
BROKER_TIMEOUT_S = 10.0
PAUSE_S = 0.5

ResultT = TypeVar("ResultT")


class Listener(Protocol):
    """Told on the event loop what the reader's thread learns."""

    def arrived(self, batches: list[LaneBatch]) -> None:
        """Take records, in the order in which they were read."""

    def assigned(self, lanes: list[Lane]) -> None:
        """Take lanes over; all that are ours now."""

    async def revoked(self, lanes: list[Lane]) -> list[Commit]:
        """Give lanes up in good order; return what is still to be committed of them."""

    async def lost(self, lanes: list[Lane]) -> None:
        """Drop lanes that are another worker's already."""

    def broken(self, error: BaseException) -> None:
        """Take note that nothing is read any more."""


class Membership:
    """The lanes that are ours; its methods but for `lanes` are called by librdkafka."""

    def __init__(
        self,
        listener: Listener,
        loop: asyncio.AbstractEventLoop,
        window: int,
        ended: threading.Event,
        limit_s: float = HANDED_OVER_S,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._listener = listener
        self._loop = loop
        self._window = window
        self._ended = ended
        self._limit_s = limit_s
        self._pause_s = pause_s
        self._commits = Commits(lambda: self.lanes)
        self.lanes: dict[Place, Lane] = {}
        """Replaced as a whole when lanes come or go, so that others see one state."""
        self.displaces = False
        """Whether the lanes that come next may be taken from one that nobody has told."""
        self._dropping: concurrent.futures.Future[None] | None = None
        """What the event loop has still to drop of lanes that have gone."""

    def assign(self, client: Client, partitions: list[TopicPartition]) -> None:
        """Begin each partition where it was left; raises KafkaException where the client has ended.

        What was known of lanes that went must be dropped before they may come again: it counts
        inputs as done whose outcomes were forgotten.
        """
        self._see_dropped()
        beginnings, untouched = self._beginnings(client, partitions)
        client.assign([TopicPartition(at.topic, at.partition, at.offset) for at in beginnings])
        if beginnings:  # a partition that was paused and comes back would stay so
            client.resume(beginnings)
        busy: dict[int, Busy] = {at.partition: {} for at in beginnings}
        lanes = {
            (at.topic, at.partition): Lane(
                at.topic,
                at.partition,
                at.offset,
                self._window,
                busy[at.partition],
                at.metadata or "",
            )
            for at in beginnings
        }
        for place, lane in lanes.items():
            lane.contested = self.displaces
            lane.untouched = place in untouched
        self.displaces = False  # from now on the group has lanes given up before they come
        self.lanes = lanes
        self._loop.call_soon_threadsafe(self._listener.assigned, list(lanes.values()))

    def revoke(self, client: Client, partitions: list[TopicPartition]) -> None:
        """Give lanes up in good order, and commit what they have finished."""
        lanes = self._forget(partitions)
        commits = self._answer(self._listener.revoked(lanes))
        if commits is None:
            self._take_away(lanes)
            commits = unnoted(lanes)
        self._commits.commit(client, commits, asynchronous=False)

    def lose(self, _client: Client, partitions: list[TopicPartition]) -> None:
        """Drop lanes that are another worker's by now; nothing of them reaches the log after."""
        self._take_away(self._forget(partitions))
        self._see_dropped()

    def lose_all(self) -> list[TopicPartition]:
        """Drop every lane, as if each were another worker's; return their places."""
        places = [TopicPartition(*place) for place in self.lanes]
        self._take_away(self._forget(places))
        self._see_dropped()
        return places

    def _beginnings(
        self, client: Client, partitions: list[TopicPartition]
    ) -> tuple[list[TopicPartition], set[Place]]:
        """Look up where each partition was left, as long as it takes; and which nobody had."""
        while partitions:
            untouched: set[Place] = set()
            try:
                committed = client.committed(partitions, timeout=BROKER_TIMEOUT_S)
                for at in committed:
                    if at.offset == OFFSET_INVALID:
                        untouched.add((at.topic, at.partition))
                        at.offset = client.get_watermark_offsets(at, timeout=BROKER_TIMEOUT_S)[0]
            except KafkaException as error:
                if tells_of_end(error):
                    raise
                log.warning("the committed offsets are not known yet", error=name_of(error))
                if self._ended.wait(self._pause_s):
                    break
            else:
                return committed, untouched
        return [], set()

    def _forget(self, partitions: Iterable[TopicPartition]) -> list[Lane]:
        gone = {(at.topic, at.partition) for at in partitions}
        lanes = [lane for place, lane in self.lanes.items() if place in gone]
        self.lanes = {place: lane for place, lane in self.lanes.items() if place not in gone}
        return lanes

    def _take_away(self, lanes: list[Lane]) -> None:
        """Begin to drop lanes: from now on their runs hand nothing more over."""
        for lane in lanes:
            lane.revoked = True
        self._dropping = asyncio.run_coroutine_threadsafe(self._listener.lost(lanes), self._loop)

    def _see_dropped(self) -> None:
        """Wait until the event loop has dropped what has gone, however busy it is."""
        dropping, self._dropping = self._dropping, None
        if dropping is None:
            return
        while concurrent.futures.wait([dropping], self._pause_s).not_done:
            if self._ended.is_set():
                return
        dropping.result()

    def _answer(self, work: Coroutine[Any, Any, ResultT]) -> ResultT | None:
        """Run something on the event loop while this thread waits; None if it takes too long."""
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result(self._limit_s)
        except TimeoutError:
            log.warning("handing lanes over took too long", limit_s=self._limit_s)
            running.cancel()
            return None
