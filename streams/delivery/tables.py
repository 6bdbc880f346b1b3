"""Tables: what a step remembers of a session or a document, kept by Faust beside the step.

A table is in memory; its changelog on the log is what it is recovered from, lane by lane, after a
restart or a move. A row holds the newest values with the event that wrote each: an event that is
run again sees the value before its own, as it did the first time, and its write replaces its own
entry.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from schemas import (
    AnswerReleased,
    DocumentState,
    Event,
    Placeholders,
    ReadDocument,
    ReadPlaceholders,
    ReadRelease,
    ReadTurns,
    Record,
    ReleaseState,
    Request,
    StreamRequest,
    TableEntry,
    TableRow,
    Turn,
    Turns,
    WriteDocument,
    WritePlaceholders,
    WriteRelease,
    Written,
)
from streams.delivery.transport import App, raw_topic
from streams.log.codec import Codec
from streams.log.reading import extent_of, new_consumer, records
from streams.log.writing import Acknowledgement
from streams.running.world import Call, Handler, StreamHandler
from streams.settings import Settings
from streams.topics import changelog_of

ENTRIES_MAX = 16
"""Values kept in a row: more than one session's events can have in flight."""
RELEASES_MAX = 4
"""Values kept of an answer's moderation: each holds all text so far; only the last is needed."""
ANSWERS_MAX = 4_000
"""Answers of a lane whose moderation is remembered; older ones ended long ago."""
DROPPED_MAX = 4
"""Rows dropped at one write."""


class _Unattended:
    """The receipt of a record that nobody waits for."""

    def acknowledged(self) -> None:
        """Do nothing."""


def before(row: TableRow | None, event: str) -> tuple[TableEntry, ...]:
    """Return the entries that an event may see: those before its own, oldest first."""
    if row is None:
        return ()
    for position, entry in enumerate(row.entries):
        if entry.event == event:
            return row.entries[:position]
    return row.entries


def written(row: TableRow | None, event: str, value: bytes, entries_max: int) -> TableRow:
    """Return the row after an event's write: its own entry replaced, or a new one appended."""
    entries = list(row.entries) if row is not None else []
    for position, entry in enumerate(entries):
        if entry.event == event:
            entries[position] = TableEntry(event=event, value=value)
            break
    else:
        entries.append(TableEntry(event=event, value=value))
    return TableRow(entries=tuple(entries[-entries_max:]))


@dataclass(frozen=True)
class Place:
    """Whose row it is."""

    lane: int
    tenant: str
    scope: str
    """Session, document or request."""

    @property
    def key(self) -> bytes:
        """The row's key in the table and its changelog."""
        return "\0".join((str(self.lane), self.tenant, self.scope)).encode()

    @classmethod
    def at(cls, key: bytes) -> Place:
        """Read a key."""
        lane, tenant, scope = key.decode().split("\0")
        return cls(int(lane), tenant, scope)


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

    def __init__(self, app: App, codec: Codec, settings: Settings) -> None:
        self._app = app
        self._codec = codec
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
        )

    @abstractmethod
    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Return who answers which request."""

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Return nothing: no table streams."""
        return {}

    async def close(self) -> None:  # noqa: B027 - the same for every table
        """Do nothing: the app owns the table."""

    @property
    def _store(self) -> Any:
        """Faust's memory store: a dictionary."""
        return self._table.data

    def _row(self, place: Place) -> TableRow | None:
        data: bytes | None = self._store.data.get(place.key)
        return self._codec.decode(data, TableRow) if data is not None else None

    async def _write(self, place: Place, event: str, value: Record) -> Written:
        row = written(self._row(place), event, self._codec.encode(value), self.ENTRIES)
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
            self._app.publisher.send(self._changelog, lane, oldest, None, [], _Unattended())
            self._set(lane, oldest, None)

    async def _put(self, place: Place, value: bytes) -> None:
        """Set a row, here and in the changelog, in the lane's own partition.

        The broker's acknowledgement is awaited before the step goes on: an outcome that is on the
        log must not rest on a state that is not.
        """
        acknowledgement = Acknowledgement()
        self._app.publisher.send(self._changelog, place.lane, place.key, value, [], acknowledgement)
        await acknowledgement.done
        self._set(place.lane, place.key, value)

    def _set(self, lane: int, key: bytes, value: bytes | None) -> None:
        keys = self._keys.setdefault(lane, {})
        keys.pop(key, None)  # so that the key written last stands last
        if value is None:
            self._store.data.pop(key, None)
        else:
            keys[key] = None
            self._store.data[key] = value

    # ------------------------------------------------------------------ lanes come and go

    def keep_only(self, lanes: Collection[int]) -> None:
        """Forget the rows of other lanes: another worker writes them now."""
        for lane in (self._recovered.keys() | self._keys.keys()) - set(lanes):
            self._recovered.pop(lane, None)
            for key in self._keys.pop(lane, ()):
                self._store.data.pop(key, None)

    def known(self, lanes: Iterable[int]) -> dict[int, int]:
        """Return up to which offset of the changelog each of some lanes is known; 0: nothing."""
        return {lane: self._recovered.get(lane, 0) for lane in lanes}

    def changes(self, since: Mapping[int, int]) -> list[Change]:
        """Read what the changelog says of some lanes since an offset of each; blocks: use a thread.

        Touches no row: the lanes may have moved on when it ends. Raises KafkaException or
        TimeoutError where the broker does not answer.
        """
        with closing(new_consumer(self._settings, f"table-{self.NAME}")) as consumer:
            extents = [
                extent_of(consumer, self._changelog, lane, offset) for lane, offset in since.items()
            ]
            rows: dict[int, list[tuple[bytes, bytes | None]]] = {lane: [] for lane in since}
            for message in records(consumer, extents):
                rows[cast(int, message.partition())].append((message.key() or b"", message.value()))
        return [Change(e.partition, rows[e.partition], e.end) for e in extents]

    def apply(self, changes: Iterable[Change]) -> None:
        """Bring the rows of some lanes up to date, before anything of these lanes runs."""
        for change in changes:
            for key, value in change.rows:
                self._set(change.lane, key, value)
            self._recovered[change.lane] = change.end


