"""Tables: what a step remembers of a session or a document, kept by Faust beside the step.

A table is in memory; its changelog on the log is what it is recovered from, lane by lane, after a
restart or a move. A row holds the newest values with the event that wrote each: an event that is
run again sees the value before its own, as it did the first time, and its write replaces its own
entry.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast

from confluent_kafka import Consumer

from agents.errors import Permanent, Transient
from schemas import Record, Request, StreamRequest, TableRow, Written
from schemas.registry import RegistryAway
from streams.delivery.faust_shell import App, raw_topic
from streams.delivery.publisher import Acknowledgement, PublishingFailed, Unattended
from streams.delivery.rows import RowKey, is_overtaken, written
from streams.log.codec import Codec, Undecodable, schema_id_of
from streams.log.offsets import extent_of
from streams.log.reading import new_consumer, records
from streams.running.world import Handler, StreamHandler
from streams.settings import Settings
from streams.topics import changelog_of
from streams.watching.logs import logger

log = logger("tables")

RecordT = TypeVar("RecordT", bound=Record)

ENTRIES_MAX = 16
"""Values kept in a row: more than one session's events can have in flight."""
DROPPED_MAX = 4
"""Rows dropped at one write."""
KNOWN = -1
"""Place of a row that was known before the changelog was read on."""


@dataclass(frozen=True)
class Change:
    """What the changelog of a table says of a lane."""

    lane: int
    rows: Sequence[tuple[bytes, bytes | None]]
    """Keys and values in the order in which they were written; None drops a row."""
    end: int
    """The offset after the last one."""


