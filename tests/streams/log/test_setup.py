"""What broker and registry are prepared with; the real ones are prepared by every test on the stack."""

import time
import uuid

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import NewTopic

from streams.log.configuration import CONFIGURED, load
from streams.log.setup import (
    CONFIGURATION_TOPIC,
    changelog_configuration,
    configuration_records,
    create_topics,
    missing,
    topic_configuration,
    wanted,
)
from streams.log.topic_settings import RECORD_BYTES_NEEDED, WrongTopic, settings_of
from streams.log.writing import new_producer
from streams.settings import Settings
from streams.topics import INBOX, STEPS, TOPICS, changelog_of, topic
from tests.fakes import a_codec
from tests.memory_broker import DEFAULTS, MemoryBroker
from tests.streams.log.brokers import OnKafka

SETTINGS = Settings(partitions=8, replication=3)
NEEDED = wanted(SETTINGS)
COUNTS = {topic.topic: topic.num_partitions for topic in NEEDED}


def test_every_topic_and_changelog_is_wanted_once():
    changelogs = [changelog_of(table) for step in STEPS for table in step.tables]
    assert [topic.topic for topic in NEEDED] == [*(topic.name for topic in TOPICS), *changelogs]
    assert len(COUNTS) == len(NEEDED)


@pytest.mark.stack
@pytest.mark.parametrize(
    "configuration", [topic_configuration(TOPICS[0], 1), changelog_configuration("sessions", 1)]
)
def test_a_worker_whose_clock_is_hours_ahead_can_write(lone_broker, configuration):
    name = f"test.{uuid.uuid4().hex}"
    admin = lone_broker.admin()
    admin.create_topics([NewTopic(name, 1, 1, config=configuration)])[name].result(60)
    refused = []
    producer = new_producer(lone_broker.settings, "ahead")
    ahead_ms = int(time.time() * 1_000) + 9 * 3_600_000
    producer.produce(
        name, b"x", b"k", 0, timestamp=ahead_ms, on_delivery=lambda error, _: refused.append(error)
    )
    assert producer.flush(30) == 0
    assert refused == [None]


def test_a_topic_without_lanes_has_one_partition():
    assert COUNTS[CONFIGURATION_TOPIC] == 1
    assert set(COUNTS.values()) == {1, 8}


@pytest.mark.parametrize(("replication", "in_sync"), [(1, "1"), (2, "1"), (3, "2"), (5, "2")])
def test_a_write_is_acknowledged_by_two_replicas_where_there_are_three(replication, in_sync):
    settings = [
        topic_configuration(TOPICS[0], replication),
        changelog_configuration("sessions", replication),
    ]
    assert [each["min.insync.replicas"] for each in settings] == [in_sync] * 2


def test_what_is_kept_for_ever_is_kept_for_ever():
    kept = {each.name: topic_configuration(each, 1)["retention.ms"] for each in TOPICS}
    assert {name for name, ms in kept.items() if ms != "-1"} == {each.name for each in INBOX}


def test_configuration_and_changelogs_are_compacted_and_nothing_else():
    compacted = {t.topic for t in NEEDED if t.config["cleanup.policy"] == "compact"}
    tables = {changelog_of(table) for step in STEPS for table in step.tables}
    seen = {"playhead.source.configured", "playhead.document.seen"}  # by what they are keyed by
    assert compacted == {CONFIGURATION_TOPIC, *tables, *seen}
    assert topic(CONFIGURATION_TOPIC).compacted


def test_a_takeover_reads_little_that_compaction_would_have_dropped():
    settings = changelog_configuration("sessions", 1)
    assert settings["cleanup.policy"] == "compact"
    assert int(settings["segment.bytes"]) <= 2**21
    assert int(settings["min.compaction.lag.ms"]) <= 300_000


def test_what_dropped_a_row_stays_for_an_hour_and_of_releases_for_minutes():
    kept_ms = {
        table: int(changelog_configuration(table, 1)["delete.retention.ms"])
        for step in STEPS
        for table in step.tables
    }
    assert {table for table, ms in kept_ms.items() if ms < 3_600_000} == {"releases"}
    assert kept_ms["releases"] >= 2 * int(
        changelog_configuration("releases", 1)["min.compaction.lag.ms"]
    )


def test_a_segment_of_a_changelog_holds_the_largest_record():
    assert int(changelog_configuration("sessions", 1)["segment.bytes"]) > RECORD_BYTES_NEEDED


def test_where_all_topics_are_nothing_is_missing():
    assert missing(NEEDED, COUNTS) == []


def test_an_empty_broker_lacks_all_topics():
    assert missing(NEEDED, {"somebody.else": 3}) == NEEDED


