"""Tables: what a step remembers of a session or a document, kept by Faust beside the step.

A table is in memory; its changelog on the log is what it is recovered from, lane by lane, after a
restart or a move. A row holds the newest values with the event that wrote each (see `rows`): what
of it counts after a crash, `tenures` say, and what of a changelog, `fences`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, ClassVar, TypeVar

from confluent_kafka import Consumer

from agents.errors import Transient
from schemas import Record, Request, StreamRequest, TableRow, Written
from streams.delivery.changelog import Change, Changelog
from streams.delivery.faust_shell import App, raw_topic
from streams.delivery.fences import KEY, FencedRow, LaneFences, headers_with, new_fence
from streams.delivery.progress import Progress
from streams.delivery.publisher import Acknowledgement, PublishingFailed, Receipt, Unattended
from streams.delivery.row_reader import RowReader
from streams.delivery.rows import RowKey, whose_row, written
from streams.delivery.tenures import Tenure
from streams.delivery.written_between import CountedReceipt, WrittenBetween
from streams.log.codec import Codec
from streams.log.reading import new_consumer
from streams.running.world import Handler, StreamHandler
from streams.settings import Settings

RecordT = TypeVar("RecordT", bound=Record)

ENTRIES_MAX = 16
"""Values kept in a row: more than one session's events can have in flight."""
DROPPED_MAX = 4
"""Rows dropped at one write."""
Person = tuple[str, str]
"""Tenant and subject."""
NOBODY: frozenset[Person] = frozenset()


