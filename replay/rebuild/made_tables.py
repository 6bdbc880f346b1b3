"""What the tables of a lane should hold, by the log: inputs, recorded effects and folded facts.

The steps that write tables are run again on what is recorded, as a verification runs them, and what
they have their tables keep is entered by the code that a worker enters it by. What a run wrote that
can't be made again (its person was erased, its key is not here, it ended as a dead letter) stands
as a doubt beside its row; an input that has no closed outcome yet is open, and what it may have
written is nobody's yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from replay.configurations import Configurations
from replay.lane_outcomes import LaneOutcomes
from replay.lane_reader import LaneReader
from replay.lane_survey import Heads
from replay.lane_walk import CAUSES, StepWalk
from replay.log import Log, Stored
from replay.proved_records import ProvedRecords
from replay.rebuild.remade_tables import STEP_OF, TURNLESS, WRITES, RemadeTable, remade
from replay.rebuild.row_store import MADE, DeferredWrite, RowStore
from replay.report import Report
from replay.rerun import Reruns
from replay.rules import Attempt, Rerun, StoredOutcome, attempts_of, least_attempt
from replay.selection import Selection
from schemas import (
    AnswerReleased,
    ChunksCut,
    DocumentSubmitted,
    Event,
    Record,
    Request,
    SessionForked,
    TokensGenerated,
)
from schemas import DocumentWithdrawn as Withdrawn
from streams.delivery.epochs import LateInputs
from streams.delivery.history import rejected_attempt
from streams.delivery.rows import RowKey
from streams.delivery.step_tables import PlaceholderNumbers, Sessions
from streams.delivery.tables import NOBODY, Person
from streams.log.codec import Codec
from streams.log.offsets import Partition
from streams.running.admit import Unreadable
from streams.running.run import Input
from streams.running.world import Call, Handler
from streams.settings import Settings
from streams.topics import FOLDS, STEPS, Fold, Step, topic_of

ERASED = "a key that its run needs was destroyed"
REJECTED = "it ended as a dead letter, which does not tell what was kept before"
SIDE_BY_SIDE = "two runs over it have one number"
FOLDED: dict[type[Event], tuple[Fold, ...]] = {
    # forks first: they stand before what is said in them
    kind: tuple(fold for fold in FOLDS if fold.reads is kind)
    for kind in (SessionForked, AnswerReleased)
}


@dataclass(frozen=True)
class LogToMakeOf:
    """A log, and all that its steps are run again with."""

    log: Log
    settings: Settings
    codec: Codec
    """By which rows are written."""
    local: Mapping[type[Request[Any]], Handler]
    """What executes local effects again."""
    digest_key: Callable[[str], bytes]
    people: AbstractSet[Person] = NOBODY
    """Those who were erased: rows of theirs are not made again."""
    folded: Mapping[Partition, int] = field(default_factory=dict)
    """Up to where folds have committed their topics; all of it where nothing is said."""
    topics: Mapping[str, str] = field(default_factory=dict)
    """The broker's ids of topics."""


class OpenInputs(NamedTuple):
    """What of a lane is not finished, as far as the log tells."""

    events: set[str]
    """Ids of inputs without a closed outcome."""
    ends: dict[str, int]
    """Topic -> the offset from which on nothing is known."""


