"""What replay relies on of a log: over one in memory, an archive, and the broker's."""

import contextlib

import pytest
from confluent_kafka import KafkaException, Producer

from replay.archive import ArchiveLog
from replay.export import export
from replay.log import OFFSETS_LIMIT_S, BrokerLog, Snapshot, Stored, snapshot_of
from schemas import InboxDocument
from schemas.registry import UnknownSchema
from streams.log.offsets import Extent, NoAnswer, Offsets
from streams.settings import Settings
from streams.topics import STEPS, topic_of
from tests.memory_broker import MemoryBroker
from tests.memory_log import MemoryLog
from tests.replay.little_log import ASKED, CONFIGURATION_TOPIC, REDACTED, a_log
from tests.streams.log.brokers import OnKafka

ROWS = [
    Stored(ASKED, 1, 0, 7, b"acme", b"value", (("id", b"1"), ("id", b"2"))),
    Stored(ASKED, 1, 1, 8, None, None),
    Stored(ASKED, 1, 2, 8, b"", b"", (("empty", b""),)),
]


def a_memory_log():
    log = MemoryLog()
    for row in ROWS:
        log.put(
            row.topic, row.value, row.key, row.partition, row.headers, timestamp_ms=row.timestamp_ms
        )
    log.topics[REDACTED, 1] = []
    log.acknowledged["redact"] = 2
    return log


def on_a_broker(log, **options):
    """The log of a broker in memory that holds what another log holds."""
    broker = MemoryBroker()
    for (topic, partition), rows in log.topics.items():
        broker.create(topic)
        for row in rows:
            broker.put(
                topic,
                row.value,
                partition=partition,
                key=row.key,
                headers=row.headers,
                time_ms=row.timestamp_ms,
            )
    snapshot = Snapshot({step.name: log.committed(step.name) for step in STEPS}, log.extents())
    return BrokerLog(Settings(), snapshot, broker.consumer(), **options)


@pytest.fixture(params=["memory", "archive", "broker", "broker, loaded"])
def log(request, tmp_path):
    memory = a_memory_log()
    match request.param:
        case "memory":
            log = memory
        case "archive":
            export(memory, tmp_path / "archive")
            log = ArchiveLog(tmp_path / "archive")
        case _:
            log = on_a_broker(memory, piece=(1, 99))
    if "loaded" in request.param:
        log.load(1)
    with contextlib.closing(log):
        yield log


def test_every_partition_has_its_extent(log):
    assert log.extents() == {
        (ASKED, 1): Extent(ASKED, 1, 0, 3),
        (REDACTED, 1): Extent(REDACTED, 1, 0, 0),
    }


def test_records_come_in_order_as_they_lie(log):
    assert list(log.records(ASKED, 1)) == ROWS


def test_records_may_be_read_again(log):
    assert list(log.records(ASKED, 1)) == list(log.records(ASKED, 1))


def test_topics_may_be_read_side_by_side(log):
    readings = [log.records(ASKED, 1), log.records(ASKED, 1)]
    assert [tuple(rows) for rows in zip(*readings, strict=True)] == [(row, row) for row in ROWS]


@pytest.mark.parametrize(("records", "size"), [(1, 99), (2, 99), (3, 99), (99, 0), (99, 5)])
def test_pieces_of_a_topic_follow_one_another(records, size):
    assert list(on_a_broker(a_memory_log(), piece=(records, size)).records(ASKED, 1)) == ROWS


@pytest.mark.parametrize("place", [(REDACTED, 1), (ASKED, 0), ("no.such.topic", 0)])
def test_where_nothing_is_nothing_is_read(log, place):
    assert list(log.records(*place)) == []


def test_what_a_step_has_acknowledged_is_known_and_nothing_of_others(log):
    assert log.committed("redact").get((ASKED, 1)) == 2
    assert log.committed("embed").get((ASKED, 1), 0) == 0


def test_another_lane_may_be_loaded(log):
    log.load(0)
    assert list(log.records(ASKED, 1)) == ROWS


