"""The reader: a thread that reads the assigned partitions of a step through librdkafka.

It alone uses its client: with callbacks, librdkafka's consumer stands still for two threads at
once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streams.delivery.commits import Commit, Commits
from streams.delivery.intake import Intake
from streams.delivery.lane import Lane
from streams.delivery.membership import BROKER_TIMEOUT_S, HANDED_OVER_S, Listener, Membership
from streams.delivery.memory import Memory
from streams.log.reading import ends_client
from streams.settings import Settings
from streams.watching.logs import logger

log = logger("reader")

SESSION_S = 6.0  # the broker's own minimum; one death stalls a lane for about this long (measured)
HEARTBEAT_S = 1.0
POLL_INTERVAL_S = 60.0  # within which a worker must answer a rebalance
PREFETCH_KB = 16_384  # of one step, in the client

PASSING = frozenset(
    getattr(KafkaError, name) for name in ("_TRANSPORT", "_ALL_BROKERS_DOWN", "_RESOLVE")
)
"""The broker is away: the client goes on trying by itself."""


class Reader:
    """Reads topics as a member of a consumer group, and tells a listener on the event loop."""

    def __init__(
        self,
        group: str,
        topics: Sequence[str],
        settings: Settings,
        memory: Memory,
        listener: Listener,
        client: Callable[[dict[str, Any]], Client] = Client,
    ) -> None:
        self._topics = list(topics)
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._ended = threading.Event()
        self._due: Sequence[Commit] = ()
        self._asked = False
        """Whether the event loop has asked for a commit since the last one."""
        self._proofs: list[asyncio.Future[bool]] = []
        """Who wants to know whether the group still takes us for the owner of our lanes."""
        self.membership = Membership(listener, self._loop, settings.window, self._ended)
        self.intake = Intake(lambda: self.membership.lanes, memory, self._on_error)
        self.commits = Commits(lambda: self.membership.lanes)
        self.client = client(self._config(group, settings))
        self._thread = threading.Thread(target=self._read, name=f"reader {group}", daemon=True)

    def _config(self, group: str, settings: Settings) -> dict[str, Any]:
        config = {
            "bootstrap.servers": settings.kafka,
            "group.id": group,
            "client.id": group,
            # a lane goes on where it was left or, told aloud, not at all
            "auto.offset.reset": "error",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            # aligns lanes over topics of equal size: a table's lane and its inputs move together
            "partition.assignment.strategy": "range",
            "session.timeout.ms": int(SESSION_S * 1000),
            "heartbeat.interval.ms": int(HEARTBEAT_S * 1000),
            "max.poll.interval.ms": int(POLL_INTERVAL_S * 1000),
            "queued.max.messages.kbytes": PREFETCH_KB,
            "fetch.queue.backoff.ms": 10,
            "reconnect.backoff.max.ms": 1_000,
            "log_level": 2,
            "error_cb": self._on_error,
            "on_commit": self.commits.committed,
        }
        if settings.slot:
            config["group.instance.id"] = f"{group}-{settings.slot}"
        return config

    def start(self) -> None:
        """Join the group and read."""
        self._thread.start()

    async def stop(self) -> None:
        """Give the lanes up and leave the group."""
        self._ended.set()
        self.intake.drained.set()
        await asyncio.to_thread(self._thread.join, HANDED_OVER_S + BROKER_TIMEOUT_S)

    def commit_soon(self, commits: Sequence[Commit]) -> None:
        """Have something committed after the poll that is under way."""
        # what was not committed yet is part of it: a commit says all that is done of a lane
        named = {id(commit.lane) for commit in commits}
        self._due = [*commits, *(one for one in self._due if id(one.lane) not in named)]
        self._asked = True

    async def prove(self) -> bool:
        """Ask the group whether our lanes are ours: only an owner may commit."""
        proof: asyncio.Future[bool] = self._loop.create_future()
        self._proofs.append(proof)
        return await proof

    def _read(self) -> None:
        client, membership, intake = self.client, self.membership, self.intake
        try:
            client.subscribe(
                self._topics,
                on_assign=membership.assign,
                on_revoke=membership.revoke,
                on_lost=membership.lose,
            )
            while not self._ended.is_set():
                intake.keep_pace(client)
                if self._asked:
                    self._commit()
                if self._proofs:
                    self._prove()
                before = membership.lanes
                batches = intake.batches(intake.poll(client))  # tells of errors among them, too
                if membership.lanes is not before:
                    # among them may be records fetched for the assignment that has ended
                    client.assign([_start_of(lane) for lane in membership.lanes.values()])
                elif batches:
                    self._loop.call_soon_threadsafe(self._listener.arrived, batches)
            client.close()  # calls membership.revoke
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker must not go on deaf
            self._loop.call_soon_threadsafe(self._listener.broken, error)

    def _commit(self) -> None:
        self._asked = False
        due, self._due = self._due, ()
        ours = self.membership.lanes
        still = [one for one in due if ours.get((one.lane.topic, one.lane.partition)) is one.lane]
        self.commits.commit(self.client, still, asynchronous=True)
        self.intake.look_ahead(self.client)

    def _prove(self) -> None:
        proofs, self._proofs = self._proofs, []
        ours = self.commits.taken_again(self.client, self.membership.lanes.values())

        def answer() -> None:
            for proof in proofs:
                if not proof.done():
                    proof.set_result(ours)

        self._loop.call_soon_threadsafe(answer)

    def _on_error(self, error: KafkaError) -> None:
        if ends_client(error):
            self._loop.call_soon_threadsafe(self._listener.broken, KafkaException(error))
        elif error.code() not in PASSING:
            log.warning("the broker says", error=error.name())


def _start_of(lane: Lane) -> TopicPartition:
    return TopicPartition(lane.topic, lane.partition, lane.base)
