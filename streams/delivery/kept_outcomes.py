"""Outcomes that were read back once, kept in the run folder: a takeover reads what came since.

The log does not change, so what was read of a stretch of it holds for good. A file holds what the
records of one stretch of a lane told of a step's inputs. It is a copy of what the log says, never
the truth, and whatever speaks against it has the log read in its place: bytes that are not as they
were written, another version of the code, a topic of another id, another record where its last one
lay (the topic lost its tail and has grown again), a stretch in which a schema was not known.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from threading import get_ident
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote

import msgspec
from confluent_kafka import Consumer, Message

from schemas import Cause
from schemas.prepared_types import prepared
from streams.delivery.foreign_outcomes import OutcomeReader
from streams.delivery.history import Outcome
from streams.delivery.lane import Place
from streams.log.offsets import Extent
from streams.log.reading import records
from streams.version import CODE
from streams.watching.logs import logger

log = logger("kept outcomes")

FOLDER = "outcomes"
ROWS_MAX = 8_192
"""Records of a lane of which a file tells, the newest: twice as many as a takeover reads."""
KEPT_AFTER = 256
"""Records that were read of a lane, before a file is written anew: a few milliseconds' worth."""
FILE_BYTES_MAX = 4_000_000
DIGEST_BYTES = 32


class Row(NamedTuple):
    """What a record told."""

    offset: int
    size: int
    """Bytes of its value."""
    outcome: Outcome | None


class Mark(NamedTuple):
    """By which the last record of a stretch is known again."""

    offset: int
    time_ms: int
    digest: bytes
    """SHA-256 of its value."""

    @classmethod
    def of(cls, message: Message) -> Mark:
        """Take it of a record."""
        digest = sha256(message.value() or b"").digest()
        return cls(message.offset() or 0, message.timestamp()[1], digest)


class Stretch(NamedTuple):
    """What the records of a lane told from one offset up to another."""

    begin: int
    rows: list[Row]
    last: Mark

    @property
    def end(self) -> int:
        """Return the offset behind the last record."""
        return self.last.offset + 1


_Told = tuple[int, int, int, str, int, bool]
"""Of an outcome: which of the topics, partition, offset, id of its input; attempt, last."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A file's content, behind its own digest."""

    code: str
    topic_id: str
    begin: int
    last: Mark
    topics: list[str]
    """Of inputs, as the rows number them."""
    rows: list[tuple[int, int, _Told | None]]
    """Offset, size, outcome."""

    def outcome(self, told: _Told | None) -> Outcome | None:
        """Read an outcome."""
        if told is None:
            return None
        topic, partition, offset, cause_id, attempt, last = told
        name = self.topics[topic]
        cause = Cause(topic=name, partition=partition, offset=offset, id=cause_id)
        return Outcome(cause, attempt, last)


prepared(_Kept)


class KeptOutcomes:
    """Files of one step, one for each lane of its outputs."""

    def __init__(self, folder: Path, step: str) -> None:
        """Keep them in a folder, which is made when the first file is written."""
        self._folder = folder
        self._step = step

    def of(self, place: Place, topic_id: str) -> Stretch | None:
        """Return what is kept of a lane; None where nothing is that could be believed."""
        path = self._path(place)
        try:
            with path.open("rb") as file:
                content = file.read(FILE_BYTES_MAX + 1)
        except OSError:
            return None
        digest, body = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
        if sha256(body).digest() != digest:  # the machine was cut off over it, or it is not ours
            return None
        try:
            kept = msgspec.msgpack.decode(body, type=_Kept)
        except msgspec.MsgspecError:
            return None
        if (kept.code, kept.topic_id) != (CODE, topic_id):
            return None
        rows = [Row(offset, size, kept.outcome(told)) for offset, size, told in kept.rows]
        return Stretch(kept.begin, rows, kept.last)

    def keep(self, place: Place, topic_id: str, stretch: Stretch) -> None:
        """Write down what the records of a lane told, in place of what stands there.

        Where that can't be done the next takeover reads the log.
        """
        topics: dict[str, int] = {}
        rows: list[tuple[int, int, _Told | None]] = []
        for offset, size, outcome in stretch.rows:
            told = None
            if outcome is not None:
                cause = outcome.cause
                topic = topics.setdefault(cause.topic, len(topics))
                at = (topic, cause.partition, cause.offset, cause.id)
                told = (*at, outcome.attempt, outcome.last)
            rows.append((offset, size, told))
        kept = _Kept(CODE, topic_id, stretch.begin, stretch.last, list(topics), rows)
        body = msgspec.msgpack.encode(kept)
        if len(body) + DIGEST_BYTES > FILE_BYTES_MAX:
            return
        path = self._path(place)
        # of our own: another worker that has just lost the lane may be writing, too
        beside = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(sha256(body).digest() + body)
            beside.replace(path)
        except OSError as error:
            log.info("outcomes can't be kept", folder=str(self._folder), error=error.strerror)

    def _path(self, place: Place) -> Path:
        topic, partition = place
        return self._folder / quote(f"{self._step}-{topic}-{partition}", "")


@dataclass
class Written:
    """Outcomes of a step in one lane of one output topic, as far as they were read."""

    outcomes: list[Outcome] = field(default_factory=list)
    records: int = 0
    size: int = 0