class MadeTables:
    """The tables of one lane, made again into a store."""

    def __init__(self, of: LogToMakeOf, lane: int, store: RowStore, names: Sequence[str]) -> None:
        self._of = of
        self._lane = lane
        self._store = store
        self._codec = Codec(of.log.ids)
        self._proved = ProvedRecords(of.log, self._codec)
        self.tables = {name: self._table(name) for name in names}
        written = {STEP_OF[name] for name in names}
        self._steps = [step for step in STEPS if step.name in written and step.tables != SESSIONS]
        self.open = OpenInputs(set(), {})

    def _table(self, name: str) -> RemadeTable:
        table = remade(name, self._store, MADE, self._of.codec, self._of.settings)
        for topic, log in self._of.topics.items():
            table.came(self._lane, topic, log, None)
        return table

    async def make(self, progress: Callable[[int], None] = lambda _: None) -> None:
        """Make them all; `progress` is told of each input."""
        for kind in FOLDED:
            await self._fold(kind)
        await self._hear(progress)
        if TURNLESS in self.tables:
            table = self.tables[TURNLESS]
            for write in self._store.deferred():
                await table.enter(write)
        for table in self.tables.values():
            self._drop_erased(table)
            await table.close()

    def _drop_erased(self, table: RemadeTable) -> None:
        gone = [key for key, row in table.rows.items() if table.is_of(key, row, self._of.people)]
        for key in gone:
            del table.rows[key]

    # ------------------------------------------------------------------ what is folded

    async def _fold(self, kind: type[Event]) -> None:
        functions = [one for fold in FOLDED[kind] if (one := self._folding(fold)) is not None]
        topic = topic_of(kind)
        extent = self._of.log.extents().get((topic, self._lane))
        if extent is None or not functions:
            return
        told = self._of.folded.get((topic, self._lane), extent.end)
        self.open.ends[topic] = min(told, extent.end)
        late = LateInputs(CAUSES)
        for stored in self._of.log.records(topic, self._lane):
            event = self._proved.admitted(kind, stored)
            if event is None or late.superseded(event.meta):
                continue
            for function in functions:
                await function(event, stored.offset)

    def _folding(self, fold: Fold) -> Callable[[Event, int], Any] | None:
        match fold.name, self.tables.get(fold.table):
            case "remember", Sessions() as sessions:
                return sessions.remember
            case "carry", Sessions() as sessions:
                return sessions.carry
            case "number", PlaceholderNumbers() as placeholders:
                return placeholders.number
        return None

    # ------------------------------------------------------------------ what steps write

    async def _hear(self, progress: Callable[[int], None]) -> None:
        of, steps = self._of, self._steps
        if not steps:
            return
        configurations = Configurations(of.log, self._codec)
        reruns = Reruns(self._codec, of.local, of.digest_key, configurations.values)
        reader = LaneReader(of.log, self._codec, self._lane, steps)
        for record in (record for step in steps for record in step.reads):
            self.open.ends[topic_of(record)] = reader.ends.get(topic_of(record), 0)
        lane = LaneOutcomes(
            reader, Heads(self._codec, of.log.ids), Selection(), steps, Report(), self._proved
        )
        tapes = {
            record: reader.tape(record) for step in steps for record in (*step.reads, *step.writes)
        }
        walks = [
            StepWalk(step, reader, lane.of(step, tapes), tapes, of.log.committed(step.name))
            for step in steps
        ]
        heard = 0
        while not all(walk.over for walk in walks):
            for walk in walks:
                await asyncio.sleep(0)  # so that whoever waits can end it
                for given, stored in walk.inputs():
                    await self._hear_input(walk, given, stored, lane, reruns)
                    heard += 1
                    progress(heard)

    async def _hear_input(
        self, walk: StepWalk, given: Input, stored: Stored, lane: LaneOutcomes, reruns: Reruns
    ) -> None:
        outcomes = walk.outcomes.pop(stored)
        meta, mark = given.event.meta, rejected_attempt(dict(stored.headers))
        late = walk.comes_late(given, stored)
        if not outcomes and (late or walk.history.duplicate(meta, *given[1:], mark)):
            return
        least = least_attempt(given, stored)
        attempts, _ = attempts_of(outcomes, least, lane.letters.explain)
        for attempt in attempts:
            heard = list[Request[Any]]()

            def heed(request: Request[Any], _: Record, heard: list[Any] = heard) -> None:
                if isinstance(request, WRITES):
                    heard.append(request)

            rerun = await reruns.rerun(walk.step, given, stored, attempt, least, heed)
            if not isinstance(given.event, Unreadable):
                await self._enter(walk.step, given, attempt, heard)
                if why := _doubt(attempt, rerun, attempts):
                    self._doubt(given.event, why)
        if not any(attempt.closed for attempt in attempts):
            self.open.events.add(meta.id)
        _remember(walk, given, outcomes)

    async def _enter(
        self, step: Step, given: Input, attempt: Attempt, heard: Sequence[Request[Any]]
    ) -> None:
        [name] = step.tables
        table = self.tables[name]
        if name == TURNLESS:
            place = attempt.outcomes[-1].stored.offset

            def defer(row: RowKey, event: str, value: Record, topic: str, offset: int) -> None:
                write = DeferredWrite(row.key, event, self._of.codec.encode(value), topic, offset)
                self._store.defer(place, write)

            table.defer = defer
        for request in heard:
            await table.handlers()[type(request)](request, Call.over(given))

    def _doubt(self, event: Event, why: str) -> None:
        for name, place in _rows_of(event):
            if name in self.tables:
                self._store.doubt(name, place.key, event.meta.id, why)


SESSIONS = ("sessions",)
"""Tables of the step that writes none: they are folded."""


def _doubt(attempt: Attempt, rerun: Rerun, attempts: Sequence[Attempt]) -> str:
    """Say why it can't be told what a run had its table keep; empty where it can."""
    if rerun.erased:
        return ERASED
    if rerun.lack or rerun.reason:
        return rerun.lack or rerun.reason
    if attempt.rejected:
        return REJECTED
    numbers = [one.outcomes[0].event.meta.attempt for one in attempts]
    return SIDE_BY_SIDE if len(set(numbers)) < len(numbers) else ""


def _rows_of(event: Event) -> Iterator[tuple[str, RowKey]]:
    """Name the rows that a run over an event may write."""
    meta = event.meta
    match event:
        case DocumentSubmitted() | Withdrawn():
            yield TURNLESS, RowKey(meta.lane, meta.tenant, event.document)
        case ChunksCut():
            yield "placeholders", RowKey(meta.lane, meta.tenant, meta.session)
        case TokensGenerated():
            yield "releases", RowKey(meta.lane, meta.tenant, meta.request)
        case _:
            subject = getattr(event, "subject", "")
            place = RowKey.of_conversation(meta.lane, meta.tenant, subject, meta.session)
            yield "placeholders", place


def _remember(walk: StepWalk, given: Input, outcomes: Sequence[StoredOutcome]) -> None:
    """Let a later copy of an input be known for one."""
    walk.history.learn(outcome.event.meta for outcome in outcomes)
    if any(outcome.event.meta.last for outcome in outcomes):
        walk.history.finished(given.event.meta)
