"""A log and its changelogs, built once, and its tables made again once: each test hurts a copy."""

import asyncio
import copy
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace

import pytest

from replay.rebuild.made_tables import MadeTables
from replay.rebuild.row_store import RowStore
from replay.rebuild.table_rebuilding import LaneTables, TableRebuilding
from schemas import TableRow
from streams.delivery.fences import KEY, headers_with, new_fence
from streams.delivery.step_tables import TABLES
from streams.topics import changelog_of
from tests.fakes import a_codec
from tests.memory_broker import MemoryBroker
from tests.replay.rebuild.kept_tables import KeptLog, kept_log

FENCED = a_codec().encode(TableRow(entries=()))


class MadeOnce(TableRebuilding):
    """Tables that were made before: each lane is compared with whatever the broker holds now."""

    made: list

    @asynccontextmanager
    async def lane(self, lane):
        store, made = self.made[lane]
        yield LaneTables(lane, store, made, self._changelogs, self._of)


@dataclass
class MadeLog:
    """A log with its tables made again, and the broker whose changelogs a test may hurt."""

    kept: KeptLog
    made: list

    @property
    def broker(self):
        return self.kept.broker

    def rebuilding(self, names=tuple(TABLES), **changed):
        of = replace(self.kept.of, **changed)
        rebuilding = MadeOnce(of, self.kept.changelogs, names)
        rebuilding.made = self.made
        return rebuilding

    def held(self, name):
        """The last record of each row of a changelog, with its lane."""
        last = {}
        for (topic, lane), rows in self.broker.rows.items():
            if topic == changelog_of(name):
                rows_of_it = (one for one in rows.messages if one.key() != KEY)
                last.update({(lane, one.key()): one for one in rows_of_it})
        return [(lane, one) for (lane, _), one in last.items()]

    def put(self, name, lane, key, value, fence=None):
        """Write a row behind a fence: one of its own, as whoever takes the lane over, unless one is given."""
        topic, headers = changelog_of(name), headers_with(fence or new_fence())
        if fence is None:
            self.broker.put(topic, FENCED, partition=lane, key=KEY, headers=headers)
        self.broker.put(topic, value, partition=lane, key=key, headers=headers)


@pytest.fixture(scope="session")
def kept(unit_path_factory):
    return asyncio.run(kept_log(unit_path_factory.mktemp("kept")))


@pytest.fixture(scope="session")
def made(kept):
    lanes = []
    for lane in range(kept.of.settings.partitions):
        store = RowStore()
        tables = MadeTables(kept.of, lane, store, tuple(TABLES))
        asyncio.run(tables.make())
        lanes.append((store, tables))
    yield lanes
    for store, _ in lanes:
        with closing(store):
            pass


@pytest.fixture
def made_log(kept, made):
    broker = MemoryBroker(kept.broker.partitions)
    broker.rows = {
        place: replace(rows, messages=[*rows.messages]) for place, rows in kept.broker.rows.items()
    }
    broker.settings = copy.deepcopy(kept.broker.settings)
    return MadeLog(KeptLog(kept.log, broker, kept.of), made)
