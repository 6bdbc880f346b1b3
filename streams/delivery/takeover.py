"""Takeover: what must be known of a lane before anything of it runs.

That is which of its inputs are done or were cut off, and the rows of the step's tables. A worker
reads both when lanes come, and forgets what it knew of lanes that have gone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException

from agents.errors import Transient
from schemas import EventRejected
from streams.delivery.changelog import Change
from streams.delivery.foreign_outcomes import ForeignId, OutcomeReader
from streams.delivery.history import History
from streams.delivery.kept_outcomes import FOLDER, KeptOutcomes
from streams.delivery.lane import Lane, Place
from streams.delivery.log_identity import (
    Committed,
    displace,
    fingerprint,
    other_logs,
    topic_ids,
)
from streams.delivery.lost_rows import against_changelog, noted_as
from streams.delivery.progress import Progress, progress_of
from streams.delivery.read_back import Done, Source, read_back
from streams.delivery.slot import TOLD_S
from streams.delivery.tables import Table
from streams.log.codec import Codec, record_type
from streams.log.pauses import Pauses, pauses
from streams.log.reading import new_consumer
from streams.log.schema_asker import GRACE_S, SchemaAsker
from streams.settings import Settings
from streams.topics import Fold, Step, changelog_of, group_of, topic_of
from streams.watching.logs import logger

log = logger("takeover")

TICK_S = 0.05
SOON_S = 15.0
"""For which failures are no trouble: a broker that starts, or moves a leader, takes seconds."""
TopicIds = Callable[[Settings, Collection[str]], Mapping[str, str]]
"""Asks the broker which topics these are."""


class _Known(NamedTuple):
    """What was read when lanes came."""

    done: Done
    told: Mapping[Place, Progress]
    """What was committed of each, where that tells anything."""
    ids: Mapping[str, str]
    others: Mapping[Place, str]
    """Lanes whose log is not the one that was committed of, and why."""


class Takeover:
    """Keeps what is known of the lanes of one step."""

    def __init__(
        self,
        step: Step,
        settings: Settings,
        codec: Codec,
        tables: Sequence[Table],
        folds: Sequence[Fold] = (),
        open_consumer: Callable[[Settings, str], Consumer] = new_consumer,
        topic_ids: TopicIds = topic_ids,
        between_tries: Pauses = pauses,
        grace_s: float = GRACE_S,
        told_s: float = TOLD_S,
        soon_s: float = SOON_S,
    ) -> None:
        self._step = step
        self._settings = settings
        self._asker = SchemaAsker(codec, grace_s=grace_s, between_tries=between_tries)
        self._tables = tables
        self._folded = {topic_of(fold.reads) for fold in folds}
        self._open_consumer = open_consumer
        self._topic_ids = topic_ids
        self._between_tries = between_tries
        self._told_s = told_s
        self._kept = KeptOutcomes(settings.run / FOLDER, step.name)
        self._histories: dict[int, History] = {}
        self._ends: dict[int, dict[str, int]] = {}
        self._changelogs: dict[str, str] = {}
        """Changelogs of the tables, and the broker's ids of them."""
        self._soon_s = soon_s
        self._trouble: tuple[Collection[Lane], str] = ((), "")

    def history(self, partition: int) -> History:
        """Return what was done in a lane."""
        return self._histories[partition]

    def forget(self, partitions: Iterable[int]) -> None:
        """Forget what was done: inputs count as finished before their outcomes are on the log."""
        for partition in partitions:
            self._histories.pop(partition, None)

    def keep_only(self, partitions: set[int]) -> None:
        """Forget lanes that another worker has."""
        for partition in set(self._histories) - partitions:
            del self._histories[partition]
        for table in self._tables:
            table.keep_only(partitions)

    async def learn(self, lanes: Sequence[Lane], written: Mapping[Place, int]) -> None:
        """Learn what was done of some lanes; tries until it can be read.

        `written` tells up to where our own records are on the log: it stays up to date, and from it
        the lanes tell, with their progress, from where on the log tells more.
        """
        if any(lane.contested for lane in lanes):
            await asyncio.sleep(self._told_s)
        sources = [
            Source(
                lane.topic,
                lane.partition,
                lane.base,
                lane.note,
                lane.partition in self._histories,
                lane.crashed,
            )
            for lane in lanes
            if lane.topic not in self._folded
        ]
        partitions = sorted({lane.partition for lane in lanes})
        known, changes = await self._read(lanes, sources, partitions)
        done = known.done
        self._tell_of_lost_rows(known, changes)
        # at once, on the event loop: what was read before another rebalance must change nothing
        for table, change in zip(self._tables, changes, strict=True):
            table.apply(change)
        for (topic, partition), end in done.ends.items():
            self._ends.setdefault(partition, {})[topic] = end
        for partition in partitions:
            history = self._histories.setdefault(partition, History())
            history.learn(o for o in done.outcomes if o.cause.partition == partition)
        for lane in lanes:
            progress = done.progress.get((lane.topic, lane.partition))
            for table in self._tables:
                table.came(lane.partition, lane.topic, known.ids.get(lane.topic, ""), progress)
            if progress is not None:
                self._histories[lane.partition].inherit(lane.topic, lane.partition, progress)
                lane.inherit(progress, partial(self._after, lane.partition, written))
            told = known.told.get((lane.topic, lane.partition))
            lane.of_log(known.ids.get(lane.topic, ""), told.last if told else None, fingerprint)
            if reason := known.others.get((lane.topic, lane.partition)):
                displace(lane, reason)
        for (topic, partition), (end, offset) in done.lost.items():
            log.error(
                "a topic ends before inputs that were answered: it lost its tail or was made anew; "
                "what lies there now is told apart by its ids, what it lost is not on the log",
                topic=topic,
                lane=partition,
                end=end,
                answered=offset,
            )
        log.debug("read back", step=self._step.name, lanes=len(lanes), outcomes=len(done.outcomes))

    def _after(self, partition: int, written: Mapping[Place, int]) -> dict[str, int]:
        """Tell from where on each output of a lane tells more than is known now.

        And how far the changelogs of its tables were written.
        """
        after = {
            topic: max(end, written.get((topic, partition), 0))
            for topic, end in self._ends.get(partition, {}).items()
        }
        for table in self._tables:
            topic = changelog_of(table.NAME)
            if identity := self._changelogs.get(topic):
                end = max(table.known([partition])[partition], written.get((topic, partition), 0))
                after[noted_as(topic, identity)] = end
        return after

    def _tell_of_lost_rows(self, known: _Known, changes: Sequence[Sequence[Change]]) -> None:
        """Tell of changelogs that lack what was written when a lane was committed last."""
        for table, of_table in zip(self._tables, changes, strict=True):
            topic = changelog_of(table.NAME)
            self._changelogs[topic] = identity = known.ids.get(topic, "")
            for change in of_table:
                told = (at for (_, lane), at in known.told.items() if lane == change.lane)
                lacks = (against_changelog(topic, identity, change.end, at.after) for at in told)
                if reason := next(filter(None, lacks), ""):
                    log.error(
                        "a table has fewer rows than the log says, unless that was mended since: "
                        "run playhead replay rebuild tables",
                        table=table.NAME,
                        lane=change.lane,
                        reason=f"{topic} {reason}",
                    )

    async def _read(
        self, lanes: Sequence[Lane], sources: Sequence[Source], partitions: Sequence[int]
    ) -> tuple[_Known, list[list[Change]]]:
        waits = self._between_tries()
        began_s = time.monotonic()
        given_up: set[ForeignId] = set()
        unfenced = list(self._tables)
        while True:
            try:
                reader = OutcomeReader(self._asker, self._step, given_up)
                known = await asyncio.to_thread(self._read_back, lanes, sources, reader)
                if reader.missing:
                    await self._ask(reader.missing)
                    given_up |= reader.missing
                    continue
                while unfenced:
                    await self._fence(unfenced[-1], lanes, partitions)
                    unfenced.pop()
                changes = [
                    await asyncio.to_thread(table.changes, table.known(partitions))
                    for table in self._tables
                ]
            except (KafkaException, TimeoutError, Transient) as error:
                log.warning(
                    "reading back failed, trying again",
                    step=self._step.name,
                    error=type(error).__name__,
                    reason=str(error),
                )
                if time.monotonic() - began_s > self._soon_s:
                    self._waits_for(lanes, error)
                await asyncio.sleep(next(waits))
            else:
                return known, changes

    async def _fence(self, table: Table, lanes: Sequence[Lane], partitions: Sequence[int]) -> None:
        """Fence a table; it may take long, for a record that is on its way is not sent again."""
        fencing = asyncio.ensure_future(table.fence(partitions))
        try:
            while not (await asyncio.wait([fencing], timeout=self._soon_s))[0]:
                silence = f"the broker has not taken the fence of the table {table.NAME}"
                self._waits_for(lanes, TimeoutError(silence))
            await fencing
        finally:
            fencing.cancel()

    def _waits_for(self, lanes: Sequence[Lane], error: Exception) -> None:
        """Say what lanes wait for that should have been taken over: a refusal may last for ever."""
        places = sorted(f"{lane.topic}[{lane.partition}]" for lane in lanes if not lane.revoked)
        trouble = (
            f"{group_of(self._step.name)} waits to take over {', '.join(places)}: "
            f"{error or type(error).__name__}. It is tried until it works; nothing of these lanes "
            "runs before, and nothing of them is lost"
        )
        if trouble != self._trouble[1]:
            log.error("a takeover waits", reason=trouble)
        self._trouble = lanes, trouble

    @property
    def trouble(self) -> str:
        """What lanes of ours wait for, unusually long; empty while they don't."""
        lanes, trouble = self._trouble
        return trouble if any(not (lane.learned or lane.revoked) for lane in lanes) else ""

    async def _ask(self, missing: Collection[ForeignId]) -> None:
        """Wait until the registry has told of schemas, or has gone on not knowing them."""
        log.warning(
            "outcomes lie under schemas that the registry does not tell: waiting for it before "
            "their inputs are taken for open",
            step=self._step.name,
            schemas=sorted({schema_id for schema_id, _ in missing}),
            for_s=self._asker.grace_s,
        )
        for schema_id, name in missing:
            kind = record_type(name)
            while not self._asker.ask(schema_id, kind, ""):  # noqa: ASYNC110 - threads answer
                await asyncio.sleep(TICK_S)  # others are asked for first
        kinds = {(number, record_type(name)) for number, name in missing}
        while any(self._asker.is_asked(*one) for one in kinds):  # noqa: ASYNC110 - likewise
            await asyncio.sleep(TICK_S)

    def _read_back(
        self, lanes: Sequence[Lane], sources: Sequence[Source], reader: OutcomeReader
    ) -> _Known:
        told = {
            (lane.topic, lane.partition): progress
            for lane in lanes
            if (progress := progress_of(lane.base, lane.note)) is not None
        }
        changelogs = {changelog_of(table.NAME) for table in self._tables}
        outputs = {topic_of(kind) for kind in self._step.writes} | {topic_of(EventRejected)}
        asked = {lane.topic for lane in lanes} | changelogs | outputs
        ids = self._topic_ids(self._settings, asked)
        with closing(
            self._open_consumer(self._settings, f"{self._step.name}-read-back")
        ) as consumer:
            others = other_logs(consumer, (Committed(*at, p) for at, p in told.items()), ids)
            done = read_back(consumer, reader, self._step, sources, self._kept, ids)
        return _Known(done, told, ids, {**done.set_back, **others})
