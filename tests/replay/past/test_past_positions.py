"""Times are positions of the lane in which a tenant's documents lie."""

import pytest
from msgspec.structs import replace

from replay.past.past_positions import EMBEDDED, INDEXED, TenantPositions, positions_of
from schemas import Batch, Cause, ChunksIndexed, DocumentRef
from streams.log.codec import Codec
from tests.fakes import a_codec, a_meta
from tests.memory_log import MemoryLog

REF = DocumentRef(document="d", version=1, uri="d")
BATCH = Batch(number=0, last=True)


def put(log, tenant, lane, position, at_us, topic=EMBEDDED):
    cause = Cause(topic=topic, partition=lane, offset=position, id="c")
    meta = replace(a_meta(tenant=tenant), cause=cause, at=at_us)
    event = ChunksIndexed(meta=meta, outcome="indexed", document=REF, batch=BATCH)
    log.put(INDEXED, a_codec().encode(event), key=tenant.encode(), partition=lane)


@pytest.fixture
def log():
    log = MemoryLog()
    for position, at_us in ((0, 10), (3, 20), (5, 30)):
        put(log, "acme", 2, position, at_us)
    put(log, "other", 2, 4, 25)
    put(log, "wide", 1, 1, 5)
    put(log, "wide", 3, 1, 5)
    log.put(INDEXED, b"no avro", key=b"acme", partition=2)
    return log


@pytest.mark.parametrize(
    ("time_us", "position"), [(9, -1), (10, 0), (19, 0), (20, 3), (29, 3), (30, 5), (99, 5)]
)
def test_a_time_is_the_last_position_that_was_reached_by_it(log, time_us, position):
    known = positions_of(log, Codec(log.ids), "acme")
    assert known == TenantPositions(2, ((0, 10), (3, 20), (5, 30)))
    assert known.at(time_us) == position


def test_a_tenant_that_nobody_knows_and_one_of_several_lanes_are_told(log):
    with pytest.raises(LookupError, match="no document of tenant nobody was ever indexed"):
        positions_of(log, Codec(log.ids), "nobody")
    with pytest.raises(LookupError, match="in the lanes 1, 3"):
        positions_of(log, Codec(log.ids), "wide")
