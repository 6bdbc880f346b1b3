"""On a broker of its own: changelogs that are hurt are told, mended, put back, and read by a worker."""

import sys
import threading
from dataclasses import replace

import pytest
from confluent_kafka import Consumer

from replay.rebuild.changelog_rows import Changelogs, kept_of
from replay.rebuild.table_repair import StepStillRuns, TableRepair
from replay.rebuild.tables_cli import hosts_by
from schemas import QuestionRedacted, TableRow
from streams.delivery.fences import KEY
from streams.delivery.step_tables import TABLES
from streams.log.setup import create_topics
from streams.log.writing import Writer
from streams.topics import changelog_of, group_of, topic_of
from tests.fakes import a_codec
from tests.lone_broker import a_lone_broker
from tests.memory_broker import a_broker
from tests.streams.fake_tables import an_app

pytestmark = pytest.mark.stack
CODEC = a_codec()
NAMES = sorted(TABLES)


@pytest.fixture(scope="module")
def lone(tmp_path_factory):
    run = tmp_path_factory.mktemp("tables") / "run"
    with a_lone_broker(run, lambda line: sys.stderr.write(f"{line}\n")) as broker:
        yield broker


class OnKafka:
    """The changelogs of a log that was built, on a real broker."""

    def __init__(self, lone, made_log):
        self.lone, self.made_log = lone, made_log
        # the log was built for two lanes
        self.settings = replace(lone.settings, partitions=2)
        self.changelogs = Changelogs(self.settings, CODEC)
        for name in NAMES:
            for topic in (changelog_of(name), kept_of(name)):
                if topic in lone.admin().list_topics(timeout=30).topics:
                    lone.delete_topic(topic)
        create_topics(self.settings)
        for name in NAMES:
            self.write(name, made_log.held(name))

    def write(self, name, rows):
        with Writer(self.settings, "test") as writer:
            writer.write_all(
                (changelog_of(name), lane, one.key(), one.value(), one.headers() or ())
                for lane, one in rows
            )

    def put(self, name, lane, key, value):
        headers = [("fence", b"newer")]
        mark = CODEC.encode(TableRow(entries=()))
        with Writer(self.settings, "test") as writer:
            writer.write_all(
                [
                    (changelog_of(name), lane, KEY, mark, headers),
                    (changelog_of(name), lane, key, value, headers),
                ]
            )

    def rebuilding(self):
        rebuilding = self.made_log.rebuilding()
        rebuilding._changelogs = self.changelogs
        return rebuilding

    async def repaired(self):
        with Writer(self.settings, "test") as writer:
            return await self._repair(writer).repair(self.rebuilding())

    def rolled_back(self):
        with Writer(self.settings, "test") as writer:
            return self._repair(writer).roll_back(NAMES, frozenset())

    def dropped(self):
        with Writer(self.settings, "test") as writer:
            return self._repair(writer).drop(NAMES)

    def _repair(self, writer):
        return TableRepair(
            self.settings, self.changelogs, writer, self.lone.admin(), hosts_by(self.settings)
        )

    def read_by_a_worker(self, name):
        """What a worker that starts has of a table, by its own code."""
        table = TABLES[name](an_app(a_broker()), self.settings)
        table.attach(CODEC)
        table.apply(table.changes(dict.fromkeys(range(2), 0)))
        return dict(table._table.data)


@pytest.fixture
def on_kafka(lone, made_log):
    return OnKafka(lone, made_log)


async def test_a_row_that_is_wrong_a_tail_and_a_topic_that_are_gone(on_kafka):
    whole = {name: on_kafka.read_by_a_worker(name) for name in NAMES}
    assert (await on_kafka.rebuilding().compare()).status == 0
    lane, row = on_kafka.made_log.held("documents")[0]
    on_kafka.put("documents", lane, row.key(), b"nonsense")
    on_kafka.lone.delete_topic(changelog_of("releases"))
    on_kafka.lone.delete_topic(changelog_of("sessions"))
    create_topics(on_kafka.settings)  # as the next start does, and the tables begin empty
    held = on_kafka.made_log.held("releases")
    on_kafka.write("releases", held[:-2])
    on_kafka.lone.delete_topic(changelog_of("placeholders"))
    report = await on_kafka.rebuilding().compare()
    assert report.status == 1
    assert report.lost == [changelog_of("placeholders")]
    assert report.counts["documents"]["different"] == 1
    assert report.counts["releases"]["missing"] == 2
    assert set(report.counts["sessions"]) == set(report.counts["placeholders"]) == {"missing"}

    report = await on_kafka.repaired()
    assert report.after.status == 0
    assert {name: on_kafka.read_by_a_worker(name) for name in NAMES} == whole
    assert (await on_kafka.rebuilding().compare()).status == 0
    assert (await on_kafka.repaired()).written == {}

    assert on_kafka.rolled_back().written == report.written
    assert on_kafka.read_by_a_worker("sessions") == {}
    assert (await on_kafka.repaired()).after.status == 0
    assert on_kafka.dropped() == [kept_of(name) for name in NAMES]
    assert {name: on_kafka.read_by_a_worker(name) for name in NAMES} == whole


async def test_while_a_member_of_the_group_lives_nothing_is_written(on_kafka):
    lane, row = on_kafka.made_log.held("sessions")[0]
    on_kafka.put("sessions", lane, row.key(), b"nonsense")
    member = Consumer(
        {
            "bootstrap.servers": on_kafka.settings.kafka,
            "group.id": group_of("rewrite"),
            "log_level": 0,
        }
    )
    joined = threading.Event()
    member.subscribe([topic_of(QuestionRedacted)], on_assign=lambda *_: joined.set())
    while not joined.is_set():
        member.poll(0.1)
    with pytest.raises(StepStillRuns, match=r"1 worker of rewrite at .*: .*Stop it"):
        await on_kafka.repaired()
    with pytest.raises(StepStillRuns):
        on_kafka.rolled_back()
    assert on_kafka.read_by_a_worker("sessions")[row.key()] == b"nonsense"
    member.close()
    assert (await on_kafka.repaired()).after.status == 0
