"""Putting a table's changelog right by the log, while its step stands still; and back again.

Rows that are not as the log says are written anew, behind a fence: what a worker before had on its
way comes too late. What stood there before lies in a topic beside the changelog, on the broker
before the first row is replaced, until it is dropped. Rows that are right stay as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from agents.errors import Permanent
from replay.rebuild.changelog_rows import Changelogs, kept_of
from replay.rebuild.remade_tables import STEP_OF
from replay.rebuild.row_store import KEPT, LIVE, RowStore, StoredRows
from replay.rebuild.table_comparison import TableReport
from replay.rebuild.table_rebuilding import LaneTables, TableRebuilding, take
from schemas import TableRow
from streams.delivery.fences import KEY, headers_with, new_fence
from streams.delivery.rows import whose_row
from streams.delivery.tables import Person
from streams.log.addressing import headers_of
from streams.log.offsets import ANSWER_TIMEOUT_S, extent_of
from streams.log.reading import records
from streams.log.setup import CREATE_S, changelog_configuration, create_topics
from streams.log.writing import Headers, Writer
from streams.operations.printing import counted
from streams.settings import Settings
from streams.topics import changelog_of, group_of

AT_ONCE_BYTES = 16 * 2**20
"""Of rows that are on their way to the broker: a quarter of what a client queues."""
AT_ONCE_ROWS = 1_000
WAS, NOW = "was", "now"
"""Headers of a row that is kept: whether there was one, and the digest of what replaced it."""
A_ROW, NO_ROW = b"row", b"none"
Hosts = Callable[[Sequence[str]], dict[str, tuple[str, ...]]]
"""Asks for the hosts of the members of some groups."""


class StepStillRuns(Permanent):
    """Workers run the step whose table is to be put right."""


class Mend(NamedTuple):
    """A row of a changelog, before and after."""

    key: bytes
    before: bytes | None
    after: bytes | None


@dataclass
class RepairReport:
    """What a repair, or its way back, has done."""

    written: dict[str, int] = field(default_factory=dict)
    """Table -> rows that were written, or dropped."""
    left: dict[str, int] = field(default_factory=dict)
    """Table -> rows that were left: they rest on what can't be told here, or went on since."""
    after: TableReport | None = None
    """The comparison afterwards."""
    kept: list[str] = field(default_factory=list)
    """Topics with what was replaced."""

    def as_json(self) -> dict[str, Any]:
        """Return it as the command line prints it."""
        after = {} if self.after is None else {"after": self.after.as_json()}
        return {"written": self.written, "left": self.left, "kept": self.kept, **after}


