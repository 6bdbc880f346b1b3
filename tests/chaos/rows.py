"""What the judge keeps of the records of one lane: a row of a few short values each; and how rows form attempts."""

from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple

from replay.log import Log, Stored
from schemas import Event, EventRejected, QueryRewritten
from streams.log.codec import Codec, Undecodable, schema_id_of
from streams.topics import topic_of
from streams.version import CODE
from tests.chaos.calls import ASKED
from tests.chaos.judgement import Judgement
from tests.chaos.steps import contradiction, is_end, tally

Position = tuple[str, int]  # topic, offset, within one lane
JUMP_US = 900_000_000  # beyond a quarter of an hour an event time is a wrong clock's


class Row(NamedTuple):
    """What the judge keeps of a record."""

    topic: str
    offset: int
    digest: bytes
    readable: bool
    id: str = ""
    attempt: int = 1
    ordinal: int = 0
    last: bool = True
    request: str = ""
    session: str = ""
    cause: Position = ("", -1)
    cause_id: str = ""
    end: bool = False
    tally: int = 0
    turns: int = -1
    """Of a rewritten question: how many turns of its session its step was told of."""
    tenant: str = ""
    at_ms: int = 0
    """The record's timestamp: when its worker handed it over."""
    effects: tuple[tuple[str, int], ...] = ()
    """How often the record's run asked connectors for what; the tables' and the run's own effects left out."""
    step: str = ""
    """Of a dead letter: the step that gave up."""
    copied: bytes = b""
    """Of a dead letter: digest of the bytes that it holds."""
    too_large: bool = False
    """Whether no other record could hold it."""
    waits: bool = False
    """Whether it, or the request that it is of, is written under a schema id of its own: it may have waited for its
    schema alone, and later ones of its session have passed it."""

    @property
    def position(self) -> Position:
        return self.topic, self.offset


Attempts = dict[int, dict[int, Row]]


def winner_of(attempts: Attempts) -> list[Row] | None:
    """Return the records of the first complete attempt that none with a higher number had passed.

    Who takes a lane over numbers its runs above those of all before. What these had on their way comes behind its
    records, and no step runs over it (docs/decisions/0053).
    """
    for number in sorted(attempts):
        records = complete(attempts[number])
        if records is not None and not _passed(records, attempts, number):
            return records
    return None


def _passed(records: list[Row], attempts: Attempts, number: int) -> bool:
    """Tell whether any of an attempt's records lies behind one of a higher number on its topic."""
    first: dict[str, int] = {}
    for other, by_ordinal in attempts.items():
        for row in by_ordinal.values() if other > number else ():
            first[row.topic] = min(row.offset, first.get(row.topic, row.offset))
    return any(row.offset > first.get(row.topic, row.offset) for row in records)


def complete(records: Mapping[int, Row]) -> list[Row] | None:
    """Return the records of an attempt in order if none is missing up to the last."""
    ordered = [records[ordinal] for ordinal in sorted(records)]
    whole = sorted(records) == list(range(len(records))) and ordered[-1].last
    return ordered if whole else None


HELD_BYTES_MAX = 990_000
"""Of a value that a dead letter holds beside what it says itself."""
IDS_MAX = 4_096
"""Characters of ids that an outcome can carry."""


def digest_of(value: bytes | None) -> bytes:
    """Return what two records are compared by."""
    return b"" if value is None else blake2b(value, digest_size=12).digest()


class LaneRows:
    """Reads one lane of a log into rows; what a record shows by itself goes straight into the judgement."""

    def __init__(self, log: Log, lane: int, judged: Judgement) -> None:
        self._log = log
        self._lane = lane
        self._judged = judged
        self._codec = Codec(log.ids)
        self._names: dict[str, str] = {}
        self._asked_us: list[int] = []
        self._asked: dict[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]] = {}

    def read(self, record: type[Event]) -> list[Row]:
        """Read a topic in order."""
        topic = topic_of(record)
        rows = [self._row(record, topic, stored) for stored in self._log.records(topic, self._lane)]
        self._judged.records += len(rows)
        return rows

    def _row(self, record: type[Event], topic: str, stored: Stored) -> Row:
        digest = digest_of(stored.value)
        event = self._event(record, stored)
        if event is None:
            too_large = len(stored.value or b"") > HELD_BYTES_MAX
            return Row(topic, stored.offset, digest, readable=False, too_large=too_large)
        self._look_at(event, f"{topic}[{self._lane}]@{stored.offset}")
        meta, cause = event.meta, event.meta.cause
        return Row(
            topic,
            stored.offset,
            digest,
            readable=True,
            id=meta.id,
            attempt=meta.attempt,
            ordinal=meta.ordinal,
            last=meta.last,
            request=self._one(meta.request),
            session=self._one(meta.session),
            cause=self._cause(event),
            cause_id=cause.id if cause is not None else "",
            end=is_end(event),
            tally=tally(event),
            turns=event.turns if isinstance(event, QueryRewritten) else -1,
            tenant=self._one(meta.tenant),
            at_ms=stored.timestamp_ms,
            effects=self._effects(event),
            step=event.step if isinstance(event, EventRejected) else "",
            copied=digest_of(event.value) if isinstance(event, EventRejected) else b"",
            waits=cause is None and schema_id_of(stored.value) != self._log.ids.id_of(event.SCHEMA),
        )

    def _event(self, record: type[Event], stored: Stored) -> Event | None:
        """Return the event, if it is one of its topic, and of its tenant and lane."""
        try:
            event = self._codec.decode_any(stored.value)
        except Undecodable:
            return None
        if not isinstance(event, record):
            return None
        # a dead letter of a record that could not be read is nobody's: it has no tenant
        if isinstance(event, EventRejected) and not event.meta.tenant:
            return event
        meta = event.meta
        ids = len(meta.id) + len(meta.tenant) + len(meta.request) + len(meta.session)
        at_home = meta.lane == self._lane and (stored.key or b"") == meta.tenant.encode()
        return event if at_home and ids <= IDS_MAX else None

    def _look_at(self, event: Event, place: str) -> None:
        """Note another version, a wrong clock, and a text that contradicts itself."""
        meta = event.meta
        self._judged.newer += meta.cause is not None and meta.step.code != CODE
        if meta.cause is None:
            self._asked_us = [min([*self._asked_us, meta.at]), max([*self._asked_us, meta.at])]
        elif self._asked_us and meta.tenant:
            first_us, last_us = self._asked_us
            self._judged.jumped += not first_us - JUMP_US < meta.at < last_us + JUMP_US
        if wrong := contradiction(event):
            self._judged.tables.append(f"{place} {wrong}")

    def _cause(self, event: Event) -> Position:
        """Return the input of an outcome; of the inbox's dead letter, which is none, what it names."""
        cause = event.meta.cause
        if cause is not None:
            return self._one(cause.topic), cause.offset
        if isinstance(event, EventRejected):
            return self._one(event.topic), event.offset
        return "", -1

    def _effects(self, event: Event) -> tuple[tuple[str, int], ...]:
        """Count what connectors answered, parts of one answer as one."""
        kinds = Counter(
            effect.kind
            for effect in event.meta.effects
            if effect.part == 0 and effect.kind in ASKED and not effect.error
        )
        counts = tuple(sorted(kinds.items()))
        return self._asked.setdefault(counts, counts)

    def _one(self, text: str) -> str:
        """Return one object for equal texts: requests and sessions stand in many records."""
        return self._names.setdefault(text, text)