class OutputReader:
    """Reads what records of a step's outputs tell, from the log or from what is kept of it.

    The stretches of a lane are read from its end backwards, each up to where the one before began.
    """

    def __init__(
        self,
        consumer: Consumer,
        reader: OutcomeReader,
        wholes: Mapping[Place, Extent],
        kept: KeptOutcomes | None = None,
        topic_ids: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`wholes`: where the lanes begin and end. Without a topic's id nothing is kept of it.

        Raises KafkaException or TimeoutError where the broker does not answer.
        """
        self._consumer = consumer
        self._reader = reader
        self._files = kept
        self._topic_ids = topic_ids
        self._kept = self._believed(wholes)
        self._lanes = {place: _Lane() for place in wholes}

    def _believed(self, wholes: Mapping[Place, Extent]) -> dict[Place, Stretch]:
        """Return what is kept of lanes that still have the last record of it where it was."""
        kept = {}
        for (topic, partition), whole in wholes.items():
            topic_id = self._topic_ids.get(topic)
            if self._files is None or not topic_id:
                continue
            stretch = self._files.of((topic, partition), topic_id)
            if stretch is not None and whole.begin <= stretch.last.offset < whole.end:
                kept[topic, partition] = stretch
        lasts = [
            Extent(*place, stretch.last.offset, stretch.end) for place, stretch in kept.items()
        ]
        marks = {_place_of(one): Mark.of(one) for one in records(self._consumer, lasts)}
        return {place: one for place, one in kept.items() if marks.get(place) == one.last}

    def read(self, extents: Iterable[Extent]) -> dict[Place, Written]:
        """Read what the records in some extents tell, of one lane each."""
        asked = {(one.topic, one.partition): one for one in extents}
        unread = {place: self._unread(place, one) for place, one in asked.items()}
        rows: dict[Place, list[Row]] = {place: [] for place in asked}
        for message in records(self._consumer, unread.values()):
            place = _place_of(message)
            lane = self._lanes[place]
            outcome = self._reader.outcome(message)
            rows[place].append(Row(message.offset() or 0, len(message), outcome))
            lane.fresh += 1
            if lane.last is None or (message.offset() or 0) > (lane.last.offset() or 0):
                lane.last = message
        written = {}
        for place, extent in asked.items():
            told = self._known(place, extent, unread[place], rows[place])
            self._lanes[place].add(extent.begin, told)
            outcomes = [row.outcome for row in told if row.outcome is not None]
            written[place] = Written(outcomes, len(told), sum(row.size for row in told))
        return written

    def _unread(self, place: Place, extent: Extent) -> Extent:
        """Return what of an extent is not kept; all of it where that lies in its middle."""
        kept = self._kept.get(place)
        if kept is None or kept.end <= extent.begin or extent.end <= kept.begin:
            return extent
        if kept.begin <= extent.begin:
            return replace(extent, begin=min(kept.end, extent.end))
        return replace(extent, end=kept.begin) if extent.end <= kept.end else extent

    def _known(self, place: Place, extent: Extent, unread: Extent, fresh: list[Row]) -> list[Row]:
        """Return the rows of an extent: those that were read, and those that are kept."""
        if unread == extent:
            return fresh
        rows = self._kept[place].rows
        first = bisect_left(rows, extent.begin, key=_offset)
        behind = bisect_left(rows, extent.end, key=_offset)
        kept = rows[first:behind]
        return kept + fresh if unread.begin > extent.begin else fresh + kept

    def keep(self) -> None:
        """Keep what was read, if it holds for good: not where a schema was not known."""
        if self._files is None or self._reader.is_unsure:
            return
        for place, lane in self._lanes.items():
            topic_id = self._topic_ids.get(place[0])
            if topic_id and lane.last is not None and lane.fresh >= KEPT_AFTER:
                self._files.keep(place, topic_id, lane.stretch(lane.last, self._kept.get(place)))


@dataclass
class _Lane:
    """What was read of a lane, from its end backwards."""

    begin: int = 0
    parts: list[list[Row]] = field(default_factory=list)
    fresh: int = 0
    """Records that came from the broker."""
    last: Message | None = None
    """The one of these with the highest offset."""

    def add(self, begin: int, rows: list[Row]) -> None:
        """Take in what lies before what was read so far."""
        self.begin = begin
        self.parts.append(rows)

    def stretch(self, last: Message, kept: Stretch | None) -> Stretch:
        """Join it with what was kept before."""
        rows = [row for part in reversed(self.parts) for row in part]
        begin = self.begin
        if kept is not None and kept.begin < begin <= kept.end:
            rows = kept.rows[: bisect_left(kept.rows, begin, key=_offset)] + rows
            begin = kept.begin
        if len(rows) > ROWS_MAX:
            rows = rows[-ROWS_MAX:]
            begin = rows[0].offset
        mark = Mark.of(last)
        if kept is not None and kept.last.offset > mark.offset:
            mark = kept.last
        return Stretch(begin, rows, mark)


def _place_of(message: Message) -> Place:
    return message.topic() or "", message.partition() or 0


def _offset(row: Row) -> int:
    return row.offset
