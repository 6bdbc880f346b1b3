"""Settling: what became of the documents that a source handed in.

The steps write to the log how each request ends; so that is read, in the tenant's lanes, while a
run goes on and after it. What is still waited for lies in a private file of SQLite, which is gone
with the process: how many documents there are is no matter of memory.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from edge.listening.known_documents import status_in
from edge.sources.run_report import TOLD_MAX, ToldThing
from edge.sources.run_watcher import RunWatcher
from edge.sources.source_log import EDGE
from schemas import ChunksIndexed, EventRejected
from streams.log.codec import Codec, Undecodable
from streams.log.lanes import lanes
from streams.log.offsets import extent_of, extent_since
from streams.log.reading import FETCH_RECORDS, new_consumer
from streams.settings import Settings
from streams.topics import topic_of

STALL_S = 600.0
"""How long no request may come to an end before waiting for them does."""
LOOK_S = 0.5  # how long a look at the log waits for something
QUEUED_KB = 4_096  # of records that librdkafka holds ahead of whoever reads


SCHEMA = """
CREATE TABLE awaited (
  uri TEXT PRIMARY KEY, request TEXT, withdraws INTEGER, status TEXT, reason TEXT
) WITHOUT ROWID;
CREATE INDEX requests ON awaited (request);
"""


class Stalled(Exception):
    """Nothing more became of what was handed in; the message says what to do."""


@dataclass(frozen=True)
class EndedRequest:
    """How a request ended."""

    request: str
    status: str
    """One of those of documents: indexed, deleted or failed; empty where it only came along."""
    reason: str = ""
    is_rejected: bool = False
    """Whether a step gave it up; else a step said how it is with the document."""


class EndingsLog:
    """Reads how a tenant's requests end, from a time on; a context manager."""

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        tenant: str,
        since_us: int | None,
        *,
        consumer: Consumer | None = None,
    ) -> None:
        """Begin at a time, in microseconds, or at the end of the log as it is now."""
        self._codec, self._tenant = codec, tenant
        more = {"queued.max.messages.kbytes": QUEUED_KB}
        self._consumer = consumer or new_consumer(settings, f"{EDGE}-settling", **more)
        self._records = {topic_of(record): record for record in (ChunksIndexed, EventRejected)}
        places = []
        for topic in self._records:
            for lane in lanes(tenant, settings.partitions):
                if since_us is None:
                    begin = extent_of(self._consumer, topic, lane).end
                else:
                    begin = extent_since(self._consumer, topic, lane, since_us // 1_000).begin
                places.append(TopicPartition(topic, lane, begin))
        self._consumer.assign(places)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def look(self, wait_s: float) -> Iterator[EndedRequest]:
        """Yield what ended since the last look; waits so long where nothing did."""
        first = self._consumer.poll(wait_s)
        messages = [] if first is None else [first, *self._consumer.consume(FETCH_RECORDS, 0)]
        for message in messages:
            if (error := message.error()) is not None:
                if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                    raise KafkaException(error)
            elif (ended := self._ended(message)) is not None:
                yield ended

    def _ended(self, message: Any) -> EndedRequest | None:
        try:
            event: Any = self._codec.decode(message.value(), self._records[message.topic()])
        except Undecodable:
            return None
        if event.meta.tenant != self._tenant:
            return None
        came = status_in(event) or ("", "")
        return EndedRequest(event.meta.request, *came, isinstance(event, EventRejected))


@dataclass(frozen=True)
class SettledReport:
    """What became of what was waited for."""

    indexed: int = 0
    deleted: int = 0
    failed: int = 0
    told: list[ToldThing] = field(default_factory=list)
    """The first that failed, by name and reason."""
    left: int = 0
    """Of how many nothing is known yet."""

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        return {
            "indexed": self.indexed,
            "deleted": self.deleted,
            "failed": self.failed,
            "under_way": self.left,
            "failures": [{"name": one.name, "reason": one.reason} for one in self.told],
        }


class Settling:
    """What is waited for, and what became of it; a context manager."""

    def __init__(
        self,
        look: Callable[[float], Iterator[EndedRequest]],
        watcher: RunWatcher,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`look` tells what ended since it was called last, and waits so many seconds for it."""
        self._look, self._watcher, self._clock = look, watcher, clock
        self._asked = self._left = 0
        self._store = sqlite3.connect("", isolation_level=None)  # a private file on the disk
        self._store.executescript(SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def expect(self, request: str, uri: str, *, withdraws: bool = False) -> None:
        """Wait for a request, too; it takes the place of one before about the same document."""
        before = self._store.execute(
            "SELECT request, status FROM awaited WHERE uri = ?", (uri,)
        ).fetchone()
        if before is not None and before[0] == request:
            return
        self._store.execute(
            "INSERT OR REPLACE INTO awaited VALUES (?, ?, ?, NULL, '')", (uri, request, withdraws)
        )
        self._asked += before is None
        self._left += before is None or before[1] is not None

    def look(self, wait_s: float = 0.0) -> bool:
        """Take in what ended meanwhile; tells whether something came along."""
        moved = False
        for ended in self._look(wait_s):
            moved = True  # a long document comes along by its batches
            if ended.status:
                self._take(ended)
        self._watcher.settled(self._asked - self._left, self._asked)
        return moved

    def wait(self) -> None:
        """Return when everything has ended; raises Stalled where for long nothing did."""
        moved_s = self._clock()
        while self._left:
            if self.look(LOOK_S):
                moved_s = self._clock()
            elif self._clock() - moved_s > STALL_S:
                raise Stalled(
                    f"{self._left:,} of what was handed in made no progress for {STALL_S:g} s: see "
                    "`playhead status` and `playhead dead-letters list`"
                )

    def report(self) -> SettledReport:
        """Say what became of all of it until now."""
        counts = dict(self._store.execute("SELECT status, count(*) FROM awaited GROUP BY status"))
        failed = self._store.execute(
            "SELECT uri, reason FROM awaited WHERE status = 'failed' ORDER BY uri LIMIT ?",
            (TOLD_MAX,),
        )
        return SettledReport(
            indexed=counts.get("indexed", 0),
            deleted=counts.get("deleted", 0),
            failed=counts.get("failed", 0),
            told=[ToldThing(uri, "failed", reason) for uri, reason in failed],
            left=self._left,
        )

    def _take(self, ended: EndedRequest) -> None:
        # of a document that could never be read there is nothing to withdraw: that is as well
        status = "CASE WHEN withdraws AND NOT ? THEN 'deleted' ELSE ? END"
        taken = self._store.execute(
            f"UPDATE awaited SET status = {status}, reason = ?"  # noqa: S608 - words of our own
            " WHERE request = ? AND status IS NULL",
            (ended.is_rejected, ended.status, ended.reason, ended.request),
        )
        self._left -= taken.rowcount