class Table(ABC):
    """A table of one step; answers the requests about it."""

    NAME: ClassVar[str]
    """As in streams/topics.py."""
    ENTRIES: ClassVar[int] = ENTRIES_MAX
    BY_OFFSET: ClassVar[bool] = False
    """Whether values are made of their events alone, so that they stand in the order of those."""
    ROWS_MAX: ClassVar[int | None] = None
    """Rows kept of a lane; the one not written for longest is dropped."""

    _codec: Codec
    _reader: RowReader

    def __init__(
        self,
        app: App,
        settings: Settings,
        open_consumer: Callable[[Settings, str], Consumer] = new_consumer,
    ) -> None:
        self._app = app
        self._changelog = Changelog(self.NAME, settings, open_consumer)
        self._settings = settings
        self._recovered: dict[int, int] = {}
        self._keys: dict[int, dict[bytes, int]] = {}
        """Keys of each lane's rows with the turn in which each was written, 0 for those of others;
        the one written last at the end."""
        self._turn = 1
        """Counts how often lanes came."""
        self._tenures: dict[int, dict[str, Tenure]] = {}
        """Of each lane, by topic."""
        self._fences: defaultdict[int, LaneFences] = defaultdict(LaneFences)
        """Of each lane."""
        self._origins: dict[bytes, frozenset[Person]] = {}
        """Of rows that rest on somebody else's: whose."""
        self._under_way: Counter[bytes] = Counter()
        """How many values of a row the broker has not acknowledged."""
        self._between = WrittenBetween(self.NAME, self)
        self._table = app.Table(
            self.NAME,
            key_type=bytes,
            value_type=bytes,
            partitions=settings.partitions,
            changelog_topic=raw_topic(app, self._changelog.topic),
            help=(type(self).__doc__ or "").partition("\n")[0],
        )

    def attach(self, codec: Codec) -> None:
        """Take what rows are decoded with; before the app starts."""
        self._codec = codec
        self._reader = RowReader(self.NAME, codec)

    @abstractmethod
    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Return who answers which request."""

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Return nothing: no table streams."""
        return {}

    async def close(self) -> None:
        """Ask nobody any more; the table itself is the app's."""
        self._reader.stop()
        self._between.stop()

    async def _row(self, place: RowKey) -> TableRow | None:
        """Return a row, as far as it counts."""
        data: bytes | None = self._table.data.get(place.key)
        if data is None:
            return None
        row = await self._decoded(data, TableRow)
        turn = self._keys.get(place.lane, {}).get(place.key, 0)
        tenures = self._tenures.get(place.lane, {}).values()
        return TableRow(
            entries=tuple(
                entry for entry in row.entries if all(one.counts(entry, turn) for one in tenures)
            )
        )

    async def _decoded(self, data: bytes, record: type[RecordT]) -> RecordT:
        return await self._reader.decoded(data, record)

    async def _write(
        self, place: RowKey, event: str, value: Record, topic: str, offset: int
    ) -> Written:
        """Enter a value that an event made, which lies at an offset of a topic."""
        before, made = await self._row(place), self._codec.encode(value)
        log, offset = self._place_of(place.lane, topic, offset)
        row = written(
            before, event, made, self.ENTRIES, log=log, offset=offset, by_offset=self.BY_OFFSET
        )
        await self._put(place, self._codec.encode(row))
        if self.ROWS_MAX is not None:
            self._make_room(place.lane, self.ROWS_MAX)
        return Written()

    def _place_of(self, lane: int, topic: str, offset: int) -> tuple[str, int]:
        """Return where an event lies, as entries name it: its topic's incarnation and offset."""
        tenure = self._tenures.get(lane, {}).get(topic)
        return (tenure.log, offset) if tenure and offset >= 0 else ("", -1)

    def _make_room(self, lane: int, rows_max: int) -> None:
        """Drop a few old rows of a lane; nobody waits for it, and a restart may do it again."""
        keys = self._keys[lane]
        for _ in range(DROPPED_MAX):
            if len(keys) <= rows_max:
                return
            self._drop(lane, next(iter(keys)))

    def _drop(self, lane: int, key: bytes) -> None:
        """Drop a row; nobody waits for the changelog."""
        self._send(lane, key, None, Unattended())
        self._set(lane, key, None, self._turn)
        self._fences[lane].dropped(key)

    async def _put(self, place: RowKey, value: bytes) -> None:
        """Set a row, here and in the changelog, in the lane's own partition.

        The broker's acknowledgement is awaited before the step goes on: an outcome that is on the
        log must not rest on a state that is not.
        """
        acknowledgement, turn = Acknowledgement(), self._turn
        self._send(place.lane, place.key, value, acknowledgement)
        self._under_way[place.key] += 1
        try:
            await acknowledgement.done
        except PublishingFailed as error:
            raise Transient(str(error)) from None
        finally:
            self._under_way[place.key] -= 1
            if not self._under_way[place.key]:
                del self._under_way[place.key]
        self._set(place.lane, place.key, value, turn)
        self._fences[place.lane].wrote(place.key)

    def _send(self, lane: int, key: bytes, value: bytes | None, receipt: Receipt) -> None:
        """Hand a record for the changelog over, behind our fence."""
        headers = headers_with(self._fences[lane].ours)
        told = CountedReceipt(receipt, partial(self._taken, lane))
        self._app.publisher.send(self._changelog.topic, lane, key, value, headers, told)

    def _taken(self, lane: int) -> None:
        """Take note that a record of ours is on the changelog."""
        self._between.acknowledged(
            lane, self._app.publisher.ends.get((self._changelog.topic, lane), 0)
        )

    def _set(self, lane: int, key: bytes, value: bytes | None, turn: int) -> None:
        keys = self._keys.setdefault(lane, {})
        keys.pop(key, None)  # so that the key written last stands last
        self._origins.pop(key, None)
        if value is not None and (origins := self._origins_in(value)):
            self._origins[key] = origins
        if value is None:
            self._table.data.pop(key, None)
        else:
            keys[key] = turn
            self._table.data[key] = value

    def forget_people(self, people: AbstractSet[Person]) -> int:
        """Drop the rows of people who were erased, and those that rest on theirs.

        In the lanes held here. Nobody waits for the changelog: a restart may do it again. Returns
        how many there were.
        """
        dropped = 0
        for lane, keys in self._keys.items():
            gone = [
                key
                for key in keys
                if whose_row(key) in people or self._origins.get(key, NOBODY) & people
            ]
            for key in gone:
                self._drop(lane, key)
            dropped += len(gone)
        return dropped

    def _origins_in(self, _row: bytes) -> frozenset[Person]:
        """Tell on whose rows a row rests beside its own; on nobody's, of most tables."""
        return NOBODY

    # ------------------------------------------------------------------ what others write meanwhile

    def rows_between(self, lane: int, begin: int, end: int) -> Sequence[FencedRow]:
        """Read a piece of a lane's changelog; blocks: use a thread.

        Raises KafkaException or TimeoutError where the broker does not answer.
        """
        return self._changelog.piece(lane, begin, end)

    def fence_of(self, lane: int) -> bytes:
        """Return our fence of a lane; empty where it is not ours."""
        fences = self._fences.get(lane)
        return fences.ours if fences else b""

    def write_again(self, lane: int, key: bytes) -> bool:
        """Write our own newest row of a key once more; False where there is none.

        Nor where a newer one is on its way: it stands behind whatever came late.
        """
        fences = self._fences[lane]
        if fences.by_rows.get(key) != fences.ours or key in self._under_way:
            return False
        self._send(lane, key, self._table.data[key], Unattended())
        return True

    # ------------------------------------------------------------------ lanes come and go

    def keep_only(self, lanes: Collection[int]) -> None:
        """Forget the rows of other lanes: another worker writes them now."""
        held = self._recovered.keys() | self._keys.keys() | self._fences.keys()
        for lane in held - set(lanes):
            for known in (self._recovered, self._tenures, self._fences):
                known.pop(lane, None)
            for key in self._keys.pop(lane, ()):
                self._table.data.pop(key, None)
                self._origins.pop(key, None)

    async def fence(self, lanes: Iterable[int]) -> None:
        """Have whatever others still write of some lanes come too late; before they are read.

        Raises Transient where the broker refuses it.
        """
        fence, mark = new_fence(), self._codec.encode(TableRow(entries=()))
        waits = []
        self._turn += 1
        for lane in lanes:
            self._fences[lane].put(fence, self._turn)  # at once: what follows it must name it
            self._between.begin(lane)
            acknowledgement = Acknowledgement()
            self._send(lane, KEY, mark, acknowledgement)
            waits.append(acknowledgement.done)
        try:
            await asyncio.gather(*waits)
        except PublishingFailed as error:
            raise Transient(str(error)) from None

    def came(self, lane: int, topic: str, log: str, done: Progress | None) -> None:
        """Take in what is done of a lane of an input topic that has come; nothing of it runs yet.

        `log` is the broker's id of the topic; where it is not known, all entries count.
        """
        if log:
            self._turn += 1
            self._tenures.setdefault(lane, {})[topic] = Tenure(log, self._turn, done)

    def known(self, lanes: Iterable[int]) -> dict[int, int]:
        """Return up to which offset of the changelog each of some lanes is known; 0: nothing."""
        return {lane: self._recovered.get(lane, 0) for lane in lanes}

    def changes(self, since: Mapping[int, int]) -> list[Change]:
        """Read what the changelog says of some lanes since an offset of each; blocks: use a thread.

        Touches no row: the lanes may have moved on when it ends. Raises KafkaException or
        TimeoutError where the broker does not answer.
        """
        known = self._table.data
        return self._changelog.changes(since, self._fences.get, known, self._reader.events)

    def apply(self, changes: Iterable[Change]) -> None:
        """Bring the rows of some lanes up to date, before anything of these lanes runs.

        The true rows of keys whose last record came late are written once more: compaction would
        leave that one alone.
        """
        for change in changes:
            fences = self._fences[change.lane]
            fenced = self._turn + 1 if fences.turn is None else fences.turn
            known = self._keys.get(change.lane, {})
            ours = {
                key: (turn, self._table.data[key])
                for key in {key for key, _ in change.rows}
                if (turn := known.get(key, 0))
            }
            for key, value in change.rows:
                turn, written_by_us = ours.get(key, (0, None))
                if turn < fenced:  # else we have written it since
                    self._set(change.lane, key, value, turn if value == written_by_us else 0)
                    if value is None:
                        fences.by_rows.pop(key, None)
                    else:
                        fences.by_rows[key] = change.named.get(key, b"")
            for key in sorted(change.passed_over) if fences.ours else ():
                self._send(change.lane, key, self._table.data.get(key), Unattended())
            self._recovered[change.lane] = change.end
            fences.read, fences.by_drops = change.fences, fences.by_drops | change.by_drops