class Table(ABC):
    """A table of one step; answers the requests about it."""

    NAME: ClassVar[str]
    """As in streams/topics.py."""
    ENTRIES: ClassVar[int] = ENTRIES_MAX
    ROWS_MAX: ClassVar[int | None] = None
    """Rows kept of a lane; the one not written for longest is dropped."""

    _codec: Codec

    def __init__(
        self,
        app: App,
        settings: Settings,
        open_consumer: Callable[[Settings, str], Consumer] = new_consumer,
    ) -> None:
        self._app = app
        self._open_consumer = open_consumer
        self._changelog = changelog_of(self.NAME)
        self._settings = settings
        self._recovered: dict[int, int] = {}
        self._keys: dict[int, dict[bytes, None]] = {}
        """Keys of each lane's rows, the one written last at the end."""
        self._table = app.Table(
            self.NAME,
            key_type=bytes,
            value_type=bytes,
            partitions=settings.partitions,
            changelog_topic=raw_topic(app, self._changelog),
            help=(type(self).__doc__ or "").partition("\n")[0],
        )

    def attach(self, codec: Codec) -> None:
        """Take what rows are decoded with; before the app starts."""
        self._codec = codec

    @abstractmethod
    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Return who answers which request."""

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Return nothing: no table streams."""
        return {}

    async def close(self) -> None:  # noqa: B027 - the same for every table
        """Do nothing: the app owns the table."""

    async def _row(self, place: RowKey) -> TableRow | None:
        data: bytes | None = self._table.data.get(place.key)
        return await self._decoded(data, TableRow) if data is not None else None

    async def _decoded(self, data: bytes, record: type[RecordT]) -> RecordT:
        """Decode a row or a value of one: a newer version may have written it.

        Raises Transient while the registry does not tell its schema, and Permanent where it can't
        be read at all; either names the table and no row.
        """
        try:
            schema_id = schema_id_of(data)
        except Undecodable as error:
            raise Permanent(f"a row of {self.NAME} can't be read: {error}") from None
        if not self._codec.known(schema_id, record):
            try:
                await asyncio.to_thread(self._codec.learn, schema_id, record)
            except (RegistryAway, Undecodable) as error:
                raise Transient(
                    f"a row of {self.NAME} was written under schema {schema_id}, which the "
                    f"registry does not tell yet: {error}"
                ) from None
        try:
            return self._codec.decode(data, record)
        except Undecodable as error:
            raise Permanent(f"a row of {self.NAME} can't be read: {error}") from None

    async def _write(self, place: RowKey, event: str, value: Record) -> Written:
        row = written(await self._row(place), event, self._codec.encode(value), self.ENTRIES)
        await self._put(place, self._codec.encode(row))
        if self.ROWS_MAX is not None:
            self._make_room(place.lane, self.ROWS_MAX)
        return Written()

    def _make_room(self, lane: int, rows_max: int) -> None:
        """Drop a few old rows of a lane; nobody waits for it, and a restart may do it again."""
        keys = self._keys[lane]
        for _ in range(DROPPED_MAX):
            if len(keys) <= rows_max:
                return
            oldest = next(iter(keys))
            self._app.publisher.send(self._changelog, lane, oldest, None, [], Unattended())
            self._set(lane, oldest, None)

    async def _put(self, place: RowKey, value: bytes) -> None:
        """Set a row, here and in the changelog, in the lane's own partition.

        The broker's acknowledgement is awaited before the step goes on: an outcome that is on the
        log must not rest on a state that is not.
        """
        acknowledgement = Acknowledgement()
        self._app.publisher.send(self._changelog, place.lane, place.key, value, [], acknowledgement)
        try:
            await acknowledgement.done
        except PublishingFailed as error:
            raise Transient(str(error)) from None
        self._set(place.lane, place.key, value)

    def _set(self, lane: int, key: bytes, value: bytes | None) -> None:
        keys = self._keys.setdefault(lane, {})
        keys.pop(key, None)  # so that the key written last stands last
        if value is None:
            self._table.data.pop(key, None)
        else:
            keys[key] = None
            self._table.data[key] = value

    # ------------------------------------------------------------------ lanes come and go

    def keep_only(self, lanes: Collection[int]) -> None:
        """Forget the rows of other lanes: another worker writes them now."""
        for lane in (self._recovered.keys() | self._keys.keys()) - set(lanes):
            self._recovered.pop(lane, None)
            for key in self._keys.pop(lane, ()):
                self._table.data.pop(key, None)

    def known(self, lanes: Iterable[int]) -> dict[int, int]:
        """Return up to which offset of the changelog each of some lanes is known; 0: nothing."""
        return {lane: self._recovered.get(lane, 0) for lane in lanes}

    def changes(self, since: Mapping[int, int]) -> list[Change]:
        """Read what the changelog says of some lanes since an offset of each; blocks: use a thread.

        Touches no row: the lanes may have moved on when it ends. Raises KafkaException or
        TimeoutError where the broker does not answer.
        """
        with closing(self._open_consumer(self._settings, f"table-{self.NAME}")) as consumer:
            extents = [
                extent_of(consumer, self._changelog, lane, offset) for lane, offset in since.items()
            ]
            rows: dict[int, list[tuple[bytes, bytes | None]]] = {lane: [] for lane in since}
            for message in records(consumer, extents):
                rows[cast(int, message.partition())].append((message.key() or b"", message.value()))
        return [Change(e.partition, self._without_late(rows[e.partition]), e.end) for e in extents]

    def _without_late(
        self, rows: Sequence[tuple[bytes, bytes | None]]
    ) -> list[tuple[bytes, bytes | None]]:
        """Leave out rows that came after one that was written later.

        A worker that has lost a lane may have had a row on its way to the broker, which takes it
        although the lane's new owner has written since. Only the newest rows of a key are decoded:
        every other one was followed by one that stands.
        """
        places: dict[bytes, list[int]] = {}
        for place, (key, value) in enumerate(rows):
            if value is None:  # whatever comes after it stands
                places[key] = []
            else:
                places.setdefault(key, [] if key not in self._table.data else [KNOWN]).append(place)
        late = {
            place
            for key, known in places.items()
            if len(known) > 1
            for place in known[self._standing(key, known, rows) + 1 :]
        }
        if late:
            log.info("rows that came late are passed over", table=self.NAME, rows=len(late))
        return [row for place, row in enumerate(rows) if place not in late]

    def _standing(
        self, key: bytes, places: Sequence[int], rows: Sequence[tuple[bytes, bytes | None]]
    ) -> int:
        """Return which of a key's rows stands: the last that none before it overtakes."""

        def events(number: int) -> tuple[str, ...]:
            place = places[number]
            data = self._table.data.get(key) if place == KNOWN else rows[place][1]
            return self._events(data) if data else ()

        standing = len(places) - 1
        newest = events(standing)
        for number in range(standing - 1, -1, -1):
            before = events(number)
            if is_overtaken(newest, before):
                standing, newest = number, before
            elif before != newest:
                break
        return standing

    def _events(self, data: bytes) -> tuple[str, ...]:
        """Return the events whose values a row holds; none where it can't be read here."""
        try:
            self._codec.learn(schema_id_of(data), TableRow)
            return tuple(entry.event for entry in self._codec.decode(data, TableRow).entries)
        except (RegistryAway, Undecodable):
            return ()

    def apply(self, changes: Iterable[Change]) -> None:
        """Bring the rows of some lanes up to date, before anything of these lanes runs."""
        for change in changes:
            for key, value in change.rows:
                self._set(change.lane, key, value)
            self._recovered[change.lane] = change.end
