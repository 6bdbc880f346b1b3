"""The reader: a thread that reads the assigned partitions of a step through librdkafka.

It alone uses its client: with callbacks, librdkafka's consumer stands still for two threads at
once.

A client can end: its slot was taken, mostly by an older session of its own after the broker stood
still, or the broker took something from it that it can't do without. And so can the producer beside
it. Both cost the step its lanes, for a moment, and nobody else anything: what is not on the log is
forgotten, as if the lanes were another worker's by now, and they come again from what was
committed. That is tried a few times; see `tries` and `slot`.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streams.delivery.commits import Commit, Commits
from streams.delivery.held_slots import HeldSlot
from streams.delivery.intake import Intake
from streams.delivery.lane import Lane
from streams.delivery.membership import BROKER_TIMEOUT_S, HANDED_OVER_S, Listener, Membership
from streams.delivery.memory import Memory
from streams.delivery.slot import HEARTBEAT_S, SESSION_S, Slot, group_of, instance_of
from streams.delivery.tries import Tries
from streams.log.broker_access import client_settings
from streams.log.reading import ends_client
from streams.settings import Settings
from streams.watching.logs import logger

log = logger("reader")

POLL_INTERVAL_S = 60.0  # within which a worker must answer a rebalance
PREFETCH_KB = 16_384  # of one step, in the client
LOST = "the group does not know this client any more"
LOOK_S = 1.0  # between two looks at a slot that is not free

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
        slot: Slot | None = None,
        tries: Tries | None = None,
        held: HeldSlot | None = None,
    ) -> None:
        self._group = group
        self._settings = settings
        self._member_id = ""
        """What the group called us when it gave us lanes; empty before."""
        self._topics = list(topics)
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._ended = threading.Event()
        self._due: Sequence[Commit] = ()
        self._asked = False
        """Whether the event loop has asked for a commit since the last one."""
        self._claims: deque[tuple[Sequence[Commit], asyncio.Future[bool]]] = deque()
        """Lanes that are to be made ours, and who waits for it."""
        self._proofs: list[asyncio.Future[bool]] = []
        """Who wants to know whether the group still takes us for the owner of our lanes."""
        self._held = held
        """Our slot's file; it tells whether who had the slot before our first client is dead."""
        self._failure: KafkaException | None = None
        """What the client has ended with."""
        self._unwritten: Exception | None = None
        """Why what was handed over can't be written."""
        self._tries = tries or Tries(group)
        self.slot = slot or Slot(settings, group)
        self.membership = Membership(listener, self._loop, settings.window, self._ended)
        self.intake = Intake(lambda: self.membership.lanes, memory, self._on_error)
        self.commits = Commits(lambda: self.membership.lanes)
        self._client_number = 0
        """Of the client that is ours now: those before may still speak while they end."""
        self._make_client = client
        self.client = self._new_client()
        self._thread = threading.Thread(target=self._read, name=f"reader {group}", daemon=True)

    def _new_client(self) -> Client:
        first = self._client_number == 0  # each further one takes the slot from whoever lives
        is_left = first and self._held is not None and self._held.is_left
        self.membership.displaces = bool(self._settings.slot) and not is_left
        return self._make_client(self._config(self._group, self._settings))

    def _config(self, group: str, settings: Settings) -> dict[str, Any]:
        config = {
            **client_settings(settings),
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
            "log_level": 2,
            "error_cb": partial(self._on_error, number=self._client_number),
            "on_commit": partial(self._on_commit, number=self._client_number),
        }
        if settings.slot:
            config["group.instance.id"] = instance_of(group, settings.slot)
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

    async def claim(self, claims: Sequence[Commit]) -> bool:
        """Make lanes ours; say whether the group has taken it. It has not where they have gone."""
        taken: asyncio.Future[bool] = self._loop.create_future()
        self._claims.append((claims, taken))
        return await taken

    async def prove(self) -> bool:
        """Ask the group whether our lanes are ours: only an owner may commit."""
        proof: asyncio.Future[bool] = self._loop.create_future()
        self._proofs.append(proof)
        return await proof

    def begin_again(self, error: Exception) -> None:
        """Forget what is not on the log, and have the lanes come again from what was committed."""
        self._unwritten = error

    def is_known(self) -> bool:
        """Ask the broker whether we may have lanes: we never had, or are a member; raises NoAnswer.

        Blocks. A client can lose its way while it joins again after the broker stood still.
        """
        if not self._member_id:
            return True
        group = group_of(self._settings, self._group)
        ours = self._member_id
        if self._settings.slot:  # the next member of a slot has another id
            ours = instance_of(self._group, self._settings.slot)
        return not group.settled or any(ours in (one, one[:-37]) for one in group.members)

    def join_anew(self) -> None:
        """Have the client made anew, for the group does not know it."""
        self._failure = KafkaException(KafkaError(KafkaError._STATE, LOST))  # noqa: SLF001 - public

    # ------------------------------------------------------------------ in the reader's thread

    def _read(self) -> None:
        try:
            while not self._ended.is_set():
                try:
                    self._follow(self.client)
                except KafkaException as error:
                    self._begin_anew(error)
            self.client.close()  # calls membership.revoke
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker must not go on deaf
            self._loop.call_soon_threadsafe(self._listener.broken, error)

    def _follow(self, client: Client) -> None:
        """Be a member of the group, as long as the client lives; raises KafkaException then."""
        membership = self.membership
        client.subscribe(
            self._topics,
            on_assign=partial(self._if_current, membership.assign),
            on_revoke=partial(self._if_current, membership.revoke),
            on_lost=partial(self._if_current, membership.lose),
        )
        while not self._ended.is_set():
            self.intake.keep_pace(client)
            if self._asked:
                self._commit()
            while self._claims:
                self._claim()
            if self._proofs:
                self._prove()
            if self._unwritten is not None:
                self._begin_lanes_again(self._unwritten)
            before = membership.lanes
            batches = self.intake.batches(self.intake.poll(client))  # tells of errors among them
            if self._failure is not None:
                raise self._failure
            if membership.lanes is not before:
                self._member_id = client.memberid() or self._member_id
                if self._held is not None:
                    self._held.note(self._member_id)
                # among them may be records fetched for the assignment that has ended
                if membership.lanes:
                    client.assign([_start_of(lane) for lane in membership.lanes.values()])
            elif batches:
                self._loop.call_soon_threadsafe(self._listener.arrived, batches)

    def _if_current(
        self,
        change: Callable[[Client, list[TopicPartition]], None],
        client: Client,
        partitions: list[TopicPartition],
    ) -> None:
        """Let the group change our lanes; one that is being closed has none."""
        if client is self.client:
            change(client, partitions)

    def _commit(self) -> None:
        self._asked = False
        due, self._due = self._due, ()
        ours = self.membership.lanes
        still = [one for one in due if ours.get((one.lane.topic, one.lane.partition)) is one.lane]
        self.commits.commit(self.client, still, asynchronous=True)
        self.intake.look_ahead(self.client)

    def _claim(self) -> None:
        claims, taken = self._claims[0]
        ours = self.membership.lanes
        all_ours = all(ours.get((one.lane.topic, one.lane.partition)) is one.lane for one in claims)
        answer = all_ours and self.commits.claimed(self.client, claims)
        self._claims.popleft()
        self._loop.call_soon_threadsafe(_answer, taken, answer)

    def _prove(self) -> None:
        proofs, self._proofs = self._proofs, []
        try:
            ours = self.commits.taken_again(self.client, self.membership.lanes.values())
        except KafkaException:
            self._proofs += proofs  # answered when the lanes are dropped
            raise

        for proof in proofs:
            self._loop.call_soon_threadsafe(_answer, proof, ours)

    # ------------------------------------------------------------------ what has ended begins anew

    def _begin_anew(self, error: KafkaException) -> None:
        """Make the client anew; raises GaveUp where that has achieved nothing too often."""
        log.warning(
            "a client has ended, and is made anew",
            group=self._group,
            lanes=len(self.membership.lanes),
            reason=str(error.args[0]),
        )
        self._client_number += 1
        ended, self.client = self.client, self._new_client()
        self.membership.lose_all()
        # its end may wait for the broker, and nobody waits for it
        threading.Thread(target=_close, args=(ended,), name="ending", daemon=True).start()
        self._failure = self._unwritten = None
        self._wait(self._tries.another(error))
        if self.slot.doubtful():
            while not self._ended.is_set() and not self.slot.is_free():
                self._wait(LOOK_S)

    def _begin_lanes_again(self, error: Exception) -> None:
        """Drop the lanes, and take them again; raises GaveUp as above."""
        places = self.membership.lose_all()
        self._unwritten = None  # what was told meanwhile was of what is forgotten now
        self._wait(self._tries.another(error))
        if places:
            self.membership.assign(self.client, places)

    def _wait(self, seconds: float) -> None:
        """Wait without lanes: whoever asks for a proof must not."""
        if self._proofs:
            self._prove()
        self._ended.wait(seconds)

    def _is_ours(self, number: int | None) -> bool:
        return number in {None, self._client_number}

    def _on_commit(
        self,
        error: KafkaError | None,
        partitions: list[TopicPartition],
        *,
        number: int | None = None,
    ) -> None:
        """Learn what became of a commit; `number` as for an error."""
        if self._is_ours(number) and self.commits.committed(error, partitions):
            self._tries.achieved()

    def _on_error(self, error: KafkaError, *, number: int | None = None) -> None:
        """Learn of an error, from the client with a number or, without one, among what was read."""
        if not self._is_ours(number):
            return
        if ends_client(error):
            self._failure = KafkaException(error)
        elif error.code() not in PASSING:
            log.warning("the broker says", error=error.name())


def _answer(question: asyncio.Future[bool], answer: bool) -> None:
    if not question.done():
        question.set_result(answer)


def _close(ended: Client) -> None:
    with suppress(KafkaException):
        ended.close()


def _start_of(lane: Lane) -> TopicPartition:
    return TopicPartition(lane.topic, lane.partition, lane.base)
