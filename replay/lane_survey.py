"""What has to be known of a step's outcomes in a lane before they are read beside its inputs.

A lane is verified in a stream: inputs in their order, and of the outcomes no more than what may
still belong to an input that is at hand. For that each topic is looked through once before, of
every record no more than whose outcome it is:

- Outcomes that lie far behind those of later inputs (put back, or run again after a crash) are
  kept, so that nobody need look ahead for them.
- Outcomes of a session's inputs take turns; some that do not are lawful, and which they are is only
  known from all of a topic.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple, cast

import fastavro
from fastavro.types import Schema

from replay.lane_reader import LaneReader, Unread
from replay.log import Stored
from replay.places import Letters, is_marked
from replay.rules import StoredOutcome
from schemas import AnswerReleased, ChunksCut, ChunksEmbedded, Event, EventRejected
from schemas.definitions import without_logical_types
from schemas.registry import SchemaIds
from streams.log.codec import HEADER, Codec, Undecodable, schema_id_of
from streams.topics import Step, topic_of

AHEAD = 32
"""Inputs that outcomes are read ahead of: a worker has 16 of a lane in flight (`window`)."""
TOLD_OF = (AnswerReleased, ChunksEmbedded, ChunksCut)
"""Outcomes that runs of other steps repeat, so they are known before any is run again."""
SESSIONS_MAX = 10_000
"""Sessions of which the last outcome is remembered: more than any worker has under way."""
TopicOffset = tuple[str, int]
"""Topic and offset of a record of the lane."""
TurnPlace = tuple[str, str, str]
"""Topic of outcomes, session, topic of inputs."""


class Head(NamedTuple):
    """Whose outcome a record is."""

    session: str
    topic: str
    """Of its input, as are lane and offset."""
    lane: int
    offset: int


def head_of(event: Event) -> Head | None:
    """Return whose outcome a record says that it is; None where it names no input."""
    cause = event.meta.cause
    if cause is None:
        return None
    return Head(event.meta.session, cause.topic, cause.partition, cause.offset)


class Heads:
    """Reads of records no more than whose outcomes they are, by whatever definition."""

    def __init__(self, codec: Codec, ids: SchemaIds) -> None:
        self._codec = codec
        self._ids = ids
        self._writers: dict[tuple[int, type[Event]], Schema | None] = {}
        """What records begin with, by their schema; None where nothing is read by it."""

    def of(self, value: bytes | None, record: type[Event]) -> Head | None:
        """Read whose outcome a record is; None where that can't be read, or it names no input."""
        try:
            key = schema_id_of(value), record
            if key not in self._writers:
                self._writers[key] = self._writer(*key)
            if (writer := self._writers[key]) is None:
                return None
            stream = io.BytesIO(cast(bytes, value))
            stream.seek(HEADER.size)
            read = cast(dict[str, Any], fastavro.schemaless_reader(stream, writer, None))
            meta, cause = read["meta"], read["meta"]["cause"]
            return cause and Head(
                meta["session"], cause["topic"], cause["partition"], cause["offset"]
            )
        except Exception:  # noqa: BLE001 - who reads the whole of it tells what is wrong with it
            return None

    def _writer(self, schema_id: int, record: type[Event]) -> Schema | None:
        try:
            self._codec.learn(schema_id, record)
        except Undecodable:
            return None
        return _beginning(self._ids.definition_of(schema_id))


def _beginning(definition: dict[str, Any]) -> Schema:
    """Cut a definition off behind the field that tells whose outcome a record is."""
    whole = without_logical_types(definition)
    meta = whole["fields"][0]
    names = [field["name"] for field in meta["type"]["fields"]]
    fields = meta["type"]["fields"][: names.index("cause") + 1]
    cut = {**meta, "type": {**meta["type"], "fields": fields}}
    return fastavro.parse_schema({**whole, "fields": [cut]})


class LastOutcomes:
    """Of the sessions that were seen last, the input of their last outcome.

    A session that was forgotten has had nothing for long. So an outcome of an earlier input of its
    lies far behind those of others, and who finds such a one looks closer at all of the topic.
    """

    def __init__(self, sessions_max: int = SESSIONS_MAX) -> None:
        self._last: dict[tuple[str, str], int] = {}
        """Topic of inputs and session, the one that was seen last at the end -> offset."""
        self._sessions_max = sessions_max
        self._complete = True

    def has_turn(self, session: tuple[str, str], offset: int, *, late: bool) -> bool:
        """Take in an outcome; say whether it is known to follow those before of its session."""
        before = self._last.pop(session, None)
        self._last[session] = offset
        if len(self._last) > self._sessions_max:
            del self._last[next(iter(self._last))]
            self._complete = False
        if before is None:
            return self._complete or not late
        return offset >= before


class SessionTurns:
    """Inputs of sessions in the order in which their outcomes lie on a topic."""

    def __init__(self) -> None:
        self._seen: defaultdict[TurnPlace, list[int]] = defaultdict(list)
        self.passed: defaultdict[TurnPlace, list[int]] = defaultdict(list)
        """Offsets of inputs that have an outcome behind one of a later input."""

    def take(self, topic: str, head: Head) -> bool:
        """Take in the next outcome of a topic; say whether it has its turn."""
        place = topic, head.session, head.topic
        seen = self._seen[place]
        if seen and head.offset < seen[-1]:
            self.passed[place].append(head.offset)
            return False
        if not seen or seen[-1] != head.offset:
            seen.append(head.offset)
        return True

    def passers(self, place: TurnPlace, offset: int) -> Iterable[int]:
        """Name the later inputs of the session that had a turn."""
        return (one for one in self._seen[place] if one > offset)