class TableRepair:
    """Writes changelogs; refuses while anybody else may."""

    def __init__(
        self,
        settings: Settings,
        changelogs: Changelogs,
        writer: Writer,
        admin: AdminClient,
        hosts: Hosts,
        at_once_rows: int = AT_ONCE_ROWS,
    ) -> None:
        self._settings = settings
        self._changelogs = changelogs
        self._writer = writer
        self._admin = admin
        self._hosts = hosts
        self._at_once_rows = at_once_rows

    # ------------------------------------------------------------------ forth

    async def repair(self, rebuilding: TableRebuilding) -> RepairReport:
        """Put tables right, and compare them afterwards.

        Raises StepStillRuns where a step of theirs runs: before anything is written or, where it
        began meanwhile, afterwards.
        """
        names, report = rebuilding.names, RepairReport(after=TableReport())
        self.refuse_while_they_run(names)
        create_topics(self._settings, self._admin)
        for number in rebuilding.lanes():
            async with rebuilding.lane(number) as lane:
                for name in names:
                    self._repair(lane, name, report)
        self.refuse_while_they_run(names, late=True)
        return report

    def _repair(self, lane: LaneTables, name: str, report: RepairReport) -> None:
        lane.read(name)
        mended = self._put(name, lane.lane, self._wanted(lane, name, report), report, keep=True)
        if mended:
            report.written[name] = report.written.get(name, 0) + mended
        assert report.after is not None
        take(lane, name, report.after)

    def _wanted(self, lane: LaneTables, name: str, report: RepairReport) -> Iterator[Mend]:
        held, table = lane.store.rows(LIVE, name), lane.made.tables[name]
        for row in lane.compared(name):
            if row.mends:
                before = held.get(row.key)
                erased = before is not None and table.is_of(row.key, before, lane.of.people)
                yield Mend(row.key, None if erased else before, row.wanted)
            elif row.told.verdict == "different":
                report.left[name] = report.left.get(name, 0) + 1

    # ------------------------------------------------------------------ back

    def roll_back(self, names: Sequence[str], people: AbstractSet[Person]) -> RepairReport:
        """Put back what repairs replaced, where what they wrote still stands.

        Not of people who were erased since. Raises StepStillRuns as above.
        """
        report = RepairReport()
        self.refuse_while_they_run(names)
        there = self._topics()
        for name in names:
            if kept_of(name) not in there:
                continue
            report.kept.append(kept_of(name))
            for lane in range(self._settings.partitions):
                with closing(RowStore()) as store:
                    self._changelogs.read(name, lane, store)
                    back = self._replaced(name, lane, store, people, report)
                    if put := self._put(name, lane, back, report, keep=False):
                        report.written[name] = report.written.get(name, 0) + put
        self.refuse_while_they_run(names, late=True)
        return report

    def _replaced(
        self,
        name: str,
        lane: int,
        store: RowStore,
        people: AbstractSet[Person],
        report: RepairReport,
    ) -> Iterator[Mend]:
        held = store.rows(LIVE, name)
        for message in self._last_kept(name, lane, store.rows(KEPT, name)):
            key, headers = message.key() or b"", dict(headers_of(message))
            now = held.get(key)
            before = message.value() if headers.get(WAS) == A_ROW else None
            if now == before:
                continue
            if digest_of(now) != headers.get(NOW) or (before and whose_row(key) in people):
                report.left[name] = report.left.get(name, 0) + 1
            else:
                yield Mend(key, now, before)

    def _last_kept(self, name: str, lane: int, last: StoredRows) -> Iterator[Message]:
        """Read the last record of each row that was kept: twice, since all may not fit memory."""
        with closing(self._changelogs.open_consumer(self._settings, "tables-kept")) as consumer:
            extent = extent_of(consumer, kept_of(name), lane)
            for message in records(consumer, [extent]):
                last.put(message.key() or b"", b"", message.offset() or 0)
            for message in records(consumer, [extent]):
                key, value = message.key() or b"", message.value()
                if value is not None and last.turn_of(key) == message.offset():
                    yield message

    def drop(self, names: Sequence[str]) -> list[str]:
        """Delete what repairs kept; returns the topics that there were."""
        there = self._topics()
        kept = [kept_of(name) for name in names if kept_of(name) in there]
        for future in self._admin.delete_topics(kept).values() if kept else ():
            future.result(ANSWER_TIMEOUT_S)
        return kept

    # ------------------------------------------------------------------ both

    def refuse_while_they_run(self, names: Iterable[str], *, late: bool = False) -> None:
        """Raise StepStillRuns where a worker runs the step of one of the tables."""
        groups = {group_of(STEP_OF[name]): STEP_OF[name] for name in names}
        for group, hosts in sorted(self._hosts(list(groups)).items()):
            if hosts:
                where = ", ".join(sorted(set(hosts)))
                raise StepStillRuns(
                    f"{counted(len(hosts), 'worker')} of {groups[group]} at {where}: a worker "
                    "reads its tables when it begins, and writes them from then on. "
                    + (LATE if late else f"Stop it (a group is empty within seconds) and {AGAIN}")
                )

    def _put(
        self, name: str, lane: int, mends: Iterator[Mend], report: RepairReport, *, keep: bool
    ) -> int:
        """Write rows behind a fence of their own, and what they replace before; count them."""
        written, headers = 0, headers_with(new_fence())
        for portion in _portions(mends, self._at_once_rows):
            if keep:
                self._keep(name, lane, portion, report)
            if not written:
                mark = self._changelogs.codec.encode(TableRow(entries=()))
                self._writer.write_all([(changelog_of(name), lane, KEY, mark, headers)])
            self._writer.write_all(
                (changelog_of(name), lane, one.key, one.after, headers) for one in portion
            )
            written += len(portion)
        return written

    def _keep(self, name: str, lane: int, mends: Sequence[Mend], report: RepairReport) -> None:
        topic = kept_of(name)
        if topic not in report.kept:
            self._make(topic, name)
            report.kept.append(topic)
        self._writer.write_all(
            (topic, lane, one.key, one.before or b"", _headers_of_kept(one)) for one in mends
        )

    def _make(self, topic: str, table: str) -> None:
        replication = self._settings.replication
        made = NewTopic(
            topic,
            num_partitions=self._settings.partitions,
            replication_factor=replication,
            config=changelog_configuration(table, replication),
        )
        try:
            self._admin.create_topics([made], operation_timeout=CREATE_S)[topic].result(
                2 * CREATE_S
            )
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise

    def _topics(self) -> Container[str]:
        return set(self._admin.list_topics(timeout=ANSWER_TIMEOUT_S).topics)


AGAIN = "run this again"
LATE = (
    "It began while this wrote, and has not read all of it: stop it, run this again, start it then"
)


def digest_of(row: bytes | None) -> bytes:
    """Digest a row as it is spelt; that of no row is a word."""
    return NO_ROW if row is None else hashlib.sha256(row).hexdigest().encode()


def _headers_of_kept(one: Mend) -> Headers:
    return [(WAS, NO_ROW if one.before is None else A_ROW), (NOW, digest_of(one.after))]


def _portions(mends: Iterable[Mend], rows_max: int) -> Iterator[list[Mend]]:
    portion, size = list[Mend](), 0
    for one in mends:
        portion.append(one)
        size += sum(len(part or b"") for part in one)
        if size >= AT_ONCE_BYTES or len(portion) >= rows_max:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion
