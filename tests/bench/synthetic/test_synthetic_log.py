"""The log in memory is read as an archive of it and as a broker that holds the same are read."""

import contextlib

import pytest

from bench.synthetic.synthetic_log import SyntheticLog
from replay.archive import ArchiveLog
from replay.export import export
from replay.log import BrokerLog, Snapshot
from schemas import Ask, ChunksRetrieved, QueryRewritten
from schemas.registry import UnknownSchema
from streams.log.addressing import address_of
from streams.log.codec import Codec
from streams.log.offsets import Extent
from streams.running.run import stamped
from streams.settings import Settings
from streams.topics import STEPS, topic_of
from tests.fakes import a_meta
from tests.memory_broker import MemoryBroker

QUERIES, PASSAGES = topic_of(QueryRewritten), topic_of(ChunksRetrieved)
QUERY = QueryRewritten(outcome="rewritten", subject="u", question="q", query="q", ask=Ask())
FOUND = ChunksRetrieved(outcome="retrieved", subject="u", question="q", query="q", ask=Ask())


def events(*lanes):
    """Return queries of these lanes, and what was found for the first one."""
    queries = [
        stamped(QUERY, a_meta(lane=lane, request=f"r-{number}", trace=f"00-{number}"))
        for number, lane in enumerate(lanes)
    ]
    return [*queries, stamped(FOUND, queries[0].meta)]


def filled(*lanes):
    log = SyntheticLog()
    codec = Codec(log.ids)
    for event in events(*lanes):
        log.append(codec, event)
    return log


def on_a_broker(log):
    """Return the log of a broker in memory that holds the same."""
    broker = MemoryBroker()
    for place, extent in log.extents().items():
        assert extent.begin == 0
        for one in log.records(*place):
            offset = broker.put(
                one.topic,
                one.value,
                partition=one.partition,
                key=one.key,
                headers=one.headers,
                time_ms=one.timestamp_ms,
            )
            assert offset == one.offset
    snapshot = Snapshot({step.name: log.committed(step.name) for step in STEPS}, log.extents())
    return BrokerLog(Settings(), snapshot, broker.consumer())


@pytest.fixture(params=["synthetic", "archive", "broker"])
def log(request, tmp_path):
    synthetic = filled(0, 2, 0)
    match request.param:
        case "synthetic":
            log = synthetic
        case "archive":
            export(synthetic, tmp_path / "archive")
            log = ArchiveLog(tmp_path / "archive")
        case _:
            log = on_a_broker(synthetic)
    with contextlib.closing(log):
        yield log


def test_each_lane_counts_its_own_offsets(log):
    held = {place: extent for place, extent in log.extents().items() if extent.end}
    assert held == {
        (QUERIES, 0): Extent(QUERIES, 0, 0, 2),
        (QUERIES, 2): Extent(QUERIES, 2, 0, 1),
        (PASSAGES, 0): Extent(PASSAGES, 0, 0, 1),
    }
    assert [stored.offset for stored in log.records(QUERIES, 0)] == [0, 1]


def test_records_lie_there_as_a_producer_puts_them(log):
    codec = Codec(SyntheticLog().ids)
    for event in events(0, 2, 0):
        topic, lane, key, headers = address_of(event)
        [stored] = [
            one
            for one in log.records(topic, lane)
            if dict(one.headers)["request"].decode() == event.meta.request
        ]
        assert (stored.key, stored.headers) == (key, headers)
        assert stored.timestamp_ms == event.meta.at // 1_000
        assert codec.decode(stored.value, type(event)) == event


def test_records_are_read_as_often_as_one_likes(log):
    first = list(log.records(QUERIES, 0))
    assert list(log.records(QUERIES, 0)) == first
    assert len(first) == 2


@pytest.mark.parametrize("place", [(QUERIES, 1), (PASSAGES, 2), ("no.such.topic", 0)])
def test_where_nothing_is_nothing_is_read(log, place):
    assert list(log.records(*place)) == []


@pytest.mark.parametrize("lane", [0, 1, 2])
def test_whichever_lane_is_loaded_all_can_be_read(log, lane):
    log.load(lane)
    assert len(list(log.records(QUERIES, 0))) == 2
    assert len(list(log.records(QUERIES, 2))) == 1


@pytest.mark.parametrize(
    ("step", "ends"),
    [
        ("retrieve", {(QUERIES, 0): 2, (QUERIES, 2): 1}),
        ("generate", {(PASSAGES, 0): 1}),
        ("ingest", {}),
    ],
)
def test_every_step_has_acknowledged_what_it_reads_and_nothing_else(log, step, ends):
    committed = log.committed(step)
    assert {place: end for place, end in committed.items() if end} == ends


@pytest.mark.parametrize("name", ["QueryRewritten", "ChunksRetrieved", "Digested"])
def test_schemas_are_known_in_both_directions(name):
    ids = filled(0).ids
    assert ids.definition_of(ids.id_of(name))["name"] == name
    with pytest.raises(UnknownSchema):
        ids.definition_of(10**6)


def test_an_offset_is_told_when_a_record_is_put():
    log = SyntheticLog()
    codec = Codec(log.ids)
    assert [log.append(codec, event) for event in events(0, 2, 0)] == [0, 0, 1, 0]


def test_an_empty_log_is_one():
    log = SyntheticLog()
    assert not any(extent.end for extent in log.extents().values())
    assert not any(any(log.committed(step.name).values()) for step in STEPS)