@pytest.mark.parametrize("name", [NEEDED[0].topic, CONFIGURATION_TOPIC, NEEDED[-1].topic])
def test_only_what_is_missing_is_made(name):
    absent = missing(NEEDED, {other: count for other, count in COUNTS.items() if other != name})
    assert [topic.topic for topic in absent] == [name]


def test_another_partition_count_is_an_error_that_says_what_to_set():
    # the count decides in which lane a session lies: another one would lose it
    counts = {**COUNTS, NEEDED[0].topic: 16}
    with pytest.raises(WrongTopic, match=r"has 16 partitions, .* say 8: .*PLAYHEAD_PARTITIONS"):
        missing(NEEDED, counts)


def test_every_steps_configuration_is_a_record_with_an_id_of_its_own_that_repeats():
    records = configuration_records()
    assert {record.step: (record.digest, record.content) for record in records} == {
        entry.step: (entry.digest, entry.content) for entry in load().values()
    }
    ids = [record.meta.id for record in records]
    assert len(set(ids)) == len(CONFIGURED)
    assert ids == [record.meta.request for record in configuration_records()]


def test_the_configuration_belongs_to_no_tenant_and_can_be_written():
    codec = a_codec()
    for record in configuration_records():
        assert (record.meta.tenant, record.meta.lane, record.meta.session) == ("", 0, "")
        assert codec.decode_any(codec.encode(record)) == record


# ---------------------------------------------------------------------- over a broker's admin


@pytest.fixture
def memory():
    return MemoryBroker()


def test_an_empty_broker_gets_all_topics_and_one_that_has_them_nothing(memory):
    create_topics(SETTINGS, memory.admin())
    assert memory.topics() == COUNTS
    memory.refusal = KafkaError.TOPIC_AUTHORIZATION_FAILED
    create_topics(SETTINGS, memory.admin())


@pytest.mark.parametrize("looks", [1, 2])
def test_it_waits_until_the_broker_shows_what_it_has_made(memory, looks):
    memory.unseen.extend([COUNTS] * (1 + looks))
    create_topics(SETTINGS, memory.admin(), poll_s=0.0)
    assert not memory.unseen


def test_a_broker_that_never_shows_its_topics_is_told(memory):
    memory.unseen.extend([COUNTS] * 3)
    with pytest.raises(TimeoutError, match=r"not show the new topics after 0 s: see its log"):
        create_topics(SETTINGS, memory.admin(), show_s=0.0)


def test_a_topic_that_another_process_has_made_meanwhile_is_there(memory):
    memory.create(NEEDED[0].topic, NEEDED[0].num_partitions)
    memory.unseen.append(COUNTS)
    create_topics(SETTINGS, memory.admin())
    assert memory.topics() == COUNTS


def test_what_the_broker_refuses_is_an_error(memory):
    memory.refusal = KafkaError.TOPIC_AUTHORIZATION_FAILED
    with pytest.raises(KafkaException):
        create_topics(SETTINGS, memory.admin())


def test_nothing_is_made_beside_a_topic_of_another_shape(memory):
    memory.create(NEEDED[0].topic, 16)
    with pytest.raises(WrongTopic):
        create_topics(SETTINGS, memory.admin())
    assert memory.topics() == {NEEDED[0].topic: 16}


# ---------------------------------------------------------------------- what an admin does, in memory and really


@pytest.fixture
def admin(broker):
    """Return one that lives as long as the test: what it was asked ends with it."""
    return broker.admin()


@pytest.fixture
def a_name(broker, admin):
    name = f"test.{uuid.uuid4().hex}"
    yield name
    if isinstance(broker, OnKafka):
        admin.delete_topics([name])[name].result(60)


def test_a_topic_that_is_made_is_shown_with_its_partitions(admin, a_name):
    made = admin.create_topics([NewTopic(a_name, 3, 1)], operation_timeout=30)
    assert made[a_name].result(60) is None
    deadline = time.monotonic() + 60
    while a_name not in (topics := admin.list_topics(timeout=60).topics):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(topics[a_name].partitions) == 3


def test_a_topic_that_is_there_is_not_made_again(admin, a_name):
    admin.create_topics([NewTopic(a_name, 3, 1)])[a_name].result(60)
    again = admin.create_topics([NewTopic(a_name, 4, 1)])[a_name]
    with pytest.raises(KafkaException) as refused:
        again.result(60)
    assert refused.value.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS


def test_a_topics_settings_are_told_those_of_the_broker_included(admin, a_name):
    made = NewTopic(a_name, 3, 1, config={"retention.ms": "-1"})
    admin.create_topics([made], operation_timeout=30)[a_name].result(60)
    told = settings_of(admin, [a_name])[a_name]
    assert {**DEFAULTS, "retention.ms": "-1"}.items() <= told.items()
