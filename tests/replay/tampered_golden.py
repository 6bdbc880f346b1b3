"""A lane of the golden log of 0.1.0 in memory, and all that a forger may do to one of its records.

The forger has what lies on the disk and no key. What must be so for an archive as a whole (files, manifest) is in
test_archive_faults.py.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from replay.archive import ArchiveLog
from replay.verify import Verifier
from schemas import Begun, Effect, Event, EventRejected, Record
from streams.log.addressing import address_of
from streams.log.codec import Codec, Undecodable
from streams.running.run import stamped
from streams.topics import TOPICS, step_reading, topic_of
from tests.memory_log import MemoryLog

GOLDEN = Path(__file__).parents[1] / "golden" / "0.1.0"


class GoldenLane(MemoryLog):
    """A lane of the golden log, with its commit positions; the other lanes are empty."""

    def __init__(self, lane: int) -> None:
        super().__init__()
        archive = ArchiveLog(GOLDEN / "log")
        self.lane = lane
        self.ids = archive.ids
        self.commits = {
            step: {place: offset for place, offset in positions.items() if place[1] == lane}
            for step, positions in archive._committed.items()
        }
        for topic in TOPICS:
            for number in range(4 if topic.partitioned else 1):
                kept = number == lane or not topic.partitioned
                self.topics[topic.name, number] = (
                    list(archive.records(topic.name, number)) if kept else []
                )

    def committed(self, name):
        return self.commits.get(name, {})

    def copy(self):
        """Return a log to tamper with."""
        other = GoldenLane.__new__(GoldenLane)
        other.__dict__.update(self.__dict__)
        other.topics = {place: list(rows) for place, rows in self.topics.items()}
        other.commits = {step: dict(positions) for step, positions in self.commits.items()}
        return other


class Verifying:
    """Verifies logs of one key store; local effects that were executed once are remembered."""

    def __init__(self, local, digest_key) -> None:
        self._digest_key = digest_key
        self._known: dict[Any, Any] = {}
        self._local = {request: self._remembering(call) for request, call in local.items()}

    def _remembering(self, call):
        async def answer(request, asked):
            key = (repr(request), asked.tenant)
            if key not in self._known:
                try:
                    self._known[key] = await call(request, asked)
                except Exception as error:  # noqa: BLE001 - told again
                    self._known[key] = error
            if isinstance(self._known[key], Exception):
                raise self._known[key]
            return self._known[key]

        return answer

    def __call__(self, log):
        return asyncio.run(Verifier(log, self._local, self._digest_key).verify())


# ---------------------------------------------------------------------- what may be done to a record


@dataclasses.dataclass
class Place:
    """A record of a log that is tampered with."""

    log: GoldenLane
    topic: str
    index: int

    @property
    def rows(self):
        return self.log.topics[self.topic, self.log.lane]

    @property
    def row(self):
        return self.rows[self.index]

    @property
    def event(self) -> Event:
        event = Codec(self.log.ids).decode_any(self.row.value)
        assert isinstance(event, Event)
        return event

    def put(self, event: Event, *, headers=False) -> None:
        """Let the record say something else; with `headers`, those too."""
        value = spelt(Codec(self.log.ids), event)
        fields = {"value": value}
        if headers:
            address = address_of(event)
            fields |= {"headers": address.headers, "key": address.key}
        self.change(**fields)

    def change(self, **fields) -> None:
        self.rows[self.index] = dataclasses.replace(self.row, **fields)

    def meta(self, **fields) -> None:
        event = self.event
        self.put(stamped(event, replace(event.meta, **fields)), headers=True)

    def renumber(self) -> None:
        """Count offsets anew, as who writes an archive again can."""
        self.rows[:] = [
            dataclasses.replace(row, offset=offset, topic=self.topic, partition=self.log.lane)
            for offset, row in enumerate(self.rows)
        ]


Operation = Callable[[Place], bool | None]
"""Tampers; returns False where there is nothing to tamper with."""


def spelt(codec, record: Record) -> bytes:
    """Encode a record as 0.1.0 defined it."""
    return codec.encode_as(record, codec._ids.id_of(record.SCHEMA))


def body_byte(place):
    place.change(value=place.row.value[:-1] + bytes([place.row.value[-1] ^ 1]))


def some_text(place):
    event = place.event
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name != "meta" and isinstance(value, str) and value:
            place.put(replace(event, **{name: value + "x"}))
            return None
    return False


def left_out(place):
    del place.rows[place.index]


def left_out_and_closed_up(place):
    del place.rows[place.index]
    place.renumber()


def doubled_in_place(place):
    place.rows.insert(place.index, place.row)


def doubled_and_counted(place):
    place.rows.insert(place.index, place.row)
    place.renumber()


def doubled_at_the_end(place):
    place.rows.append(place.row)
    place.renumber()


def swapped(place):
    if place.index + 1 >= len(place.rows):
        return False
    one, other = place.rows[place.index : place.index + 2]
    place.rows[place.index : place.index + 2] = [
        dataclasses.replace(other, offset=one.offset),
        dataclasses.replace(one, offset=other.offset),
    ]
    return None


def moved_to_another_lane(place):
    row = place.row
    other = place.log.topics[place.topic, (place.log.lane + 1) % 4]
    other.append(dataclasses.replace(row, partition=(place.log.lane + 1) % 4, offset=len(other)))
    left_out_and_closed_up(place)


def moved_to_another_lane_in_word_and_deed(place):
    place.meta(lane=(place.log.lane + 1) % 4)
    moved_to_another_lane(place)


def moved_to_another_topic(place):
    step = step_reading(type(place.event))
    other = "playhead.chunks.indexed" if step is None else topic_of(step.writes[0])
    if other == place.topic:
        return False
    rows = place.log.topics[other, place.log.lane]
    rows.append(dataclasses.replace(place.row, topic=other, offset=len(rows)))
    left_out_and_closed_up(place)
    return None


def header(name, value):
    def change(place):
        headers = [(n, value if n == name else v) for n, v in place.row.headers]
        if headers == list(place.row.headers):
            return False
        place.change(headers=tuple(headers))
        return None

    return change


def effects(change: Callable[[Effect, Codec], Effect], which: int = -1, kind: str | None = None):
    """Change one effect of a record: the last, or the first of a kind."""

    def tamper(place):
        event = place.event
        told = list(event.meta.effects)
        at = (
            which if kind is None else next((n for n, e in enumerate(told) if e.kind == kind), None)
        )
        if not told or at is None:
            return False
        changed = change(told[at], Codec(place.log.ids))
        if changed is None or changed == told[at]:
            return False
        told[at] = changed
        place.put(stamped(event, replace(event.meta, effects=tuple(told))))
        return None

    return tamper


def answered_by_an_error(effect, _codec):
    return replace(effect, response=None, digest=b"", model="", error="Permanent: no more of it")


def other_response(effect, codec):
    if effect.response is None:
        return None
    response = codec.decode_any(effect.response)
    changed = first_changed(response)
    return None if changed is None else replace(effect, response=spelt(codec, changed))


def first_changed(record: Record) -> Record | None:
    """Return a record with its first text or number changed, at whatever depth; None without any."""
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if name == "meta":
            continue
        if isinstance(value, bool):
            continue
        if isinstance(value, str) and value:
            return replace(record, **{name: value + "x"})
        if isinstance(value, int | float) and value:
            return replace(record, **{name: value + 1})
        if isinstance(value, Record) and (inner := first_changed(value)) is not None:
            return replace(record, **{name: inner})
        if isinstance(value, tuple) and value and isinstance(value[0], Record):
            inner = first_changed(value[0])
            if inner is not None:
                return replace(record, **{name: (inner, *value[1:])})
    return None


def effect_left_out(place):
    event = place.event
    if not event.meta.effects:
        return False
    place.put(stamped(event, replace(event.meta, effects=event.meta.effects[:-1])))
    return None


def effect_doubled(place):
    event = place.event
    if not event.meta.effects:
        return False
    place.put(
        stamped(event, replace(event.meta, effects=(*event.meta.effects, event.meta.effects[-1])))
    )
    return None


def begun_as(place, **fields):
    """Let the run that wrote a record have begun otherwise, in word and deed."""
    event, codec = place.event, Codec(place.log.ids)
    told = list(event.meta.effects)
    if not told or told[0].kind != "Begin":
        return False
    begun = replace(codec.decode(told[0].response, Begun), **fields)
    told[0] = replace(told[0], response=spelt(codec, begun))
    meta = replace(event.meta, effects=tuple(told), attempt=begun.attempt, trace=begun.trace)
    place.put(stamped(event, meta), headers=True)
    return None


def forged_attempt(number):
    """Put a copy of a record beside it, as another attempt, consistent in itself."""

    def tamper(place):
        attempt = place.event.meta.attempt + number
        original = place.row
        if begun_as(place, attempt=attempt) is False:
            return False
        forged = place.row
        place.rows[place.index] = original
        at = len(place.rows) if number > 0 else place.index
        place.rows.insert(at, forged)
        if number > 0:
            place.renumber()
            return None
        place.renumber()
        return None

    return tamper


def marked_as_put_back(place):
    place.change(headers=(("retry", b"1@0"), *place.row.headers))


OPERATIONS: dict[str, Operation] = {
    "a byte of the body": body_byte,
    "a text": some_text,
    "garbage": lambda place: place.change(value=b"garbage"),
    "a tombstone": lambda place: place.change(value=None),
    "meta.id": lambda place: place.meta(id="forged"),
    "meta.tenant": lambda place: place.meta(tenant="forged"),
    "meta.request": lambda place: place.meta(request="forged"),
    "meta.session": lambda place: place.meta(session="forged"),
    "meta.at": lambda place: place.meta(at=place.event.meta.at + 1),
    "meta.trace": lambda place: place.meta(trace="00-forged"),
    "meta.code": lambda place: place.meta(step=replace(place.event.meta.step, code="9")),
    "meta.configuration": lambda place: place.meta(
        step=replace(place.event.meta.step, configuration="f" * 64)
    ),
    "meta.step": lambda place: place.meta(
        step=replace(
            place.event.meta.step,
            name="index" if place.event.meta.step.name == "embed" else "embed",
        )
    ),
    "meta.attempt": lambda place: place.meta(attempt=place.event.meta.attempt + 1),
    "meta.ordinal": lambda place: place.meta(ordinal=place.event.meta.ordinal + 1),
    "meta.last": lambda place: place.meta(last=not place.event.meta.last),
    "meta.cause": lambda place: (
        place.meta(cause=replace(place.event.meta.cause, offset=place.event.meta.cause.offset + 1))
        if place.event.meta.cause
        else False
    ),
    "left out": left_out,
    "left out and closed up": left_out_and_closed_up,
    "doubled in place": doubled_in_place,
    "doubled and counted": doubled_and_counted,
    "doubled at the end": doubled_at_the_end,
    "swapped with the next": swapped,
    "moved to another lane": moved_to_another_lane,
    "moved to another lane in word and deed": moved_to_another_lane_in_word_and_deed,
    "moved to another topic": moved_to_another_topic,
    "key": lambda place: place.change(key=b"forged"),
    "no key": lambda place: place.change(key=None),
    "header id": header("id", b"forged"),
    "header request": header("request", b"forged"),
    "header traceparent": header("traceparent", b"forged"),
    "header added": lambda place: place.change(headers=(*place.row.headers, ("x", b"y"))),
    "headers removed": lambda place: place.change(headers=()),
    "marked as put back": marked_as_put_back,
    "time of the broker": lambda place: place.change(timestamp_ms=place.row.timestamp_ms + 1),
    "effect: model": effects(lambda effect, _: replace(effect, model="forged")),
    "effect: response": effects(other_response),
    "effect: response of a stream": effects(other_response, kind="Generate"),
    "effect: response of a table": effects(other_response, kind="ReadRelease"),
    "effect: passage": effects(other_response, kind="Fetch"),
    "effect: candidates": effects(other_response, kind="Search"),
    "effect: error": effects(answered_by_an_error),
    "effect: request": effects(lambda effect, _: replace(effect, request=b"forged")),
    "effect: kind": effects(
        lambda effect, _: replace(effect, kind="Search" if effect.kind != "Search" else "Fetch")
    ),
    "effect: number": effects(lambda effect, _: replace(effect, number=effect.number + 1)),
    "effect: part": effects(lambda effect, _: replace(effect, part=effect.part + 1)),
    "effect: price": effects(lambda effect, _: replace(effect, cost_micros=5)),
    "effect: started": effects(lambda effect, _: replace(effect, started=effect.started + 10**9)),
    "effect: took": effects(lambda effect, _: replace(effect, took_us=effect.took_us + 10**9)),
    "effect left out": effect_left_out,
    "effect doubled": effect_doubled,
    "begun as another attempt": lambda place: begun_as(place, attempt=place.event.meta.attempt + 1),
    "begun as attempt 0": lambda place: begun_as(place, attempt=0),
    "a forged attempt before": forged_attempt(-1),
    "a forged attempt after": forged_attempt(1),
}


def places(log: GoldenLane) -> Iterator[tuple[str, int, str]]:
    """Name records to tamper with: of each kind the first, one in the middle, and the last."""
    for (topic, lane), rows in sorted(log.topics.items()):
        if lane != log.lane or not rows:
            continue
        readable = [
            n
            for n, row in enumerate(rows)
            if is_readable(log, row) and (topic, lane, n) not in ERASED
        ]
        chosen = {"first": 0, "middle": len(readable) // 2, "last": len(readable) - 1}
        seen = set()
        for name, number in chosen.items():
            if readable and readable[number] not in seen:
                seen.add(readable[number])
                yield topic, readable[number], name


ERASED = {("playhead.question.redacted", 1, 1)}
"""Topic, lane and index of records whose subject was erased: of what they say little can be shown."""


def is_readable(log, row):
    try:
        event = Codec(log.ids).decode_any(row.value)
    except Undecodable:
        return False
    return (
        isinstance(event, Event)
        and event.meta.lane == row.partition
        and (not isinstance(event, EventRejected) or event.meta.cause is not None)
    )
