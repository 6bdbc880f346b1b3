"""Reading what a step's own outputs tell, from the log or from what is kept of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from confluent_kafka import Consumer, Message

from streams.delivery.foreign_outcomes import OutcomeReader
from streams.delivery.history import Outcome
from streams.delivery.kept_outcomes import KeptOutcomes, KnownStretch, Mark, OutcomeRow
from streams.delivery.lane import Place
from streams.log.offsets import Extent
from streams.log.reading import records

ROWS_MAX = 8_192
"""Records of a lane of which a file tells, the newest: twice as many as a takeover reads."""
KEPT_AFTER = 256
"""Records that were read of a lane, before a file is written anew: a few milliseconds' worth."""


@dataclass
class ReadOutcomes:
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
        kept: KeptOutcomes | None,
        topic_ids: Mapping[str, str],
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

    def _believed(self, wholes: Mapping[Place, Extent]) -> dict[Place, KnownStretch]:
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

    def read(self, extents: Iterable[Extent]) -> dict[Place, ReadOutcomes]:
        """Read what the records in some extents tell, of one lane each."""
        asked = {(one.topic, one.partition): one for one in extents}
        unread = {place: self._unread(place, one) for place, one in asked.items()}
        rows: dict[Place, list[OutcomeRow]] = {place: [] for place in asked}
        for message in records(self._consumer, unread.values()):
            place = _place_of(message)
            lane = self._lanes[place]
            outcome = self._reader.outcome(message)
            rows[place].append(OutcomeRow(message.offset() or 0, len(message), outcome))
            lane.fresh += 1
            if lane.last is None or (message.offset() or 0) > (lane.last.offset() or 0):
                lane.last = message
        written = {}
        for place, extent in asked.items():
            told = self._known(place, extent, unread[place], rows[place])
            self._lanes[place].add(extent.begin, told)
            outcomes = [row.outcome for row in told if row.outcome is not None]
            written[place] = ReadOutcomes(outcomes, len(told), sum(row.size for row in told))
        return written

    def _unread(self, place: Place, extent: Extent) -> Extent:
        """Return what of an extent is not kept; all of it where that lies in its middle."""
        kept = self._kept.get(place)
        if kept is None or kept.end <= extent.begin or extent.end <= kept.begin:
            return extent
        if kept.begin <= extent.begin:
            return replace(extent, begin=min(kept.end, extent.end))
        return replace(extent, end=kept.begin) if extent.end <= kept.end else extent

    def _known(
        self, place: Place, extent: Extent, unread: Extent, fresh: list[OutcomeRow]
    ) -> list[OutcomeRow]:
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
    parts: list[list[OutcomeRow]] = field(default_factory=list)
    fresh: int = 0
    """Records that came from the broker."""
    last: Message | None = None
    """The one of these with the highest offset."""

    def add(self, begin: int, rows: list[OutcomeRow]) -> None:
        """Take in what lies before what was read so far."""
        self.begin = begin
        self.parts.append(rows)

    def stretch(self, last: Message, kept: KnownStretch | None) -> KnownStretch:
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
        return KnownStretch(begin, rows, mark)


def _place_of(message: Message) -> Place:
    return message.topic() or "", message.partition() or 0


def _offset(row: OutcomeRow) -> int:
    return row.offset