@pytest.mark.parametrize("kind", ["memory", "archive"])
async def test_schemas_are_known_in_both_directions(kind, tmp_path):
    memory = await a_log(1)
    export(memory, tmp_path / "archive")
    log = memory if kind == "memory" else ArchiveLog(tmp_path / "archive")
    for record in ("QuestionAsked", "QuestionRedacted", "ConfigurationSet", "Digested"):
        assert log.ids.definition_of(log.ids.id_of(record))["name"] == record
    with pytest.raises(UnknownSchema):
        log.ids.definition_of(10**6)
    assert [one.partition for one in log.records(CONFIGURATION_TOPIC, 0)] == [0]


# ---------------------------------------------------------------------- the broker's


@pytest.mark.parametrize(
    ("records_max", "bytes_max", "loaded"), [(3, 99, 1), (2, 99, 0), (3, 4, 0)]
)
def test_a_lane_is_read_at_once_where_it_is_small(records_max, bytes_max, loaded):
    log = on_a_broker(a_memory_log())
    log.load(1, records_max, bytes_max)
    assert len(log._loaded) == 2 * loaded
    assert list(log.records(ASKED, 1)) == ROWS


def test_only_the_lane_itself_is_loaded_and_no_inbox():
    memory = a_memory_log()
    inbox = topic_of(InboxDocument)
    memory.put(inbox, b"plain", partition=1)
    memory.put(REDACTED, b"other lane", partition=0)
    log = on_a_broker(memory)
    log.load(1)
    assert set(log._loaded) == {(ASKED, 1), (REDACTED, 1)}


def test_a_log_is_fixed_at_the_moment_when_it_was_opened():
    memory = a_memory_log()
    log = on_a_broker(memory)
    log._consumer._broker.put(ASKED, b"later", partition=1)
    assert list(log.records(ASKED, 1)) == ROWS


def test_a_snapshot_holds_each_step_and_the_topics_that_there_are():
    asked = {}

    def ask(settings, groups, partitions, limit_s):
        asked.update(groups=groups, partitions=partitions, limit_s=limit_s)
        committed = {group: dict.fromkeys(lanes, -1) for group, lanes in groups.items()}
        committed["playhead-redact"][ASKED, 1] = 7
        return Offsets(committed, {one: Extent(*one, 0, 9) for one in partitions})

    snapshot = snapshot_of(Settings(partitions=2), {ASKED: [0, 1], "foreign": [0]}, ask)
    assert set(asked["groups"]) == {f"playhead-{step.name}" for step in STEPS}
    assert asked["limit_s"] == OFFSETS_LIMIT_S
    assert snapshot.extents == {(ASKED, n): Extent(ASKED, n, 0, 9) for n in (0, 1)}
    assert set(snapshot.committed) == {step.name for step in STEPS}
    assert snapshot.committed["redact"][ASKED, 1] == 7
    assert snapshot.committed["redact"][ASKED, 0] == 0  # never committed: nothing acknowledged


def test_a_broker_that_does_not_tell_is_a_sentence():
    def ask(*_):
        raise NoAnswer("nothing within 15 s")

    with pytest.raises(NoAnswer, match=r"127\.0\.0\.1:9092.*nothing within 15 s.*status"):
        snapshot_of(Settings(), {}, ask)


def test_a_broker_that_is_away_is_an_error_of_the_client():
    settings = Settings(kafka="127.0.0.1:1")
    with pytest.raises(KafkaException):
        BrokerLog(settings, metadata_timeout_s=0.2)


@pytest.mark.stack
def test_the_log_of_the_real_broker_is_the_same(running, topic):
    OnKafka(running.settings, topic)  # waits until the new topic can be written to
    producer = Producer({"bootstrap.servers": running.settings.kafka, "log_level": 0})
    for row in ROWS:
        producer.produce(
            topic,
            row.value,
            row.key,
            row.partition,
            headers=list(row.headers),
            timestamp=row.timestamp_ms + 10**12,
        )
    assert producer.flush(60) == 0
    snapshot = Snapshot({}, {(topic, 1): Extent(topic, 1, 0, 3)})
    with contextlib.closing(BrokerLog(running.settings, snapshot)) as log:
        plain = list(log.records(topic, 1))
        log.load(1)
        assert list(log.records(topic, 1)) == plain
    assert [(one.offset, one.key, one.value, one.headers) for one in plain] == [
        (row.offset, row.key, row.value, row.headers) for row in ROWS
    ]
