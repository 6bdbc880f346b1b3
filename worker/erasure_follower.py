"""Following erasures, on a thread of every worker: requests are executed, what was kept is dropped.

All that the log says of erasures is read from the beginning at every start: there is little of it.
So a request that a crash left open is completed, and a key store that was restored from an older
copy loses again what it must not hold.

Of the workers of a host one executes: whoever holds the lock beside the key store, which the system
lets go of however that process ends. All drop what they keep: cached answers, rows of tables, what
the index has of erased documents.

Why it is so: no step erases. A step's outcome must follow from its input, and what is destroyed
here decides what other steps can still open.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast, runtime_checkable

from confluent_kafka import OFFSET_BEGINNING, KafkaError, Message, TopicPartition

from agents.errors import Permanent, Transient
from schemas import Event
from streams.log.codec import Codec
from streams.log.reading import new_consumer
from streams.operations.erasures.erasure_log import TELLING, Erasure, ErasureLog
from streams.operations.erasures.erasure_reader import event_of, told_of_erasures
from streams.operations.erasures.kept_texts import forget_texts
from streams.running.producer_proof import Holds
from streams.settings import Settings
from streams.topics import topic, topic_of
from streams.watching.logs import logger
from worker.erasure_executor import ErasureExecutor

log = logger("erasures")

POLL_S = 1.0
AGAIN_S = 2.0  # after the broker, the registry or the key store refused
SWEEP_S = 60.0
"""Between looks at rows that came with a lane, and at what was on its way to the index."""
DROPPING_S = 60.0  # for the loop to drop what is kept
LIVE = {"auto.offset.reset": "earliest", "fetch.wait.max.ms": 500, "socket.timeout.ms": 60_000}
"""It waits for what is new at most of the time."""


@runtime_checkable
class ForgetsTenants(Protocol):
    """A connector that keeps answers."""

    def forget_tenant(self, tenant: str) -> None:
        """Drop what is kept for a tenant."""


@runtime_checkable
class RemovesDocuments(Protocol):
    """A connector to an index."""

    def forget_documents(self, tenant: str, documents: Sequence[str]) -> None:
        """Write nothing of documents any more, and delete all that there is at the next sweeps."""

    async def sweep(self) -> None:
        """Delete what is to be deleted; raises Transient or Permanent."""


class ForgetsPeople(Protocol):
    """A table."""

    def forget_people(self, people: set[tuple[str, str]]) -> int:
        """Drop the rows of people, by tenant and subject."""


class Dropping:
    """Drops what this process keeps of people; lives on the event loop."""

    def __init__(self, connectors: Sequence[Any], tables: Sequence[ForgetsPeople]) -> None:
        self._keeping = [one for one in connectors if isinstance(one, ForgetsTenants)]
        self._indexes = [one for one in connectors if isinstance(one, RemovesDocuments)]
        self._tables = tables
        self._people: set[tuple[str, str]] = set()

    async def forget(self, erasures: Sequence[Erasure]) -> None:
        """Drop what is kept of people who were erased just now, or before this process began."""
        for one in erasures:
            tenant = one.person.tenant
            self._people.add((tenant, one.person.subject))
            for connector in self._keeping:
                connector.forget_tenant(tenant)
            for index in self._indexes:
                index.forget_documents(tenant, one.documents)
        if erasures:
            forget_texts()

    async def sweep(self) -> None:
        """Drop rows that came with a lane, and documents that were on their way to the index.

        Raises Transient or Permanent as the index does.
        """
        for table in self._tables:
            table.forget_people(self._people)
        for index in self._indexes:
            await index.sweep()


class ErasureFollower:
    """Follows erasures on a thread of its own, until the process ends.

    `executor` is None in a process without the key store: it drops, and executes nothing.
    """

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        dropping: Dropping,
        executor: ErasureExecutor | None,
        run_on_loop: Callable[[Coroutine[Any, Any, None]], None],
        *,
        holds: Holds,
        consumer: Callable[..., Any] = new_consumer,
    ) -> None:
        self._settings = settings
        self._codec = codec
        self._dropping = dropping
        self._executor = executor
        self._run_on_loop = run_on_loop
        self._new_consumer = consumer
        self._holds = holds
        self._lock = ExecutorLock(settings.keyring_path)
        self._sweep_s = 0.0
        """When to look again, by the monotonic clock."""
        self.stopping = threading.Event()
        self._kinds = {topic_of(kind): kind for kind in TELLING}

    def start(self) -> None:
        """Begin to follow."""
        threading.Thread(target=self._run, name="erasures", daemon=True).start()

    def _run(self) -> None:
        while not self.stopping.is_set():
            try:
                self.follow()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is said and tried again
                log.warning(
                    "erasures are followed again", error=type(error).__name__, reason=_told(error)
                )
                self.stopping.wait(AGAIN_S)

    def follow(self) -> None:
        """Read all that there is of erasures, and do what is to be done, until told to stop.

        Returns early when this process becomes the one that executes: what the one before it wrote
        last is read first.
        """
        known, dropped = ErasureLog(), set[tuple[str, str]]()
        lanes = self._lanes()
        unread = set(lanes)
        executes = self._executor is not None and self._lock.take()
        with closing(self._new_consumer(self._settings, "erasures", **LIVE)) as consumer:
            consumer.assign([TopicPartition(*lane, OFFSET_BEGINNING) for lane in lanes])
            while not self.stopping.is_set():
                message = consumer.poll(0.05 if unread else POLL_S)
                while message is not None:
                    self._take(message, known, unread)
                    message = consumer.poll(0)
                if unread:
                    continue
                if executes:
                    self._execute(known, dropped)
                elif self._executor is not None and self._lock.take():
                    return
                self._drop(known, dropped)

    def _lanes(self) -> list[tuple[str, int]]:
        return [
            (name, lane)
            for name in self._kinds
            for lane in range(self._settings.partitions if topic(name).partitioned else 1)
        ]

    def _take(self, message: Message, known: ErasureLog, unread: set[tuple[str, int]]) -> None:
        error = message.error()
        name, lane = cast(str, message.topic()), cast(int, message.partition())
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                unread.discard((name, lane))
            if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise Permanent(f"we may not read {name}, so nobody is erased: see `playhead acls`")
            return  # else the client connects again by itself
        event = event_of(self._codec, self._kinds[name], message, self._holds)
        if event is not None:
            known.take(event, name, lane, cast(int, message.offset()))

    def _execute(self, known: ErasureLog, done: set[tuple[str, str]]) -> None:
        """Execute what is open; what was done before this process began is done again.

        One that fails keeps nobody else waiting, and is tried again.
        """
        assert self._executor is not None
        for one in known.done():
            if _whose(one) not in done:
                self._executor.repeat(one)
        if not known.pending():
            return
        # a hold that was set after the request may be on the log, and not have come here yet
        newest = told_of_erasures(
            self._settings, self._codec, self._new_consumer, holds=self._holds
        )
        for one in newest.pending():
            try:
                outcomes = self._executor.execute(one, newest)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is said and tried again
                log.warning(
                    "an erasure is tried again",
                    request=one.asked.meta.request,
                    error=type(error).__name__,
                    reason=_told(error),
                )
                self.stopping.wait(AGAIN_S)
                continue
            for outcome in outcomes:
                self._told(known, outcome)

    def _told(self, known: ErasureLog, outcome: Event) -> None:
        """Take in what was written just now; that it is read once more changes nothing."""
        known.take(outcome, topic_of(outcome), outcome.meta.lane, -1)

    def _drop(self, known: ErasureLog, dropped: set[tuple[str, str]]) -> None:
        new = [one for one in known.done() if _whose(one) not in dropped]
        if not new and time.monotonic() < self._sweep_s:
            return
        self._sweep_s = time.monotonic() + SWEEP_S
        self._run_on_loop(self._dropping.forget(new))
        dropped |= {_whose(one) for one in new}
        try:
            self._run_on_loop(self._dropping.sweep())
        except (Transient, Permanent) as error:
            log.warning("the index keeps what was erased, asking again", reason=str(error))
            self._sweep_s = 0.0


class ExecutorLock:
    """Held by the one process of a host that executes erasures."""

    def __init__(self, keyring: Path) -> None:
        self._path = keyring.with_name(f"{keyring.name}.erasing")
        self._file: BinaryIO | None = None

    def take(self) -> bool:
        """Hold it from now on, if nobody does."""
        if self._file is not None:
            return True
        lock = open(self._path, "ab", opener=_for_its_owner)  # noqa: SIM115 - it is kept
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._file = lock
        return True


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _whose(erasure: Erasure) -> tuple[str, str]:
    return erasure.asked.meta.tenant, erasure.asked.meta.request


def _told(error: Exception) -> str:
    """Say what our own errors say; of others their name is enough."""
    return str(error) if isinstance(error, Transient | Permanent | OSError | TimeoutError) else ""


def on_loop(loop: asyncio.AbstractEventLoop) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Return what runs a coroutine on a loop and waits for it, from another thread."""

    def run(work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(DROPPING_S)

    return run
