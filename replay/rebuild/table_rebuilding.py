"""Tables made again, lane by lane, and compared with the changelogs of those that workers keep."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from typing import NamedTuple

from replay.log import BrokerLog, Log
from replay.rebuild.changelog_rows import Changelogs, ChangelogState
from replay.rebuild.made_tables import FOLDED, LogToMakeOf, MadeTables
from replay.rebuild.row_store import RowStore
from replay.rebuild.table_comparison import ComparedRow, RowComparison, TableReport
from replay.recorded_erasures import people_erased
from streams.delivery.log_identity import topic_ids
from streams.log.codec import Codec
from streams.log.offsets import Partition, read_offsets
from streams.log.subjects import open_registry
from streams.settings import Settings
from streams.topics import FOLDS, STEPS, changelog_of, group_of, topic_of

FOLD_OFFSETS_S = 15.0  # for a busy broker, as at the opening of a log
CountsInputs = Callable[[int], None]


class LaneTables(NamedTuple):
    """The tables of a lane on both sides."""

    lane: int
    store: RowStore
    made: MadeTables
    changelogs: Changelogs
    of: LogToMakeOf

    def read(self, name: str) -> ChangelogState:
        """Read a table's changelog, anew at each call."""
        return self.changelogs.read(name, self.lane, self.store)

    def compared(self, name: str) -> Iterator[ComparedRow]:
        """Compare the rows of a table as they were read."""
        table, of = self.made.tables[name], self.of
        return RowComparison(
            table, self.lane, self.store, self.made.open, of.topics, of.people
        ).rows()


class TableRebuilding:
    """Makes the tables of a log again, one lane after the other."""

    def __init__(
        self,
        of: LogToMakeOf,
        changelogs: Changelogs,
        names: Sequence[str],
        progress: CountsInputs = lambda _: None,
    ) -> None:
        self._of = of
        self._changelogs = changelogs
        self._progress = progress
        self.names = names

    @asynccontextmanager
    async def lane(self, lane: int) -> AsyncIterator[LaneTables]:
        """Make the tables of a lane; they are gone when this is left."""
        with closing(RowStore()) as store:
            made = MadeTables(self._of, lane, store, self.names)
            await made.make(self._progress)
            yield LaneTables(lane, store, made, self._changelogs, self._of)

    def lanes(self) -> range:
        """List the lanes that tables have."""
        return range(self._of.settings.partitions)

    async def compare(self) -> TableReport:
        """Compare all rows of all lanes."""
        report = TableReport()
        for number in self.lanes():
            async with self.lane(number) as lane:
                for name in self.names:
                    take(lane, name, report)
        return report


def take(lane: LaneTables, name: str, report: TableReport) -> None:
    """Compare a table of a lane, and take it into a report."""
    if not lane.read(name).there and changelog_of(name) not in report.lost:
        report.lost.append(changelog_of(name))
    for row in lane.compared(name):
        report.add(row.told)


def log_to_make_of(
    log: Log, settings: Settings, ask_ids: Callable[..., dict[str, str]] = topic_ids
) -> LogToMakeOf:
    """Ask for all that tables are made with; raises as the broker, the registry and the log do."""
    from replay.local_effects import local_handlers

    local, keyring = local_handlers(settings)
    inputs = {topic_of(record) for step in STEPS for record in step.reads}
    return LogToMakeOf(
        log,
        settings,
        Codec(open_registry(settings)),
        local,
        keyring.digest_key,
        people_erased(log, Codec(log.ids)),
        _folded(settings) if isinstance(log, BrokerLog) else {},
        ask_ids(settings, inputs | {topic_of(kind) for kind in FOLDED}),
    )


def _folded(settings: Settings) -> dict[Partition, int]:
    """Ask how far the topics are folded; a group that has committed nothing begins again."""
    lanes = range(settings.partitions)
    asked: dict[str, list[Partition]] = {}
    for fold in FOLDS:
        asked.setdefault(group_of(fold.beside), []).extend((topic_of(fold.reads), n) for n in lanes)
    told = read_offsets(settings, asked, (), FOLD_OFFSETS_S).committed
    least: dict[Partition, int] = {}
    for of_group in told.values():
        for place, offset in of_group.items():
            least[place] = min(max(offset, 0), least.get(place, max(offset, 0)))
    return least