class Documents(Table):
    """The newest version of each document."""

    NAME = "documents"

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer ReadDocument and WriteDocument."""
        return {ReadDocument: self.read, WriteDocument: self.write}

    async def read(self, request: ReadDocument, call: Call) -> DocumentState:
        """Return the newest version before this event."""
        entries = before(self._row(Place(call.lane, call.tenant, request.document)), call.event)
        return self._codec.decode(entries[-1].value, DocumentState) if entries else NO_DOCUMENT

    async def write(self, request: WriteDocument, call: Call) -> Written:
        """Remember the version that this event made."""
        place = Place(call.lane, call.tenant, request.document)
        return await self._write(place, call.event, request.state)


class PlaceholderNumbers(Table):
    """The placeholders in use in each session and document."""

    NAME = "placeholders"

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer ReadPlaceholders and WritePlaceholders."""
        return {ReadPlaceholders: self.read, WritePlaceholders: self.write}

    async def read(self, request: ReadPlaceholders, call: Call) -> Placeholders:
        """Return those in use before this event."""
        entries = before(self._row(Place(call.lane, call.tenant, request.scope)), call.event)
        if not entries:
            return Placeholders(entries=())
        return self._codec.decode(entries[-1].value, Placeholders)

    async def write(self, request: WritePlaceholders, call: Call) -> Written:
        """Remember those in use after this event."""
        place = Place(call.lane, call.tenant, request.scope)
        return await self._write(place, call.event, request.state)


class Sessions(Table):
    """The recent turns of each session; released answers are folded into it."""

    NAME = "sessions"

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer ReadTurns."""
        return {ReadTurns: self.read}

    async def read(self, request: ReadTurns, call: Call) -> Turns:
        """Return the newest turns before this request, oldest first."""
        row = self._row(Place(call.lane, call.tenant, call.session))
        turns: list[Turn] = []
        for entry in row.entries if row is not None else ():
            [turn] = self._codec.decode(entry.value, Turns).turns
            if turn.request == call.request:
                break
            turns.append(turn)
        return Turns(turns=tuple(turns[-request.limit :]) if request.limit > 0 else ())

    async def remember(self, released: Event) -> None:
        """Append a released answer as a turn; raises Transient."""
        assert isinstance(released, AnswerReleased)
        meta = released.meta
        if released.answer.finish_reason in NO_TURN:
            return
        turn = Turn(
            request=meta.request,
            question=released.answer.query,
            answer=released.text,
            entries=released.entries,
        )
        await self._write(
            Place(meta.lane, meta.tenant, meta.session), meta.id, Turns(turns=(turn,))
        )


class Releases(Table):
    """How far the moderation of each answer has come."""

    NAME = "releases"
    ENTRIES = RELEASES_MAX
    ROWS_MAX = ANSWERS_MAX

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer ReadRelease and WriteRelease."""
        return {ReadRelease: self.read, WriteRelease: self.write}

    async def read(self, request: ReadRelease, call: Call) -> ReleaseState:
        """Return how far it had come before a batch.

        States of the same or later batches are those of an attempt that this one supersedes.
        """
        row = self._row(Place(call.lane, call.tenant, call.request))
        for entry in reversed(before(row, call.event)):
            state = self._codec.decode(entry.value, ReleaseState)
            if state.batch < request.batch:
                return state
        return NOT_BEGUN

    async def write(self, request: WriteRelease, call: Call) -> Written:
        """Remember how far it has come after a batch."""
        place = Place(call.lane, call.tenant, call.request)
        return await self._write(place, call.event, request.state)


NO_DOCUMENT = DocumentState()
NOT_BEGUN = ReleaseState()
NO_TURN = frozenset({"refused", "search", "cancelled"})
"""Ways in which a request ends without an answer that a later question could refer to."""

TABLES: Mapping[str, Callable[[App, Codec, Settings], Table]] = {
    table.NAME: table for table in (Documents, PlaceholderNumbers, Sessions, Releases)
}
