"""One lane of a log as verify reads it: topic by topic, each record decoded once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from replay.archive import BadArchive
from replay.log import Log, Stored
from replay.places import OffsetWatch
from replay.report import Difference, ListedDifferences
from schemas import ChunksEmbedded, Event
from streams.log.codec import Codec, Undecodable, schema_id_of
from streams.running.admit import check_place, unreadable
from streams.running.run import Input
from streams.topics import Step, by_name, topic_of


class Unread(NamedTuple):
    """A record that can't be read as one of its topic, and why."""

    stored: Stored
    reason: str

    def at(self) -> Difference:
        """Say it with its place."""
        return Difference.at(self.stored, "", "", self.reason)


DecodedRecord = tuple[Stored, Event | Unread]


class Tape:
    """A topic that is read once, by the step that writes it and the one that reads it.

    Who reads it comes as far as who writes it; between them lies what is decoded and in memory.
    """

    def __init__(self, entries: Iterator[DecodedRecord], *, written: bool, read: bool) -> None:
        self._entries = entries
        self.written = written
        self._read = read
        self._between: deque[DecodedRecord] = deque()
        self._over = False

    def outcome(self) -> DecodedRecord | None:
        """Return the next record for the step that writes it; None at the end."""
        entry = next(self._entries, None)
        if entry is None:
            self._over = True
        elif self._read:
            self._between.append(entry)
        return entry

    def input(self) -> DecodedRecord | None:
        """Return the next record for the step that reads it; None where it can't go on yet."""
        if not self.written:
            self.outcome()
        return self._between.popleft() if self._between else None

    @property
    def over(self) -> bool:
        """Whether all of it was read by both."""
        return self._over and not self._between


class LaneReader:
    """Reads a lane for verify.

    What is wrong with how its records lie is kept in `faults`, once for each topic.
    """

    def __init__(self, log: Log, codec: Codec, lane: int, steps: Sequence[Step]) -> None:
        self.lane = lane
        self.faults = ListedDifferences()
        self.unproved: set[tuple[str, int]] = set()
        """Topic and offset of what was rejected for its producer: it is an input of nobody's."""
        self.ends = {
            topic: extent.end for (topic, number), extent in log.extents().items() if number == lane
        }
        """Topic -> the offset that it ends before."""
        self._log = log
        self._codec = codec
        self._written = frozenset(record for step in steps for record in step.writes)
        self._read = frozenset(record for step in steps for record in step.reads)
        self._watched: set[str] = set()
        log.load(lane)

    def tape(self, record: type[Event]) -> Tape:
        """Return the topic of a type, to be read once more."""
        return Tape(self.events(record), written=record in self._written, read=record in self._read)

    def events(self, record: type[Event]) -> Iterator[DecodedRecord]:
        """Read the records of a type, whoever wrote them."""
        yield from self.decoded(self.records(topic_of(record)))

    def decoded(self, records: Iterable[Stored]) -> Iterator[DecodedRecord]:
        """Decode records, each as one of its topic."""
        for stored in records:
            try:
                event = self._codec.decode_any(stored.value)
                if not isinstance(event, Event) or topic_of(event) != stored.topic:
                    raise Undecodable(f"{event.SCHEMA} does not belong here")
            except Undecodable as error:
                yield stored, Unread(stored, str(error))
            else:
                yield stored, event

    def gone_of(self, record: type[Event]) -> str:
        """Say what is gone of a topic that was read, so that what it lacks may have been there."""
        topic = topic_of(record)
        extent = self._log.extents().get((topic, self.lane))
        if extent is not None and extent.begin:
            return f"{topic}[{self.lane}] begins with offset {extent.begin}"
        if any(fault.topic == topic for fault in self.faults):
            return f"{topic}[{self.lane}] is not whole"
        return ""

    def schemas_of(self, topic: str) -> dict[int, int]:
        """Return the schema id of each record of a topic by its offset, where it has one."""
        schemas = {}
        for stored in self._readable(topic):
            with suppress(Undecodable):
                schemas[stored.offset] = schema_id_of(stored.value)
        return schemas

    def chunks_of_other_lanes(self) -> Iterator[ChunksEmbedded]:
        """Read the records of chunks that lie in other lanes."""
        topic = topic_of(ChunksEmbedded)
        for name, lane in sorted(self._log.extents()):
            if name != topic or lane == self.lane:
                continue
            with suppress(BadArchive):  # told by who reads that lane
                for stored in self._log.records(topic, lane):
                    with suppress(Undecodable):
                        yield self._codec.decode(stored.value, ChunksEmbedded)

    def input_of(self, entry: DecodedRecord) -> Input:
        """Admit a record to its step; one that is not stands as a position of nobody's."""
        stored, event = entry
        try:
            if isinstance(event, Unread) or (stored.topic, stored.offset) in self.unproved:
                return unreadable(stored.topic, self.lane, stored.offset)
            check_place(event, stored.key, self.lane)
        except Undecodable:
            return unreadable(stored.topic, self.lane, stored.offset)
        return Input(event, stored.topic, self.lane, stored.offset)

    def records(self, topic: str) -> Iterator[Stored]:
        """Read a topic as far as it can be read; the first time, watch its offsets."""
        extent = self._log.extents().get((topic, self.lane))
        if extent is None or topic in self._watched:
            yield from self._readable(topic)
            return
        self._watched.add(topic)
        watch = OffsetWatch(extent, compacted=topic in by_name() and by_name()[topic].compacted)
        for stored in self._readable(topic):
            if reason := watch.see(stored.offset):
                self.faults.append(Difference.at(stored, "", "", reason))
            yield stored
        if reason := watch.end():
            self.faults.append(Difference(topic, self.lane, extent.end, "", "", reason))

    def _readable(self, topic: str) -> Iterator[Stored]:
        try:
            yield from self._log.records(topic, self.lane)
        except BadArchive as error:
            fault = Difference(topic, self.lane, -1, "", "", f"{error}; no further is read")
            if fault not in self.faults:
                self.faults.append(fault)
