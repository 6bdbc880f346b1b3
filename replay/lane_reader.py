"""One lane of a log as verify reads it: outcomes and inputs, each record decoded once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from replay.archive import BadArchive
from replay.log import Log, Stored
from replay.places import OffsetWatch
from replay.report import Difference
from replay.rules import StoredOutcome
from schemas import ChunksEmbedded, Event
from streams.log.codec import Codec, Undecodable, schema_id_of
from streams.running.admit import check_place, unreadable
from streams.running.run import Input
from streams.topics import Step, by_name, topic_of

KEPT_BYTES_MAX = 64 * 2**20
"""Outcomes kept decoded until the step that reads them is verified, as bytes on the log."""


class Unread(NamedTuple):
    """A record that can't be read as one of its topic, and why."""

    stored: Stored
    reason: str

    def at(self) -> Difference:
        """Say it with its place."""
        return Difference.at(self.stored, "", "", self.reason)


class Outcomes(NamedTuple):
    """The derived records of a topic's lane, and those that can't be read."""

    read: list[StoredOutcome]
    unreadable: list[Unread]


class LaneReader:
    """Reads a lane for verify, step by step in the order of the chain.

    What is wrong with how its records lie is kept in `faults`, once for each topic.
    """

    def __init__(
        self,
        log: Log,
        codec: Codec,
        lane: int,
        steps: Sequence[Step],
        kept_bytes_max: int = KEPT_BYTES_MAX,
    ) -> None:
        self.lane = lane
        self.faults: list[Difference] = []
        self._log = log
        self._codec = codec
        self._inputs = frozenset(record for step in steps for record in step.reads)
        self._watched: set[str] = set()
        self._kept: dict[str, dict[int, Event]] = {}
        self._kept_bytes = 0
        self._kept_bytes_max = kept_bytes_max
        log.load(lane)

    def outcomes(self, record: type[Event]) -> Outcomes:
        """Read the derived records of a type; what another step reads is kept for it."""
        outcomes = Outcomes([], [])
        for stored, event in self.events(record):
            if isinstance(event, Unread):
                outcomes.unreadable.append(event)
            else:
                outcomes.read.append(StoredOutcome(stored, event))
        if record in self._inputs:
            self._keep(topic_of(record), outcomes.read)
        return outcomes

    def events(self, record: type[Event]) -> Iterator[tuple[Stored, Event | Unread]]:
        """Read the records of a type, whoever wrote them."""
        topic = topic_of(record)
        for stored in self._records(topic):
            try:
                event = self._codec.decode_any(stored.value)
                if not isinstance(event, Event) or topic_of(event) != topic:
                    raise Undecodable(f"{event.SCHEMA} does not belong here")
            except Undecodable as error:
                yield stored, Unread(stored, str(error))
            else:
                yield stored, event

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

    def _keep(self, topic: str, outcomes: Sequence[StoredOutcome]) -> None:
        size = sum(len(outcome.stored.value or b"") for outcome in outcomes)
        if self._kept_bytes + size <= self._kept_bytes_max:
            self._kept_bytes += size
            self._kept[topic] = {outcome.stored.offset: outcome.event for outcome in outcomes}

    def inputs(self, record: type[Event]) -> Iterator[tuple[Input, Stored]]:
        """Read the inputs of a type; one that is not admitted stands as a position of nobody's."""
        topic = topic_of(record)
        decoded = self._kept.pop(topic, {})
        for stored in self._records(topic):
            try:
                event = decoded.get(stored.offset) or self._codec.decode(stored.value, record)
                check_place(event, stored.key, self.lane)
                given = Input(event, topic, self.lane, stored.offset)
            except Undecodable:
                given = unreadable(topic, self.lane, stored.offset)
            yield given, stored

    def _records(self, topic: str) -> Iterator[Stored]:
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