class StepSurvey:
    """What was found in the outcomes of a step in a lane."""

    def __init__(self, step: Step, reader: LaneReader, letters: Letters) -> None:
        self.late: defaultdict[TopicOffset, list[Stored]] = defaultdict(list)
        """TopicOffset of an input -> outcomes of it that nobody need look ahead for."""
        self.late_at: set[TopicOffset] = set()
        """Where they lie."""
        self.out_of_turn: set[TopicOffset] = set()
        """Where outcomes lie out of their turn, and not lawfully."""
        self.sessions: set[tuple[str, str]] = set()
        """Tenants and sessions in which some lawfully do."""
        self._step = step
        self._reader = reader
        self._letters = letters
        self._flows = {
            topic_of(record): frozenset(map(topic_of, flow)) for record, flow in step.flows.items()
        }

    def look_through(
        self, heads: Heads, learn: Callable[[Event], None], rejections: Sequence[StoredOutcome]
    ) -> None:
        """Look through all topics; `learn` takes what runs of other steps are told of."""
        in_turn = [
            self._look_through(topic_of(record), self._heads(record, heads, learn))
            for record in self._step.writes
        ]
        letters = ((outcome.stored, head_of(outcome.event)) for outcome in rejections)
        in_turn.append(self._look_through(topic_of(EventRejected), letters, letters=True))
        if not all(in_turn):
            self._look_closer(rejections)

    def _heads(
        self, record: type[Event], heads: Heads, learn: Callable[[Event], None]
    ) -> Iterator[tuple[Stored, Head | None]]:
        if record not in TOLD_OF:
            for stored in self._reader.records(topic_of(record)):
                yield stored, heads.of(stored.value, record)
            return
        for stored, event in self._reader.events(record):
            if not isinstance(event, Unread):
                learn(event)
                yield stored, head_of(event)

    def _look_through(
        self,
        topic: str,
        outcomes: Iterable[tuple[Stored, Head | None]],
        *,
        letters: bool = False,
    ) -> bool:
        """Find what lies late in a topic; return whether all has its turn. Letters are at hand."""
        ends, reached, in_turn = self._reader.ends, dict[str, int](), True
        last = LastOutcomes()
        for stored, head in outcomes:
            if head is None or head.lane != stored.partition:
                continue
            source, offset = head.topic, head.offset
            before = reached.get(source, -1)
            if not self._is_explained(stored):
                # letters are at hand as a whole, and how far they have come is not followed
                late = letters or offset <= before - AHEAD
                in_turn = last.has_turn((source, head.session), offset, late=late) and in_turn
            if letters:
                continue
            if topic not in self._flows.get(source, ()) or offset <= before - AHEAD:
                self.late[source, offset].append(stored)
                self.late_at.add((topic, stored.offset))
            elif before < offset < ends.get(source, 0):
                reached[source] = offset
        return in_turn

    def _is_explained(self, stored: Stored) -> bool:
        """Say whether a record was put back: such a one comes long after its turn."""
        return is_marked(stored) and self._letters.explain(stored)

    def _look_closer(self, rejections: Sequence[StoredOutcome]) -> None:
        """Find which outcomes are out of their turn, and which of them lawfully.

        Of records that can be read as a whole: what can't be has no turn.
        """
        turns = SessionTurns()
        by_input: defaultdict[TopicOffset, list[TopicOffset]] = defaultdict(list)
        sessions: dict[TopicOffset, tuple[str, str]] = {}
        for stored, event in chain(
            *(self._reader.events(record) for record in self._step.writes),
            ((outcome.stored, outcome.event) for outcome in rejections),
        ):
            if isinstance(event, Unread) or self._is_explained(stored):
                continue
            head = head_of(event)
            if head is None or head.lane != stored.partition:
                continue
            if not turns.take(stored.topic, head):
                by_input[head.topic, head.offset].append((stored.topic, stored.offset))
                sessions[head.topic, head.offset] = event.meta.tenant, event.meta.session
        self.out_of_turn = {place for places in by_input.values() for place in places}
        for given in self._waited(turns):
            self.out_of_turn.difference_update(by_input[given])
            self.sessions.add(sessions[given])

    def _waited(self, turns: SessionTurns) -> Iterator[TopicOffset]:
        """Name the inputs that waited for their schema, which their worker did not know yet.

        Such a one waits alone, so later inputs of its session that were written with others pass
        it. What one run left for the next is not known then.
        """
        topics = {place[2] for place in turns.passed}
        schemas = {topic: self._reader.schemas_of(topic) for topic in topics}
        for place, offsets in turns.passed.items():
            written = schemas[place[2]]
            for offset in offsets:
                passers = turns.passers(place, offset)
                if all(written.get(by) != written.get(offset) for by in passers):
                    yield place[2], offset
