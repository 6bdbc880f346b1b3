"""A log of the product's own steps beside the changelogs that its tables left: in memory, both."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.step_runs import StepRuns
from bench.synthetic.builder import Builder
from bench.synthetic.synthetic_log import SyntheticLog
from connectors.documents import Documents
from replay.local_effects import local_handlers
from replay.rebuild.changelog_rows import Changelogs
from replay.rebuild.made_tables import LogToMakeOf
from replay.rebuild.table_rebuilding import TableRebuilding
from schemas import ReadTurns
from streams.delivery.step_tables import TABLES
from streams.log.codec import Codec
from streams.log.setup import create_topics
from streams.settings import Settings
from streams.topics import TOPICS, topic_of
from tests.bench.synthetic.words_tokenizer import with_words_tokenizer
from tests.memory_broker import MemoryBroker
from tests.streams.fake_tables import an_app

IDS = {topic.name: f"the id of {topic.name}" for topic in TOPICS}
"""Of topics, as a broker gives them."""


class KeptTables:
    """The steps' tables as they are, over a broker in memory; the connector of a `Builder`."""

    def __init__(self, settings, log, codec):
        self.broker = MemoryBroker(settings.partitions)
        create_topics(settings, self.broker.admin())
        self._log, self._released = log, []
        app = an_app(self.broker)
        self.tables = {
            name: kind(app, settings, lambda *_: self.broker.consumer())
            for name, kind in TABLES.items()
        }
        for table in self.tables.values():
            table.attach(codec)
            for lane in range(settings.partitions):
                for topic, identity in IDS.items():
                    table.came(lane, topic, identity, None)

    def handlers(self):
        handlers = {}
        for table in self.tables.values():
            handlers.update(table.handlers())
        read = handlers[ReadTurns]

        async def read_turns(request, call):
            await self.take_in()
            return await read(request, call)

        return {**handlers, ReadTurns: read_turns}

    def stream_handlers(self):
        return {}

    async def close(self):
        await self.take_in()

    def remember(self, event):
        extent = self._log.extents()[topic_of(event), event.meta.lane]
        self._released.append((event, extent.end - 1))

    async def take_in(self):
        while self._released:
            await self.tables["sessions"].remember(*self._released.pop(0))


class KeepingBuilder(Builder):
    """Builds a log over tables that are kept."""

    def __init__(self, settings):
        super().__init__(settings)
        keyring = self._steps._keyring
        self.kept = self._tables = KeptTables(settings, self.log, self._steps.codec)
        connectors = (keyring, Documents(settings), self._tables, self._models)
        self._steps = StepRuns(connectors, keyring, self.log.ids, timeout_s=60)


@dataclass
class KeptLog:
    """A log, the broker with the changelogs that were left beside it, and what it is made again with."""

    log: SyntheticLog
    broker: MemoryBroker
    of: LogToMakeOf

    @property
    def changelogs(self):
        return Changelogs(self.of.settings, self.of.codec, lambda *_: self.broker.consumer())

    def rebuilding(self, names=tuple(TABLES), **changed):
        return TableRebuilding(replace(self.of, **changed), self.changelogs, names)


async def kept_log(folder, conversations=2, documents=2):
    """Build one; the worker that left the changelogs has gone in good order."""
    settings = with_words_tokenizer(Settings(run=folder / "run", partitions=2), folder)
    builder = KeepingBuilder(settings)
    log = await builder.build(conversations, documents)
    local, keyring = local_handlers(settings)
    codec = Codec(log.ids)
    of = LogToMakeOf(log, settings, codec, local, keyring.digest_key, topics=IDS)
    return KeptLog(log, builder.kept.broker, of)
