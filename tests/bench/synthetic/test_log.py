"""The log in memory is read as a log is."""

from bench.synthetic.log import SyntheticLog
from schemas import Ask, QueryRewritten
from streams.log.codec import Codec
from streams.log.reading import Extent
from streams.running.run import stamped
from streams.topics import STEPS, topic_of
from tests.fakes import a_meta

TOPIC = topic_of(QueryRewritten)
EVENT = QueryRewritten(outcome="rewritten", subject="u", question="q", query="q", ask=Ask())


def filled(*lanes):
    log = SyntheticLog()
    codec = Codec(log.ids)
    for number, lane in enumerate(lanes):
        log.append(codec, stamped(EVENT, a_meta(lane=lane, request=f"r-{number}")))
    return log


def test_each_lane_counts_its_own_offsets():
    log = filled(0, 2, 0)
    assert log.extents() == {(TOPIC, 0): Extent(TOPIC, 0, 0, 2), (TOPIC, 2): Extent(TOPIC, 2, 0, 1)}
    assert [stored.offset for stored in log.records(TOPIC, 0)] == [0, 1]
    assert list(log.records(TOPIC, 1)) == []


def test_records_lie_there_as_a_producer_puts_them():
    [stored] = filled(2).records(TOPIC, 2)
    event = Codec(SyntheticLog().ids).decode(stored.value, QueryRewritten)
    assert (stored.key, stored.timestamp_ms) == (b"acme", event.meta.at // 1_000)
    assert dict(stored.headers) == {"id": b"id-of-r-0", "traceparent": b"", "request": b"r-0"}


def test_every_step_has_acknowledged_what_it_reads_and_nothing_else():
    log = filled(0, 0, 2)
    committed = {step.name: log.committed(step.name) for step in STEPS}
    assert committed.pop("retrieve") == {(TOPIC, 0): 2, (TOPIC, 2): 1}
    assert set(map(len, committed.values())) == {0}
